-- New evidence that no segment's condition has taken into account yet; filled by triggers in the transaction of the
-- evidence, emptied by the worker.
CREATE TABLE condition_queue (
    kind text NOT NULL,
    city text NOT NULL,
    device text NOT NULL, -- empty for a finding
    id uuid NOT NULL,
    id_at timestamptz, -- of a coverage
    queued_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT condition_queue_pkey PRIMARY KEY (kind, city, device, id),
    CONSTRAINT condition_queue_kind_check CHECK (kind IN ('coverage', 'finding')),
    CONSTRAINT condition_queue_id_at_check CHECK ((kind = 'coverage') = (id_at IS NOT NULL))
);
CREATE INDEX condition_queue_queued_at_idx ON condition_queue (queued_at);

CREATE FUNCTION queue_coverage_for_condition() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO condition_queue (kind, city, device, id, id_at)
    VALUES ('coverage', NEW.city, NEW.device, NEW.id, NEW.id_at) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER coverages_queue_for_condition AFTER INSERT ON coverages
    FOR EACH ROW EXECUTE FUNCTION queue_coverage_for_condition();

CREATE FUNCTION queue_finding_for_condition() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO condition_queue (kind, city, device, id)
    SELECT 'finding', changed.city, '', changed.id FROM (SELECT (coalesce(NEW, OLD)).*) changed ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER findings_queue_for_condition AFTER INSERT OR UPDATE OR DELETE ON findings
    FOR EACH ROW EXECUTE FUNCTION queue_finding_for_condition();

-- Which part of a segment a bus looked at, when, and how well.
CREATE TABLE segment_surveys (
    segment_id text NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    coverage_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    from_m double precision NOT NULL, -- along the segment
    to_m double precision NOT NULL,
    direction smallint NOT NULL, -- 1 along the segment's line, -1 against it
    left_m double precision NOT NULL, -- to this far left of the bus's path
    right_m double precision NOT NULL,
    usable_share double precision NOT NULL,
    CONSTRAINT segment_surveys_pkey PRIMARY KEY (segment_id, city, device, coverage_id, direction),
    CONSTRAINT segment_surveys_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES segments (id),
    CONSTRAINT segment_surveys_along_check CHECK (0 <= from_m AND from_m <= to_m),
    CONSTRAINT segment_surveys_direction_check CHECK (direction IN (-1, 1)),
    CONSTRAINT segment_surveys_usable_share_check CHECK (usable_share BETWEEN 0 AND 1)
);
CREATE INDEX segment_surveys_segment_id_to_at_idx ON segment_surveys (segment_id, to_at);
CREATE INDEX segment_surveys_coverage_id_idx ON segment_surveys (city, device, coverage_id);

-- On which segment a finding lies.
CREATE TABLE segment_findings (
    finding_id uuid NOT NULL,
    segment_id text NOT NULL,
    along_m double precision NOT NULL,
    CONSTRAINT segment_findings_pkey PRIMARY KEY (finding_id),
    CONSTRAINT segment_findings_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES segments (id)
);
CREATE INDEX segment_findings_segment_id_idx ON segment_findings (segment_id);

-- When buses usually pass: per hour of the week (0 is Monday 00:00 to 01:00 local time).
CREATE TABLE segment_passes (
    segment_id text NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    hour smallint NOT NULL,
    passes integer NOT NULL,
    last_at timestamptz NOT NULL,
    CONSTRAINT segment_passes_pkey PRIMARY KEY (segment_id, city, device, hour),
    CONSTRAINT segment_passes_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES segments (id),
    CONSTRAINT segment_passes_hour_check CHECK (hour BETWEEN 0 AND 167)
);

-- Segments whose condition is to be computed anew.
CREATE TABLE segments_to_assess (
    segment_id text NOT NULL,
    CONSTRAINT segments_to_assess_pkey PRIMARY KEY (segment_id),
    CONSTRAINT segments_to_assess_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES segments (id)
);

CREATE TABLE segment_conditions (
    segment_id text NOT NULL,
    assessed_at timestamptz NOT NULL,
    pci_estimate double precision, -- none while too little was seen
    pci_low double precision,
    pci_high double precision,
    damage_ratio_percent double precision,
    surveyed_share double precision NOT NULL,
    looks double precision NOT NULL, -- mean number of full looks at what was surveyed
    findings integer NOT NULL,
    last_looked_at timestamptz,
    assess_again_at timestamptz, -- when the oldest look that counts is too old
    CONSTRAINT segment_conditions_pkey PRIMARY KEY (segment_id),
    CONSTRAINT segment_conditions_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES segments (id),
    CONSTRAINT segment_conditions_pci_check CHECK (
        0 <= pci_low AND pci_low <= pci_estimate AND pci_estimate <= pci_high AND pci_high <= 100
    ),
    CONSTRAINT segment_conditions_pci_whole_check CHECK (num_nulls(pci_estimate, pci_low, pci_high) IN (0, 3)),
    CONSTRAINT segment_conditions_surveyed_share_check CHECK (surveyed_share BETWEEN 0 AND 1)
);
CREATE INDEX segment_conditions_pci_estimate_idx ON segment_conditions (pci_estimate);
CREATE INDEX segment_conditions_last_looked_at_idx ON segment_conditions (last_looked_at);
CREATE INDEX segment_conditions_assess_again_at_idx ON segment_conditions (assess_again_at);

-- The last condition of each local day with news.
CREATE TABLE segment_history (
    segment_id text NOT NULL,
    day date NOT NULL,
    pci_estimate double precision,
    pci_low double precision,
    pci_high double precision,
    surveyed_share double precision NOT NULL,
    findings integer NOT NULL,
    last_looked_at timestamptz,
    CONSTRAINT segment_history_pkey PRIMARY KEY (segment_id, day),
    CONSTRAINT segment_history_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES segments (id)
);
CREATE INDEX segment_history_day_idx ON segment_history (day);

-- How far the points of each bus are matched with the network.
CREATE TABLE matched_tracks (
    city text NOT NULL,
    device text NOT NULL,
    up_to_at timestamptz NOT NULL, -- id_at of the newest point
    CONSTRAINT matched_tracks_pkey PRIMARY KEY (city, device)
);
