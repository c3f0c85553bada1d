-- What is decided has an index of its own; since 0090 there are more kinds of it than the old one held.
CREATE INDEX changes_decided_idx ON changes (xid, id) WHERE kind IN ('finding', 'case', 'travel', 'ward');
DROP INDEX changes_findings_cases_idx;
