-- Which states end a case, said once: a statement that asks it is planned as if the states stood there, so that the
-- index of open cases serves it.
CREATE FUNCTION is_ended(case_state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT case_state IN ('closed', 'rejected', 'merged') $$;
