-- Whether a stop was connected, and since when: what the map of the past shows of it.
CREATE TABLE stop_presence (
    city text NOT NULL,
    device text NOT NULL,
    from_at timestamptz NOT NULL,
    presence text NOT NULL,
    CONSTRAINT stop_presence_pkey PRIMARY KEY (city, device, from_at),
    CONSTRAINT stop_presence_device_fkey FOREIGN KEY (city, device) REFERENCES devices (city, device) ON DELETE CASCADE
);

-- A device at a stop: it carries what buses hand over, bears the name of a stop, or measures water.
CREATE FUNCTION is_stop(d devices) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT d.is_relay OR EXISTS (SELECT FROM travel_stops s WHERE s.id = d.device)
        OR EXISTS (SELECT FROM water_gauges g WHERE g.city = d.city AND g.device = d.device)
$$;
CREATE FUNCTION note_presence_of_stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stop_presence
    SELECT NEW.city, NEW.device, clock_timestamp(), NEW.presence WHERE is_stop(NEW)
    ON CONFLICT ON CONSTRAINT stop_presence_pkey DO UPDATE SET presence = EXCLUDED.presence;
    RETURN NULL;
END $$;
CREATE TRIGGER devices_note_presence AFTER UPDATE ON devices FOR EACH ROW
    WHEN (OLD.presence IS DISTINCT FROM NEW.presence) EXECUTE FUNCTION note_presence_of_stop();

INSERT INTO stop_presence
SELECT d.city, d.device, now(), d.presence FROM devices d WHERE d.presence IS NOT NULL AND is_stop(d);
