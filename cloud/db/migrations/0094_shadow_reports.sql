-- What a new model saw beside the one in use: the newest sums of each run of each bus's agent.
CREATE TABLE shadow_reports (
    release text NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    run uuid NOT NULL,
    at timestamptz NOT NULL,
    report jsonb NOT NULL,
    CONSTRAINT shadow_reports_pkey PRIMARY KEY (release, city, device, run),
    CONSTRAINT shadow_reports_release_fkey FOREIGN KEY (release) REFERENCES releases,
    CONSTRAINT shadow_reports_device_fkey FOREIGN KEY (city, device) REFERENCES devices ON DELETE CASCADE
);
CREATE INDEX device_wishes_shadow_idx ON device_wishes ((settings ->> 'package.shadow'))
    WHERE settings ? 'package.shadow';

-- A roll-out of a model may ask that it has looked on at so many frames before anybody approves it.
ALTER TABLE roll_outs
    ADD COLUMN shadow_frames integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT roll_outs_shadow_frames_check CHECK (shadow_frames >= 0);
