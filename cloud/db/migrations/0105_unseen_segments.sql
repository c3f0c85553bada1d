-- Segments that nobody ever looked at stand in an index of their own: the list of stale segments begins with them.
ALTER TABLE segments ADD COLUMN is_seen boolean NOT NULL DEFAULT false;
UPDATE segments SET is_seen = true FROM segment_conditions c
    WHERE c.segment_id = segments.id AND c.last_looked_at IS NOT NULL;
CREATE INDEX segments_unseen_idx ON segments (id) WHERE retired_at IS NULL AND NOT is_seen;

CREATE FUNCTION note_first_look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE segments SET is_seen = true WHERE id = NEW.segment_id AND NOT is_seen;
    RETURN NULL;
END $$;
CREATE TRIGGER segment_conditions_note_first_look AFTER INSERT OR UPDATE OF last_looked_at ON segment_conditions
    FOR EACH ROW WHEN (NEW.last_looked_at IS NOT NULL) EXECUTE FUNCTION note_first_look();
