-- What leaves the system about cases. A row is made in the transaction that takes the event, and is sent at least once: the
-- receiver knows a repetition by its id.
CREATE TABLE deliveries (
    id uuid NOT NULL,
    channel text NOT NULL,
    target text NOT NULL, -- key in the notification file
    state text NOT NULL DEFAULT 'waiting',
    case_id uuid NOT NULL,
    serial integer NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    next_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    sent_at timestamptz,
    CONSTRAINT deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT deliveries_line_key UNIQUE (channel, target, case_id, serial),
    CONSTRAINT deliveries_line_fkey FOREIGN KEY (case_id, serial) REFERENCES case_history (case_id, serial),
    CONSTRAINT deliveries_channel_check CHECK (channel IN ('webhook', 'email', 'chat')),
    CONSTRAINT deliveries_state_check CHECK (state IN ('waiting', 'sent', 'dead')),
    CONSTRAINT deliveries_sent_check CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX deliveries_next_at_idx ON deliveries (next_at) WHERE state = 'waiting';
CREATE INDEX deliveries_state_created_at_idx ON deliveries (state, created_at);
