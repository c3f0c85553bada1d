CREATE TABLE pictures (
    sha256 text NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    size_bytes integer NOT NULL,
    media_type text NOT NULL,
    width_px integer NOT NULL,
    height_px integer NOT NULL,
    blur jsonb NOT NULL,
    announced_at timestamptz NOT NULL,
    received_at timestamptz,
    CONSTRAINT pictures_pkey PRIMARY KEY (sha256),
    CONSTRAINT pictures_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT pictures_media_type_check CHECK (media_type IN ('image/jpeg', 'image/webp'))
);
