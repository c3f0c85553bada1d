-- Guardians who look on are told that there is something new of somebody in their care: a conclusion, or a line of who
-- did what. What it is, they ask for.
CREATE FUNCTION tell_guardians() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changes (kind, subject, payload)
    VALUES ('ward', NEW.traveller, jsonb_build_object('ward', NEW.traveller));
    PERFORM pg_notify('busense_changes', '');
    RETURN NULL;
END $$;
CREATE TRIGGER travel_events_tell_guardians AFTER INSERT OR UPDATE ON travel_events
    FOR EACH ROW EXECUTE FUNCTION tell_guardians();
CREATE TRIGGER travel_history_tell_guardians AFTER INSERT ON travel_history
    FOR EACH ROW EXECUTE FUNCTION tell_guardians();
