-- What the purge looks for by age, and what it asks whether it may go.
CREATE INDEX pictures_announced_at_idx ON pictures (announced_at);
CREATE INDEX quarantine_received_at_idx ON quarantine (received_at);
CREATE INDEX set_aside_at_idx ON set_aside (at);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
CREATE INDEX finding_observations_picture_sha256_idx ON finding_observations (picture_sha256)
    WHERE picture_sha256 IS NOT NULL;
CREATE INDEX case_photos_sha256_idx ON case_photos (sha256);
CREATE INDEX case_sightings_observation_id_idx ON case_sightings (observation_id);
