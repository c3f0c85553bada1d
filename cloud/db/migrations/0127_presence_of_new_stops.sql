-- A device that becomes a stop while it is connected, by its first water level or enrolled again as one that carries:
-- from then on it is a connected stop of the map of the past.
CREATE OR REPLACE FUNCTION note_presence_of_stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stop_presence
    SELECT NEW.city, NEW.device, clock_timestamp(), NEW.presence WHERE NEW.presence IS NOT NULL AND is_stop(NEW)
    ON CONFLICT ON CONSTRAINT stop_presence_pkey DO UPDATE SET presence = EXCLUDED.presence;
    RETURN NULL;
END $$;
DROP TRIGGER devices_note_presence ON devices;
CREATE TRIGGER devices_note_presence AFTER UPDATE ON devices FOR EACH ROW
    WHEN (OLD.presence IS DISTINCT FROM NEW.presence OR (NEW.is_relay AND NOT OLD.is_relay))
    EXECUTE FUNCTION note_presence_of_stop();

CREATE FUNCTION note_presence_of_gauge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stop_presence
    SELECT d.city, d.device, clock_timestamp(), d.presence FROM devices d
    WHERE d.city = NEW.city AND d.device = NEW.device AND d.presence IS NOT NULL
        AND NOT EXISTS (SELECT FROM stop_presence p WHERE p.city = d.city AND p.device = d.device);
    RETURN NULL;
END $$;
CREATE TRIGGER water_gauges_note_presence AFTER INSERT ON water_gauges FOR EACH ROW
    EXECUTE FUNCTION note_presence_of_gauge();

INSERT INTO stop_presence
SELECT d.city, d.device, now(), d.presence FROM devices d
WHERE d.presence IS NOT NULL AND is_stop(d)
    AND NOT EXISTS (SELECT FROM stop_presence p WHERE p.city = d.city AND p.device = d.device);
