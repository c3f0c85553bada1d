-- The administrative matter. Rows change only through cloud.cases.actions.
CREATE TABLE cases (
    id uuid NOT NULL,
    city text NOT NULL,
    number text NOT NULL,
    finding_id uuid NOT NULL,
    class_code text NOT NULL,
    severity text NOT NULL,
    state text NOT NULL,
    unit text,
    opened_at timestamptz NOT NULL,
    due_at timestamptz,
    CONSTRAINT cases_pkey PRIMARY KEY (id),
    CONSTRAINT cases_city_number_key UNIQUE (city, number),
    CONSTRAINT cases_finding_id_fkey FOREIGN KEY (finding_id) REFERENCES findings (id),
    CONSTRAINT cases_severity_check CHECK (severity IN ('light', 'medium', 'heavy')),
    CONSTRAINT cases_state_check CHECK (state IN (
        'reported', 'filed', 'dispatched', 'accepted', 'done', 'verified', 'closed',
        'rejected', 'returned', 'suspended', 'reopened', 'merged'
    ))
);
-- One damage is at most one open case.
CREATE UNIQUE INDEX cases_open_finding_id_idx ON cases (finding_id)
    WHERE state NOT IN ('verified', 'closed', 'rejected', 'returned', 'merged');
CREATE INDEX cases_finding_id_opened_at_idx ON cases (finding_id, opened_at);

-- Serial numbers without gaps, for each city and year.
CREATE TABLE case_numbers (
    city text NOT NULL,
    year integer NOT NULL,
    last integer NOT NULL,
    CONSTRAINT case_numbers_pkey PRIMARY KEY (city, year)
);

-- Each line holds the hash of the one before it: a line that was changed or taken out shows.
CREATE TABLE case_history (
    case_id uuid NOT NULL,
    serial integer NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    reason jsonb NOT NULL, -- {zh, en}
    from_state text,
    to_state text NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT case_history_pkey PRIMARY KEY (case_id, serial),
    CONSTRAINT case_history_case_id_fkey FOREIGN KEY (case_id) REFERENCES cases (id),
    CONSTRAINT case_history_hash_check CHECK (octet_length(previous_hash) = 32 AND octet_length(hash) = 32)
);

-- Every sighting attached to its case.
CREATE TABLE case_sightings (
    case_id uuid NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    observation_id uuid NOT NULL,
    CONSTRAINT case_sightings_pkey PRIMARY KEY (case_id, city, device, observation_id),
    CONSTRAINT case_sightings_case_id_fkey FOREIGN KEY (case_id) REFERENCES cases (id)
);
