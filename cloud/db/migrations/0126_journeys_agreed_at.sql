-- Since when a journey is agreed: nobody is missed before. Null: before it was written down.
ALTER TABLE travel_journeys ADD COLUMN agreed_at timestamptz;
