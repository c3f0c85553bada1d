-- What the summary counts, kept. A change only adds a row, so nobody waits for anybody; the worker adds them up.
CREATE TABLE tallies (
    subject text NOT NULL,
    key text NOT NULL,
    n bigint NOT NULL,
    CONSTRAINT tallies_pkey PRIMARY KEY (subject, key)
);
CREATE TABLE tally_changes (
    subject text NOT NULL,
    key text NOT NULL,
    n bigint NOT NULL,
    CONSTRAINT tally_changes_subject_check CHECK (subject IN ('case_state', 'case_step', 'observation'))
);

CREATE FUNCTION tally_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO tally_changes VALUES ('case_state', OLD.state, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO tally_changes VALUES ('case_state', NEW.state, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER cases_tally AFTER INSERT OR DELETE ON cases FOR EACH ROW EXECUTE FUNCTION tally_case();
CREATE TRIGGER cases_tally_change AFTER UPDATE ON cases FOR EACH ROW
    WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION tally_case();

-- The steps of the loop; null for what is none of them.
CREATE FUNCTION step_of(action text, from_state text, to_state text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN to_state = 'rejected' AND from_state <> to_state THEN 'rejected'
        WHEN action = 'file' THEN 'filed'
        WHEN action = 'dispatch' THEN 'dispatched'
        WHEN action = 'accept' THEN 'accepted'
        WHEN action = 'done' THEN 'repaired'
        WHEN action = 'verify' THEN 'verified'
        WHEN action = 'reopen' AND from_state IN ('done', 'verified', 'closed') THEN 'reopened' -- it did not hold
    END
$$;
CREATE FUNCTION tally_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally_changes
    SELECT 'case_step', step, 1 FROM step_of(NEW.action, NEW.from_state, NEW.to_state) step WHERE step IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER case_history_tally AFTER INSERT ON case_history FOR EACH ROW EXECUTE FUNCTION tally_step();

INSERT INTO tallies SELECT 'case_state', state, count(*) FROM cases GROUP BY state;
INSERT INTO tallies
SELECT 'case_step', step, count(*) FROM case_history, step_of(action, from_state, to_state) step
WHERE step IS NOT NULL GROUP BY step;
INSERT INTO tallies SELECT 'observation', '', count(*) FROM observations HAVING count(*) > 0;
