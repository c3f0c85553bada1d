-- What will happen at a time. A row fires in the transaction of its effect: once, whatever restarts in between.
CREATE TABLE case_timers (
    case_id uuid NOT NULL,
    kind text NOT NULL,
    step integer NOT NULL DEFAULT 0, -- of the escalation
    fire_at timestamptz NOT NULL,
    fired_at timestamptz,
    CONSTRAINT case_timers_pkey PRIMARY KEY (case_id, kind, step, fire_at),
    CONSTRAINT case_timers_case_id_fkey FOREIGN KEY (case_id) REFERENCES cases (id),
    CONSTRAINT case_timers_kind_check CHECK (kind IN ('warn', 'overdue', 'escalate', 'resume', 'call_person', 'close'))
);
CREATE INDEX case_timers_fire_at_idx ON case_timers (fire_at) WHERE fired_at IS NULL;

-- Answers to writes, so that a repeated one gets the same answer instead of a second effect.
CREATE TABLE idempotency_keys (
    actor text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    answer jsonb, -- none until the transaction that holds it has its answer
    created_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (actor, key),
    CONSTRAINT idempotency_keys_key_check CHECK (length(key) BETWEEN 8 AND 100)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);

-- Lines of history that are still to be told outside; a row goes in the transaction that makes deliveries of it.
CREATE TABLE case_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    case_id uuid NOT NULL,
    serial integer NOT NULL,
    CONSTRAINT case_events_pkey PRIMARY KEY (id),
    CONSTRAINT case_events_line_fkey FOREIGN KEY (case_id, serial) REFERENCES case_history (case_id, serial)
);
