-- How a device comes to its certificate: by a one-time code, once.
CREATE TABLE device_codes (
    code_sha256 bytea NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT device_codes_pkey PRIMARY KEY (code_sha256)
);

-- What the city's authority has signed. The broker lets in the names that stand here, are not revoked and not expired.
CREATE TABLE device_certificates (
    serial text NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    name text NOT NULL,
    public_key_sha256 bytea NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT device_certificates_pkey PRIMARY KEY (serial),
    CONSTRAINT device_certificates_name_key UNIQUE (name)
);
CREATE INDEX device_certificates_device_idx ON device_certificates (city, device);
