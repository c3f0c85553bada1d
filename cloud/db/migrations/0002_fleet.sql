CREATE TABLE devices (
    city text NOT NULL,
    device text NOT NULL,
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    secret_hash bytea NOT NULL,
    last_seen_at timestamptz,
    presence text,
    presence_since timestamptz, -- when the broker took the message, since a last will was written long before
    health jsonb,
    health_at timestamptz,
    twin_reported jsonb,
    twin_reported_at timestamptz,
    lon double precision,
    lat double precision,
    heading_deg double precision,
    speed_mps double precision,
    position_at timestamptz,
    CONSTRAINT devices_pkey PRIMARY KEY (city, device),
    CONSTRAINT devices_secret_hash_check CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT devices_presence_check CHECK (presence IN ('online', 'offline')),
    CONSTRAINT devices_lon_check CHECK (lon BETWEEN -180 AND 180),
    CONSTRAINT devices_lat_check CHECK (lat BETWEEN -90 AND 90)
);

-- Which numbers of a device's outbox have arrived; receipts are made of it. The device belongs to the key, so that
-- no device can speak about another's stream.
CREATE TABLE device_streams (
    city text NOT NULL,
    device text NOT NULL,
    stream uuid NOT NULL,
    first_seen_at timestamptz NOT NULL,
    stored int8multirange NOT NULL DEFAULT '{}',
    given_up int8multirange NOT NULL DEFAULT '{}',
    redelivered bigint NOT NULL DEFAULT 0,
    CONSTRAINT device_streams_pkey PRIMARY KEY (city, device, stream)
);
