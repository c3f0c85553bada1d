-- How bad the map thought a finding to be; null: of a time before that was written down.
ALTER TABLE finding_history ADD COLUMN severity text;

CREATE OR REPLACE FUNCTION looks_the_same(before finding_history, now findings) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$
    SELECT (before.class_code, before.state, before.severity) = (now.class_code, now.state, now.severity)
        AND abs(before.existence - now.existence) < 0.01
        AND abs(before.lat - now.lat) < 0.00001 AND abs(before.lon - now.lon) < 0.00001
$$;

CREATE OR REPLACE FUNCTION note_history_of_finding() RETURNS trigger LANGUAGE plpgsql AS $$
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
        INSERT INTO finding_history AS h (finding_id, from_at, until_at, class_code, state, severity, existence, lon, lat)
        VALUES (NEW.id, noted_at, 'infinity', NEW.class_code, NEW.state, NEW.severity, NEW.existence, NEW.lon, NEW.lat)
        ON CONFLICT ON CONSTRAINT finding_history_pkey DO UPDATE SET until_at = EXCLUDED.until_at,
            class_code = EXCLUDED.class_code, state = EXCLUDED.state, severity = EXCLUDED.severity,
            existence = EXCLUDED.existence, lon = EXCLUDED.lon, lat = EXCLUDED.lat;
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER findings_note_changed_history ON findings;
CREATE TRIGGER findings_note_changed_history AFTER UPDATE ON findings FOR EACH ROW
    WHEN ((OLD.class_code, OLD.state, OLD.severity, OLD.existence, OLD.lon, OLD.lat, OLD.merged_into)
        IS DISTINCT FROM
        (NEW.class_code, NEW.state, NEW.severity, NEW.existence, NEW.lon, NEW.lat, NEW.merged_into))
    EXECUTE FUNCTION note_history_of_finding();

-- What is shown now is as bad as it is known to be from now on; how bad it was thought to be before, nobody wrote down.
WITH ended AS (
    UPDATE finding_history SET until_at = now() WHERE until_at = 'infinity' AND from_at < now() RETURNING *
)
INSERT INTO finding_history (finding_id, from_at, until_at, class_code, state, severity, existence, lon, lat)
SELECT e.finding_id, e.until_at, 'infinity', e.class_code, e.state, f.severity, e.existence, e.lon, e.lat
FROM ended e JOIN findings f ON f.id = e.finding_id;
