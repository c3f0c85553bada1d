-- Bus stops that carry messages of buses without a network of their own, and the keys by which these are known.
ALTER TABLE devices ADD COLUMN is_relay boolean NOT NULL DEFAULT false;
ALTER TABLE device_codes ADD COLUMN is_relay boolean NOT NULL DEFAULT false;
ALTER TABLE device_certificates ADD COLUMN public_key text;
CREATE INDEX device_certificates_key_idx ON device_certificates (public_key_sha256);
