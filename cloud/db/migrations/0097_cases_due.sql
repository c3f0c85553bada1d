-- What is due first is read in its order; without a limit of time it comes last.
CREATE INDEX cases_due_idx ON cases (coalesce(due_at, 'infinity'::timestamptz), id);
