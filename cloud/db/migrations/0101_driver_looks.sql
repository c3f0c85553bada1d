-- Who did what with a driver's data, as the driver reads it: a chain for each, sealed with those of the cases.
CREATE TABLE driver_records (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    driver text NOT NULL,
    CONSTRAINT driver_records_pkey PRIMARY KEY (id),
    CONSTRAINT driver_records_driver_key UNIQUE (driver)
);
CREATE TABLE driver_history (
    record uuid NOT NULL,
    serial integer NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    reason jsonb NOT NULL, -- {zh, en}
    from_state text,
    to_state text NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    details jsonb NOT NULL, -- never a bus or a place: it stays when shifts and tracks are deleted
    seal bigint,
    CONSTRAINT driver_history_pkey PRIMARY KEY (record, serial),
    CONSTRAINT driver_history_record_fkey FOREIGN KEY (record) REFERENCES driver_records (id),
    CONSTRAINT driver_history_hash_check CHECK (octet_length(previous_hash) = 32 AND octet_length(hash) = 32)
);
CREATE INDEX driver_history_unsealed_idx ON driver_history (record, serial) WHERE seal IS NULL;
CREATE INDEX driver_history_seal_idx ON driver_history (seal);

-- Looks at who drove what when: at a driver, or at a bus, in a time. One asks, another approves, and they end by themselves.
CREATE TABLE driver_looks (
    id uuid NOT NULL,
    city text NOT NULL,
    driver text,
    device text,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    kind text NOT NULL,
    purpose text NOT NULL,
    minutes integer NOT NULL,
    asked_at timestamptz NOT NULL,
    asked_by text NOT NULL,
    approved_at timestamptz,
    approved_by text,
    until_at timestamptz,
    closed_at timestamptz,
    closed_by text,
    outcome text,
    CONSTRAINT driver_looks_pkey PRIMARY KEY (id),
    CONSTRAINT driver_looks_at_check CHECK ((driver IS NULL) <> (device IS NULL)),
    CONSTRAINT driver_looks_time_check CHECK (from_at < to_at AND to_at - from_at <= interval '7 days'),
    CONSTRAINT driver_looks_minutes_check CHECK (minutes BETWEEN 1 AND 60),
    CONSTRAINT driver_looks_two_check CHECK (approved_by <> asked_by),
    CONSTRAINT driver_looks_approved_check CHECK (
        (approved_at IS NULL) = (approved_by IS NULL) AND (approved_at IS NULL) = (until_at IS NULL)),
    CONSTRAINT driver_looks_closed_check CHECK ((closed_at IS NULL) = (closed_by IS NULL))
);
CREATE INDEX driver_looks_open_idx ON driver_looks (asked_at) WHERE closed_at IS NULL;

-- It named driver and bus of a shift for ever.
UPDATE driving_log SET reason = NULL WHERE shift_id IS NOT NULL;
