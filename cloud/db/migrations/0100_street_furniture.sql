-- Street furniture: what was looked for on a stretch, things known by place, and the findings that other rules decide.

-- Null: damage of the road.
ALTER TABLE coverages ADD COLUMN looked_for text[];

CREATE OR REPLACE FUNCTION queue_coverage_for_condition() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.looked_for IS NULL THEN -- the others say nothing of the road's surface
        INSERT INTO condition_queue (kind, city, device, id, id_at)
        VALUES ('coverage', NEW.city, NEW.device, NEW.id, NEW.id_at) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;

-- What a scenario other than the fusion of damage says: the fusion leaves it alone.
ALTER TABLE findings ADD COLUMN scenario text NOT NULL DEFAULT 'road_damage';
-- A pass that notices that something is missing has no sighting of it.
ALTER TABLE finding_passes
    DROP CONSTRAINT finding_passes_seen_check,
    ADD CONSTRAINT finding_passes_seen_check CHECK (kind = 'seen' OR observation_id IS NULL);

-- The same tables a second time, of the same fusion: not damage but things that stand there and are to stay.
CREATE SCHEMA inventory;
CREATE TABLE inventory.findings (LIKE public.findings INCLUDING ALL);
CREATE TABLE inventory.finding_observations (LIKE public.finding_observations INCLUDING ALL);
CREATE TABLE inventory.finding_looks (LIKE public.finding_looks INCLUDING ALL);
CREATE TABLE inventory.finding_passes (LIKE public.finding_passes INCLUDING ALL);
ALTER TABLE inventory.findings ADD CONSTRAINT findings_merged_into_fkey
    FOREIGN KEY (merged_into) REFERENCES inventory.findings (id);
ALTER TABLE inventory.finding_observations ADD CONSTRAINT finding_observations_finding_id_fkey
    FOREIGN KEY (finding_id) REFERENCES inventory.findings (id);
ALTER TABLE inventory.finding_looks ADD CONSTRAINT finding_looks_finding_id_fkey
    FOREIGN KEY (finding_id) REFERENCES inventory.findings (id);
ALTER TABLE inventory.finding_passes ADD CONSTRAINT finding_passes_finding_id_fkey
    FOREIGN KEY (finding_id) REFERENCES inventory.findings (id);

-- A thing that is to be there: imported, or seen often enough. Its place is that of its row in inventory.findings.
CREATE TABLE inventory.things (
    id uuid NOT NULL,
    city text NOT NULL,
    kind text NOT NULL,
    source text NOT NULL,
    reference text, -- the county's own name of it
    name text,
    faces_deg double precision, -- from where it is to be read; null: from everywhere
    state text NOT NULL,
    state_since timestamptz NOT NULL,
    there double precision NOT NULL,
    gone double precision NOT NULL,
    hidden double precision NOT NULL,
    damaged double precision NOT NULL DEFAULT 0,
    segment_id text,
    removed_at timestamptz,
    removed_by text,
    removed_reason text,
    CONSTRAINT things_pkey PRIMARY KEY (id),
    CONSTRAINT things_id_fkey FOREIGN KEY (id) REFERENCES inventory.findings (id),
    CONSTRAINT things_city_reference_key UNIQUE (city, reference),
    CONSTRAINT things_source_check CHECK (source IN ('imported', 'learned')),
    CONSTRAINT things_state_check CHECK (state IN ('expected', 'seen', 'missing', 'hidden', 'damaged', 'removed')),
    CONSTRAINT things_removed_check CHECK ((state = 'removed') = (removed_at IS NOT NULL))
);
CREATE INDEX things_segment_id_idx ON inventory.things (segment_id);
CREATE INDEX things_state_since_idx ON inventory.things (state, state_since);

-- What is wrong with a thing, as a finding; one for each way in which it can be wrong.
CREATE TABLE inventory.problems (
    thing_id uuid NOT NULL,
    problem text NOT NULL,
    finding_id uuid NOT NULL,
    CONSTRAINT problems_pkey PRIMARY KEY (thing_id, problem),
    CONSTRAINT problems_thing_id_fkey FOREIGN KEY (thing_id) REFERENCES inventory.things (id),
    CONSTRAINT problems_finding_id_fkey FOREIGN KEY (finding_id) REFERENCES public.findings (id),
    CONSTRAINT problems_finding_id_key UNIQUE (finding_id),
    CONSTRAINT problems_problem_check CHECK (problem IN ('missing', 'hidden', 'damaged'))
);

-- How alike two pictures of a thing are: a later one and an earlier one of it.
CREATE TABLE inventory.likenesses (
    thing_id uuid NOT NULL,
    observation_id uuid NOT NULL,
    at timestamptz NOT NULL,
    difference double precision NOT NULL,
    CONSTRAINT likenesses_pkey PRIMARY KEY (thing_id, observation_id),
    CONSTRAINT likenesses_thing_id_fkey FOREIGN KEY (thing_id) REFERENCES inventory.things (id)
);

-- Things of which passes said something that nobody has judged yet.
CREATE TABLE inventory.due (
    finding_id uuid NOT NULL,
    CONSTRAINT due_pkey PRIMARY KEY (finding_id)
);

-- Features of an import that could not be taken, with the reason.
CREATE TABLE inventory.refused (
    city text NOT NULL,
    file text NOT NULL,
    number integer NOT NULL,
    at timestamptz NOT NULL,
    reason text NOT NULL,
    feature text NOT NULL,
    CONSTRAINT refused_pkey PRIMARY KEY (city, file, number)
);

ALTER TABLE segment_conditions
    ADD COLUMN tci_estimate double precision,
    ADD COLUMN tci_low double precision,
    ADD COLUMN things integer NOT NULL DEFAULT 0;
