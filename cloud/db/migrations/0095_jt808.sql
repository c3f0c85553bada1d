-- Terminals of others that may come, by their number. The code is drawn when a terminal registers, once.
CREATE TABLE jt808_terminals (
    phone text NOT NULL, -- without leading zeros
    city text NOT NULL,
    device text NOT NULL,
    terminal_id text, -- that it must have; none: whichever registers first
    register_until timestamptz NOT NULL,
    registered_at timestamptz,
    registered_as text,
    plate text,
    code_hash bytea,
    CONSTRAINT jt808_terminals_pkey PRIMARY KEY (phone),
    CONSTRAINT jt808_terminals_device_fkey FOREIGN KEY (city, device) REFERENCES devices ON DELETE CASCADE,
    CONSTRAINT jt808_terminals_phone_check CHECK (phone ~ '^[1-9][0-9]{0,19}$')
);

-- What they said and nobody here understands, or may believe.
CREATE TABLE jt808_raw (
    id bigint GENERATED ALWAYS AS IDENTITY,
    city text NOT NULL,
    device text NOT NULL,
    received_at timestamptz NOT NULL,
    why text NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT jt808_raw_pkey PRIMARY KEY (id)
);
CREATE INDEX jt808_raw_device_idx ON jt808_raw (city, device, received_at);

-- Pictures of alarms, blurred, by the alarm's own mark.
CREATE TABLE jt808_attachments (
    city text NOT NULL,
    device text NOT NULL,
    identity bytea NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    received_at timestamptz NOT NULL,
    blur jsonb NOT NULL,
    CONSTRAINT jt808_attachments_pkey PRIMARY KEY (city, device, identity, name)
);
