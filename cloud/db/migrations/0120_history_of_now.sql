-- Most lines are of now, with the same end: an index of ends that holds them, too, is walked whole for each finding as
-- long as nobody has counted the table, on each fresh database.
DROP INDEX finding_history_until_at_idx;
CREATE INDEX finding_history_until_at_idx ON finding_history (until_at) WHERE until_at < 'infinity';
CREATE UNIQUE INDEX finding_history_now_idx ON finding_history (finding_id) WHERE until_at = 'infinity';
