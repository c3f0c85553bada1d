-- The last change that was trimmed away: whoever knows less has missed something and loads the lists anew.
CREATE TABLE trimmed_changes (
    is_only boolean NOT NULL DEFAULT true,
    xid xid8 NOT NULL,
    id bigint NOT NULL,
    CONSTRAINT trimmed_changes_pkey PRIMARY KEY (is_only),
    CONSTRAINT trimmed_changes_is_only_check CHECK (is_only)
);
CREATE INDEX changes_findings_cases_idx ON changes (xid, id) WHERE kind IN ('finding', 'case');
