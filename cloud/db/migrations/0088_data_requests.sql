-- What people ask about their own data. What they wrote lies apart, so that it can go while the record stays.
CREATE TABLE data_requests (
    id uuid NOT NULL,
    city text NOT NULL,
    number text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    received_at timestamptz NOT NULL,
    warn_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    warned_at timestamptz,
    overdue_at timestamptz,
    decided_at timestamptz, -- answered or refused
    closed_at timestamptz,
    CONSTRAINT data_requests_pkey PRIMARY KEY (id),
    CONSTRAINT data_requests_number_key UNIQUE (number),
    CONSTRAINT data_requests_kind_check CHECK (kind IN ('information', 'erasure')),
    CONSTRAINT data_requests_state_check CHECK (
        state IN ('received', 'identity_checked', 'answered', 'refused', 'closed')),
    CONSTRAINT data_requests_time_check CHECK (received_at <= warn_at AND warn_at < due_at),
    CONSTRAINT data_requests_closed_check CHECK ((state = 'closed') = (closed_at IS NOT NULL))
);
CREATE INDEX data_requests_open_idx ON data_requests (due_at) WHERE state IN ('received', 'identity_checked');

CREATE TABLE data_request_numbers (
    city text NOT NULL,
    year integer NOT NULL,
    last integer NOT NULL,
    CONSTRAINT data_request_numbers_pkey PRIMARY KEY (city, year)
);

-- Who asks, what they wrote and what they were answered; sealed where there is a key, deleted some time after closing.
CREATE TABLE data_request_persons (
    request_id uuid NOT NULL,
    wish text NOT NULL,
    answer text,
    closed_at timestamptz,
    CONSTRAINT data_request_persons_pkey PRIMARY KEY (request_id),
    CONSTRAINT data_request_persons_request_id_fkey FOREIGN KEY (request_id) REFERENCES data_requests (id)
);
CREATE INDEX data_request_persons_closed_at_idx ON data_request_persons (closed_at) WHERE closed_at IS NOT NULL;

-- A chain for each request, sealed with those of the cases; nothing in it tells who asked.
CREATE TABLE data_request_history (
    request_id uuid NOT NULL,
    serial integer NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    reason jsonb NOT NULL, -- {zh, en}
    from_state text,
    to_state text NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    details jsonb NOT NULL,
    seal bigint,
    CONSTRAINT data_request_history_pkey PRIMARY KEY (request_id, serial),
    CONSTRAINT data_request_history_request_id_fkey FOREIGN KEY (request_id) REFERENCES data_requests (id),
    CONSTRAINT data_request_history_hash_check CHECK (octet_length(previous_hash) = 32 AND octet_length(hash) = 32)
);
CREATE INDEX data_request_history_unsealed_idx ON data_request_history (request_id, serial) WHERE seal IS NULL;
CREATE INDEX data_request_history_seal_idx ON data_request_history (seal);

-- When the public form was sent from where, for a day: one network must not fill the office's list.
CREATE TABLE notice_sends (
    network text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX notice_sends_at_idx ON notice_sends (at);

-- A picture that a person had erased: the observation stays, and the picture is not taken again.
ALTER TABLE pictures ADD COLUMN erased_at timestamptz;
