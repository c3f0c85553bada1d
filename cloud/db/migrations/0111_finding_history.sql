-- What the map showed of a finding, and when: merges and regroupings leave no other trace of what was believed before.
CREATE TABLE finding_history (
    finding_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    class_code text NOT NULL,
    state text NOT NULL,
    existence double precision NOT NULL,
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    CONSTRAINT finding_history_pkey PRIMARY KEY (finding_id, from_at),
    CONSTRAINT finding_history_finding_id_fkey FOREIGN KEY (finding_id) REFERENCES findings (id),
    CONSTRAINT finding_history_times_check CHECK (until_at >= from_at)
);

-- Of those known until now: as they are, from their first sighting on.
INSERT INTO finding_history
SELECT id, first_seen_at, 'infinity', class_code, state, existence, lon, lat FROM findings WHERE merged_into IS NULL;

CREATE INDEX finding_history_place_idx ON finding_history USING gist (point(lon, lat));
CREATE INDEX finding_history_until_at_idx ON finding_history (until_at);

-- A metre and a percent are the least that anybody would see: each pass changes place and belief a little.
CREATE FUNCTION looks_the_same(before finding_history, now findings) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (before.class_code, before.state) = (now.class_code, now.state)
        AND abs(before.existence - now.existence) < 0.01
        AND abs(before.lat - now.lat) < 0.00001 AND abs(before.lon - now.lon) < 0.00001
$$;

CREATE FUNCTION note_history_of_finding() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shown finding_history;
    noted_at timestamptz;
BEGIN
    SELECT * INTO shown FROM finding_history WHERE finding_id = NEW.id AND until_at = 'infinity';
    IF NEW.merged_into IS NULL AND looks_the_same(shown, NEW) THEN
        RETURN NULL;
    END IF;
    noted_at := greatest(now(), shown.from_at); -- a transaction that waited began before the one that it waited for
    UPDATE finding_history SET until_at = noted_at WHERE finding_id = NEW.id AND until_at = 'infinity';
    IF NEW.merged_into IS NULL THEN
        INSERT INTO finding_history AS h
        VALUES (NEW.id, noted_at, 'infinity', NEW.class_code, NEW.state, NEW.existence, NEW.lon, NEW.lat)
        ON CONFLICT ON CONSTRAINT finding_history_pkey DO UPDATE SET until_at = EXCLUDED.until_at,
            class_code = EXCLUDED.class_code, state = EXCLUDED.state, existence = EXCLUDED.existence,
            lon = EXCLUDED.lon, lat = EXCLUDED.lat;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER findings_note_history AFTER INSERT ON findings
    FOR EACH ROW EXECUTE FUNCTION note_history_of_finding();
CREATE TRIGGER findings_note_changed_history AFTER UPDATE ON findings FOR EACH ROW
    WHEN ((OLD.class_code, OLD.state, OLD.existence, OLD.lon, OLD.lat, OLD.merged_into)
        IS DISTINCT FROM (NEW.class_code, NEW.state, NEW.existence, NEW.lon, NEW.lat, NEW.merged_into))
    EXECUTE FUNCTION note_history_of_finding();
