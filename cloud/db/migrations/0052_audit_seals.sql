-- The histories of single cases are chains; the seals are the chain over all of them. A seal covers every line that was
-- committed and not sealed yet, so that a line, or a whole case, that is taken out or put in later shows.
CREATE TABLE audit_seals (
    number bigint NOT NULL,
    at timestamptz NOT NULL,
    lines integer NOT NULL,
    content_hash bytea NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_seals_pkey PRIMARY KEY (number),
    CONSTRAINT audit_seals_lines_check CHECK (lines > 0),
    CONSTRAINT audit_seals_hash_check CHECK (octet_length(previous_hash) = 32 AND octet_length(hash) = 32)
);
CREATE INDEX case_history_unsealed_idx ON case_history (case_id, serial) WHERE seal IS NULL;
CREATE INDEX case_history_seal_idx ON case_history (seal);
