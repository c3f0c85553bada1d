-- When an outbox's stream last told something: a bus begins new streams at each start of its machine, old ones are purged.
ALTER TABLE device_streams ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now();
