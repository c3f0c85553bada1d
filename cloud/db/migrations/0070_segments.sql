ALTER TABLE roads
    ADD COLUMN lanes smallint,
    ADD COLUMN width_m double precision,
    ADD COLUMN surface text NOT NULL DEFAULT 'asphalt',
    ADD COLUMN is_oneway boolean NOT NULL DEFAULT false, -- in the direction of the line
    ADD CONSTRAINT roads_surface_check CHECK (surface IN ('asphalt', 'concrete')),
    ADD CONSTRAINT roads_size_check CHECK (lanes > 0 AND width_m > 0);

-- Pieces of roads, from junction to junction and about 100 m long.
CREATE TABLE segments (
    id text NOT NULL,
    course text NOT NULL, -- hash of road and line; the id stays when these change a little
    road_id text NOT NULL,
    line jsonb NOT NULL, -- [[lon, lat], ...]
    length_m double precision NOT NULL,
    min_lon double precision NOT NULL,
    min_lat double precision NOT NULL,
    max_lon double precision NOT NULL,
    max_lat double precision NOT NULL,
    retired_at timestamptz, -- since when the network no longer has it; its history stays
    CONSTRAINT segments_pkey PRIMARY KEY (id),
    CONSTRAINT segments_course_key UNIQUE (course),
    CONSTRAINT segments_road_id_fkey FOREIGN KEY (road_id) REFERENCES roads (id),
    CONSTRAINT segments_length_m_check CHECK (length_m > 0),
    CONSTRAINT segments_lon_check CHECK (-180 <= min_lon AND min_lon <= max_lon AND max_lon <= 180),
    CONSTRAINT segments_lat_check CHECK (-90 <= min_lat AND min_lat <= max_lat AND max_lat <= 90)
);
CREATE INDEX segments_box_idx ON segments USING gist (box(point(min_lon, min_lat), point(max_lon, max_lat)))
    WHERE retired_at IS NULL;
CREATE INDEX segments_road_id_idx ON segments (road_id);
