-- Devices that a feed of somebody else speaks for; null: their own agent or terminal.
ALTER TABLE devices ADD COLUMN feed text, ADD CONSTRAINT devices_feed_check CHECK (feed IN ('gtfs_rt'));
