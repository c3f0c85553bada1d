-- Things in the world, as all passes together see them. Everything here but the id follows from the evidence below.
CREATE TABLE findings (
    id uuid NOT NULL,
    city text NOT NULL,
    cell text NOT NULL, -- H3, resolution 9
    class_code text NOT NULL,
    severity text NOT NULL,
    state text NOT NULL,
    existence double precision NOT NULL,
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    east_m2 double precision NOT NULL, -- covariance of the place
    east_north_m2 double precision NOT NULL,
    north_m2 double precision NOT NULL,
    position_sigma_m double precision NOT NULL,
    heading_deg double precision NOT NULL, -- of the bus that saw it first
    length_m double precision,
    width_m double precision,
    area_m2 double precision,
    passes_seen integer NOT NULL,
    passes_missed integer NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    picture_sha256 text,
    looked_lon double precision NOT NULL, -- from where finding_looks were computed, and since when
    looked_lat double precision NOT NULL,
    looked_since timestamptz,
    CONSTRAINT findings_pkey PRIMARY KEY (id),
    CONSTRAINT findings_severity_check CHECK (severity IN ('light', 'medium', 'heavy')),
    CONSTRAINT findings_state_check CHECK (state IN ('candidate', 'open', 'gone', 'rejected')),
    CONSTRAINT findings_existence_check CHECK (existence BETWEEN 0 AND 1),
    CONSTRAINT findings_lon_check CHECK (lon BETWEEN -180 AND 180),
    CONSTRAINT findings_lat_check CHECK (lat BETWEEN -90 AND 90),
    CONSTRAINT findings_passes_check CHECK (passes_seen >= 0 AND passes_missed >= 0)
);
CREATE INDEX findings_city_cell_idx ON findings (city, cell);
CREATE INDEX findings_place_idx ON findings USING gist (point(lon, lat));
CREATE INDEX findings_last_seen_at_idx ON findings (last_seen_at);

-- Which finding an observation is of, with what the fusion needs of it: it outlives the raw observation.
CREATE TABLE finding_observations (
    city text NOT NULL,
    device text NOT NULL,
    observation_id uuid NOT NULL,
    observation_id_at timestamptz NOT NULL,
    finding_id uuid NOT NULL,
    at timestamptz NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    class_code text NOT NULL,
    confidence double precision NOT NULL,
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    along_m double precision NOT NULL,
    across_m double precision NOT NULL,
    heading_deg double precision NOT NULL,
    length_m double precision,
    width_m double precision,
    area_m2 double precision,
    picture_sha256 text,
    CONSTRAINT finding_observations_pkey PRIMARY KEY (city, device, observation_id),
    CONSTRAINT finding_observations_finding_id_fkey FOREIGN KEY (finding_id) REFERENCES findings (id)
);
CREATE INDEX finding_observations_finding_id_at_idx ON finding_observations (finding_id, at);

-- Covered stretches from which a finding could have been seen.
CREATE TABLE finding_looks (
    finding_id uuid NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    coverage_id uuid NOT NULL,
    coverage_id_at timestamptz NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    heading_deg double precision NOT NULL,
    share double precision NOT NULL,
    CONSTRAINT finding_looks_pkey PRIMARY KEY (finding_id, city, device, coverage_id),
    CONSTRAINT finding_looks_finding_id_fkey FOREIGN KEY (finding_id) REFERENCES findings (id),
    CONSTRAINT finding_looks_share_check CHECK (share BETWEEN 0 AND 1)
);
CREATE INDEX finding_looks_finding_id_to_at_idx ON finding_looks (finding_id, to_at);

-- One bus going by one finding, and what that did to the belief.
CREATE TABLE finding_passes (
    finding_id uuid NOT NULL,
    at timestamptz NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    kind text NOT NULL,
    looked_share double precision NOT NULL,
    confidence double precision,
    observation_id uuid,
    observation_id_at timestamptz,
    probability_before double precision NOT NULL,
    probability_after double precision NOT NULL,
    CONSTRAINT finding_passes_pkey PRIMARY KEY (finding_id, at, city, device),
    CONSTRAINT finding_passes_finding_id_fkey FOREIGN KEY (finding_id) REFERENCES findings (id),
    CONSTRAINT finding_passes_kind_check CHECK (kind IN ('seen', 'not_seen')),
    CONSTRAINT finding_passes_seen_check CHECK ((kind = 'seen') = (observation_id IS NOT NULL))
);

-- A new finding asks who looked at its place before the worker knew of it.
CREATE INDEX coverages_cell_to_at_idx ON coverages (cell, to_at);
