CREATE TABLE roads (
    id text NOT NULL,
    name text,
    kind text NOT NULL,
    line jsonb NOT NULL, -- [[lon, lat], ...]
    min_lon double precision NOT NULL,
    min_lat double precision NOT NULL,
    max_lon double precision NOT NULL,
    max_lat double precision NOT NULL,
    CONSTRAINT roads_pkey PRIMARY KEY (id),
    CONSTRAINT roads_lon_check CHECK (-180 <= min_lon AND min_lon <= max_lon AND max_lon <= 180),
    CONSTRAINT roads_lat_check CHECK (-90 <= min_lat AND min_lat <= max_lat AND max_lat <= 90)
);
CREATE INDEX roads_box_idx ON roads USING gist (box(point(min_lon, min_lat), point(max_lon, max_lat)));
