-- How street furniture was believed to be, and since when.
CREATE TABLE inventory.thing_states (
    thing_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    state text NOT NULL,
    CONSTRAINT thing_states_pkey PRIMARY KEY (thing_id, from_at),
    CONSTRAINT thing_states_thing_id_fkey FOREIGN KEY (thing_id) REFERENCES inventory.things (id)
        ON UPDATE CASCADE ON DELETE CASCADE
);
INSERT INTO inventory.thing_states SELECT id, state_since, state FROM inventory.things;

CREATE FUNCTION inventory.note_state_of_thing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO inventory.thing_states VALUES (NEW.id, NEW.state_since, NEW.state)
    ON CONFLICT ON CONSTRAINT thing_states_pkey DO UPDATE SET state = EXCLUDED.state;
    RETURN NULL;
END $$;
CREATE TRIGGER things_note_state AFTER INSERT ON inventory.things
    FOR EACH ROW EXECUTE FUNCTION inventory.note_state_of_thing();
CREATE TRIGGER things_note_changed_state AFTER UPDATE ON inventory.things FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION inventory.note_state_of_thing();
