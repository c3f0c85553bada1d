-- What was heard of each bus and stop by the day (UTC), by which way. Kept by the ingesters: what comes twice counts once.
CREATE TABLE heard_days (
    city text NOT NULL,
    day date NOT NULL,
    device text NOT NULL,
    way text NOT NULL, -- the stop that carried it; empty: its own network
    messages bigint NOT NULL,
    tags bigint NOT NULL, -- windows in which it heard a tag
    last_at timestamptz NOT NULL,
    hours integer NOT NULL, -- bit h: something came in hour h of the day
    late bigint[] NOT NULL, -- messages by how late they came: up to 10 s, 1 min, 10 min, 1 h, 6 h, later
    CONSTRAINT heard_days_pkey PRIMARY KEY (city, day, device, way),
    CONSTRAINT heard_days_late_check CHECK (cardinality(late) = 6)
) WITH (fillfactor = 70); -- today's rows change with each batch, in their page

-- What a stop carries, as it says itself.
ALTER TABLE devices ADD COLUMN carrying jsonb, ADD COLUMN carrying_at timestamptz;

-- When a bus last drove along each segment, whatever it looked at.
CREATE TABLE segment_last_passes (
    segment_id text NOT NULL,
    last_at timestamptz NOT NULL,
    CONSTRAINT segment_last_passes_pkey PRIMARY KEY (segment_id),
    CONSTRAINT segment_last_passes_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES segments (id)
);
INSERT INTO segment_last_passes SELECT segment_id, max(last_at) FROM segment_passes GROUP BY segment_id;
