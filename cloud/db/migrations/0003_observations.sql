CREATE TABLE observations (
    id uuid NOT NULL,
    id_at timestamptz NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    stream uuid NOT NULL,
    sequence bigint NOT NULL,
    received_at timestamptz NOT NULL,
    clock_mark text,
    observed_at timestamptz NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    class_code text NOT NULL,
    confidence double precision NOT NULL,
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    along_m double precision NOT NULL,
    across_m double precision NOT NULL,
    heading_deg double precision NOT NULL,
    frames integer NOT NULL,
    box_xyxy_px float4[] NOT NULL,
    frame_width_px integer NOT NULL,
    frame_height_px integer NOT NULL,
    camera_id text NOT NULL,
    model_name text NOT NULL,
    model_version text NOT NULL,
    model_sha256 text NOT NULL,
    distance_m double precision NOT NULL,
    length_m double precision,
    width_m double precision,
    area_m2 double precision,
    picture_sha256 text,
    cell text NOT NULL, -- H3, resolution 9
    CONSTRAINT observations_pkey PRIMARY KEY (id_at, city, device, id),
    CONSTRAINT observations_clock_mark_check CHECK (clock_mark IN ('future', 'ancient')),
    CONSTRAINT observations_confidence_check CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT observations_lon_check CHECK (lon BETWEEN -180 AND 180),
    CONSTRAINT observations_lat_check CHECK (lat BETWEEN -90 AND 90),
    CONSTRAINT observations_sigma_check CHECK (along_m > 0 AND across_m > 0),
    CONSTRAINT observations_seen_check CHECK (first_seen_at <= last_seen_at),
    CONSTRAINT observations_box_check CHECK (
        cardinality(box_xyxy_px) = 4 AND box_xyxy_px[1] <= box_xyxy_px[3] AND box_xyxy_px[2] <= box_xyxy_px[4]
    )
);
SELECT make_time_partitioned('observations');
CREATE INDEX observations_received_at_idx ON observations USING brin (received_at);

CREATE TABLE coverages (
    id uuid NOT NULL,
    id_at timestamptz NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    stream uuid NOT NULL,
    sequence bigint NOT NULL,
    received_at timestamptz NOT NULL,
    clock_mark text,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    line jsonb NOT NULL, -- [[lon, lat], ...]
    heading_deg double precision NOT NULL,
    accuracy_m double precision NOT NULL,
    frames integer NOT NULL,
    usable_share double precision NOT NULL,
    unusable jsonb NOT NULL,
    near_m double precision NOT NULL,
    far_m double precision NOT NULL,
    left_m double precision NOT NULL,
    right_m double precision NOT NULL,
    camera_id text NOT NULL,
    model_name text NOT NULL,
    model_version text NOT NULL,
    cell text NOT NULL, -- H3, resolution 9, of the line's middle point
    CONSTRAINT coverages_pkey PRIMARY KEY (id_at, city, device, id),
    CONSTRAINT coverages_clock_mark_check CHECK (clock_mark IN ('future', 'ancient')),
    CONSTRAINT coverages_usable_share_check CHECK (usable_share BETWEEN 0 AND 1),
    CONSTRAINT coverages_time_check CHECK (from_at <= to_at),
    CONSTRAINT coverages_reach_check CHECK (near_m <= far_m)
);
SELECT make_time_partitioned('coverages');
