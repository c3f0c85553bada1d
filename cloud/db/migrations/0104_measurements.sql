-- What the sensors of stops measured.
CREATE TABLE measurements (
    id uuid NOT NULL,
    id_at timestamptz NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    stream uuid NOT NULL,
    sequence bigint NOT NULL,
    received_at timestamptz NOT NULL,
    clock_mark text,
    number smallint NOT NULL, -- of the value in its message, from 0
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    sensor text NOT NULL,
    quantity text NOT NULL, -- with its unit
    at timestamptz NOT NULL,
    over_s double precision NOT NULL, -- the interval before `at` that it stands for
    value double precision NOT NULL,
    readings integer NOT NULL,
    CONSTRAINT measurements_pkey PRIMARY KEY (id_at, city, device, id, number),
    CONSTRAINT measurements_clock_mark_check CHECK (clock_mark IN ('future', 'ancient')),
    CONSTRAINT measurements_lon_check CHECK (lon BETWEEN -180 AND 180),
    CONSTRAINT measurements_lat_check CHECK (lat BETWEEN -90 AND 90)
);
SELECT make_time_partitioned('measurements');
CREATE INDEX measurements_device_idx ON measurements (city, device, id_at);
DO $$
BEGIN
    IF has_timescale() THEN
        PERFORM set_chunk_time_interval('measurements', interval '7 days');
        ALTER TABLE measurements SET (timescaledb.compress, timescaledb.compress_segmentby = 'city, device',
            timescaledb.compress_orderby = 'id_at, id, number');
        PERFORM add_compression_policy('measurements', compress_after => interval '14 days');
    END IF;
END
$$;

-- Messages with levels of water that nobody has looked at yet.
CREATE TABLE measurement_queue (
    id_at timestamptz NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    id uuid NOT NULL,
    CONSTRAINT measurement_queue_pkey PRIMARY KEY (id_at, city, device, id)
);

-- What is concluded of each sensor of water: its finding, and where it stands between its thresholds.
CREATE TABLE water_gauges (
    city text NOT NULL,
    device text NOT NULL,
    sensor text NOT NULL,
    finding_id uuid, -- once it was flooded
    is_flooded boolean NOT NULL,
    above_since timestamptz, -- since when every level was at or over the threshold
    below_since timestamptz,
    level_m double precision NOT NULL,
    level_at timestamptz NOT NULL,
    CONSTRAINT water_gauges_pkey PRIMARY KEY (city, device, sensor)
);

-- A level can be set aside like all work of the worker.
ALTER TABLE set_aside
    DROP CONSTRAINT set_aside_kind_check,
    ADD CONSTRAINT set_aside_kind_check CHECK (kind IN ('fusion', 'evidence', 'segment', 'timer', 'dispatch', 'merge',
        'judge', 'event', 'driving', 'furniture', 'water'));
