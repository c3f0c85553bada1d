CREATE TABLE track_points (
    id uuid NOT NULL,
    id_at timestamptz NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    stream uuid NOT NULL,
    sequence bigint NOT NULL,
    received_at timestamptz NOT NULL,
    clock_mark text,
    number smallint NOT NULL, -- of the point in its message, from 0
    at timestamptz NOT NULL,
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    accuracy_m double precision NOT NULL,
    fix text NOT NULL,
    speed_mps double precision,
    heading_deg double precision,
    CONSTRAINT track_points_pkey PRIMARY KEY (id_at, city, device, id, number),
    CONSTRAINT track_points_clock_mark_check CHECK (clock_mark IN ('future', 'ancient')),
    CONSTRAINT track_points_lon_check CHECK (lon BETWEEN -180 AND 180),
    CONSTRAINT track_points_lat_check CHECK (lat BETWEEN -90 AND 90)
);
SELECT make_time_partitioned('track_points');

CREATE TABLE driving_events (
    id uuid NOT NULL,
    id_at timestamptz NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    stream uuid NOT NULL,
    sequence bigint NOT NULL,
    received_at timestamptz NOT NULL,
    clock_mark text,
    kind text NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    peak_mps2 double precision NOT NULL,
    speed_mps double precision NOT NULL,
    evidence jsonb NOT NULL, -- [{at, speed_mps, forward_mps2, right_mps2}, ...]
    CONSTRAINT driving_events_pkey PRIMARY KEY (id_at, city, device, id),
    CONSTRAINT driving_events_clock_mark_check CHECK (clock_mark IN ('future', 'ancient')),
    CONSTRAINT driving_events_time_check CHECK (from_at <= to_at),
    CONSTRAINT driving_events_lon_check CHECK (lon BETWEEN -180 AND 180),
    CONSTRAINT driving_events_lat_check CHECK (lat BETWEEN -90 AND 90)
);
SELECT make_time_partitioned('driving_events');

CREATE TABLE tag_sightings (
    id uuid NOT NULL,
    id_at timestamptz NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    stream uuid NOT NULL,
    sequence bigint NOT NULL,
    received_at timestamptz NOT NULL,
    clock_mark text,
    number smallint NOT NULL, -- of the tag in its message, from 0
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    accuracy_m double precision NOT NULL,
    rotating_id text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    heard integer NOT NULL,
    rssi_median_dbm smallint NOT NULL,
    rssi_max_dbm smallint NOT NULL,
    CONSTRAINT tag_sightings_pkey PRIMARY KEY (id_at, city, device, id, number),
    CONSTRAINT tag_sightings_clock_mark_check CHECK (clock_mark IN ('future', 'ancient')),
    CONSTRAINT tag_sightings_time_check CHECK (first_at <= last_at),
    CONSTRAINT tag_sightings_lon_check CHECK (lon BETWEEN -180 AND 180),
    CONSTRAINT tag_sightings_lat_check CHECK (lat BETWEEN -90 AND 90)
);
SELECT make_time_partitioned('tag_sightings');

CREATE TABLE health_reports (
    id uuid NOT NULL,
    id_at timestamptz NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    stream uuid NOT NULL,
    sequence bigint NOT NULL,
    received_at timestamptz NOT NULL,
    clock_mark text,
    at timestamptz NOT NULL,
    report jsonb NOT NULL,
    CONSTRAINT health_reports_pkey PRIMARY KEY (id_at, city, device, id),
    CONSTRAINT health_reports_clock_mark_check CHECK (clock_mark IN ('future', 'ancient'))
);
SELECT make_time_partitioned('health_reports');
