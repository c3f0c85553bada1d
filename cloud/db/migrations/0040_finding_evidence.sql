-- What the measured error of a model needs to weigh a pass, and what it made of it.
ALTER TABLE finding_observations
    ADD COLUMN model_name text,
    ADD COLUMN model_version text,
    ADD COLUMN box_side_px double precision, -- root of the area of the box in the best frame ...
    ADD COLUMN distance_m double precision;  -- ... taken from here
ALTER TABLE finding_looks
    ADD COLUMN model_name text,
    ADD COLUMN model_version text;
ALTER TABLE finding_passes
    ADD COLUMN hit double precision, -- chance that this pass reports damage that is there ...
    ADD COLUMN false_alarm double precision, -- ... and damage that is not
    ADD COLUMN is_measured boolean NOT NULL DEFAULT false; -- by the model's error model, not by the catalogue

-- A finding whose sightings turned out to be another's; and what was trimmed of a long history.
ALTER TABLE findings
    ADD COLUMN merged_into uuid,
    ADD COLUMN trimmed_seen integer NOT NULL DEFAULT 0,
    ADD COLUMN trimmed_missed integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT findings_merged_into_fkey FOREIGN KEY (merged_into) REFERENCES findings (id);

-- How often each model is right and wrong (`busense models register FILE`).
CREATE TABLE error_models (
    name text NOT NULL,
    version text NOT NULL,
    sha256 text NOT NULL,
    document jsonb NOT NULL,
    registered_at timestamptz NOT NULL,
    CONSTRAINT error_models_pkey PRIMARY KEY (name, version)
);
