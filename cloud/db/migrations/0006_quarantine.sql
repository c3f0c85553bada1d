-- What could not be stored, with the reason. The digest (SHA-256 of topic, a zero byte and payload) keeps a
-- message that comes again from lying here twice.
CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY,
    digest bytea NOT NULL,
    received_at timestamptz NOT NULL,
    topic text NOT NULL,
    payload bytea NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    city text,
    device text,
    event_id uuid,
    stream uuid,
    sequence bigint,
    replayed_at timestamptz,
    CONSTRAINT quarantine_pkey PRIMARY KEY (id),
    CONSTRAINT quarantine_digest_key UNIQUE (digest),
    CONSTRAINT quarantine_digest_check CHECK (octet_length(digest) = 32)
);
CREATE INDEX quarantine_waiting_idx ON quarantine (id) WHERE replayed_at IS NULL;
