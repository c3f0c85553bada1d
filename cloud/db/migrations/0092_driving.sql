-- What a terminal or the bus's own agent says beside time, place and motion.
ALTER TABLE driving_events
    ADD COLUMN sensor text,
    ADD COLUMN limit_mps double precision,
    ADD COLUMN level smallint;
ALTER TABLE roads
    ADD COLUMN limit_mps double precision,
    ADD CONSTRAINT roads_limit_mps_check CHECK (limit_mps > 0 AND limit_mps < 60);

-- Messages whose driving the worker has not taken into account yet. It deletes a row in the transaction in which it did.
CREATE TABLE driving_queue (
    id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    event_id uuid NOT NULL,
    id_at timestamptz NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT driving_queue_pkey PRIMARY KEY (id),
    CONSTRAINT driving_queue_kind_check CHECK (kind IN ('event', 'track'))
);

-- Events at the wheel that people review. One kind at one time at one bus is one, whoever noticed it.
CREATE TABLE driving_incidents (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    city text NOT NULL,
    device text NOT NULL,
    kind text NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    peak_mps2 double precision NOT NULL,
    speed_mps double precision NOT NULL,
    limit_mps double precision,
    severity smallint NOT NULL,
    sensor text,
    segment_id text,
    evidence jsonb NOT NULL, -- [{at, speed_mps, forward_mps2, right_mps2}, ...]; accelerations null where nobody felt them
    state text NOT NULL DEFAULT 'needs_review',
    version integer NOT NULL DEFAULT 1,
    objection text,
    objected_at timestamptz,
    CONSTRAINT driving_incidents_pkey PRIMARY KEY (id),
    CONSTRAINT driving_incidents_time_key UNIQUE (city, device, kind, from_at),
    CONSTRAINT driving_incidents_time_check CHECK (from_at <= to_at),
    CONSTRAINT driving_incidents_severity_check CHECK (severity BETWEEN 1 AND 3),
    CONSTRAINT driving_incidents_state_check CHECK (
        state IN ('needs_review', 'needs_coaching', 'coached', 'recognised', 'dismissed'))
);
CREATE INDEX driving_incidents_newest_idx ON driving_incidents (from_at DESC, id DESC);
CREATE INDEX driving_incidents_device_idx ON driving_incidents (city, device, from_at);

-- Who did what with them.
CREATE TABLE driving_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    incident_id uuid,
    shift_id uuid,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    from_state text,
    to_state text,
    reason text,
    CONSTRAINT driving_log_pkey PRIMARY KEY (id),
    CONSTRAINT driving_log_incident_id_fkey FOREIGN KEY (incident_id) REFERENCES driving_incidents ON DELETE CASCADE
);
CREATE INDEX driving_log_incident_idx ON driving_log (incident_id, id);

-- How much was driven, by bus and hour.
CREATE TABLE driving_exposure (
    city text NOT NULL,
    device text NOT NULL,
    hour timestamptz NOT NULL,
    way_m double precision NOT NULL,
    moving_s double precision NOT NULL,
    CONSTRAINT driving_exposure_pkey PRIMARY KEY (city, device, hour)
);
CREATE INDEX driving_exposure_hour_idx ON driving_exposure (hour);

-- Who drove which bus when: the name of an account, so that drivers see what is said of them.
CREATE TABLE driver_shifts (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    driver text NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    noted_by text NOT NULL,
    noted_at timestamptz NOT NULL,
    CONSTRAINT driver_shifts_pkey PRIMARY KEY (id),
    CONSTRAINT driver_shifts_time_check CHECK (from_at < to_at AND to_at - from_at <= interval '24 hours')
);
CREATE INDEX driver_shifts_device_idx ON driver_shifts (city, device, from_at);
CREATE INDEX driver_shifts_driver_idx ON driver_shifts (driver, from_at);

ALTER TABLE set_aside DROP CONSTRAINT set_aside_kind_check;
ALTER TABLE set_aside ADD CONSTRAINT set_aside_kind_check CHECK (
    kind IN ('fusion', 'evidence', 'segment', 'timer', 'dispatch', 'merge', 'judge', 'event', 'driving'));
