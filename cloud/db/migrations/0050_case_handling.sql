-- What happens to a case after it was opened. Rows still change only through cloud.cases.actions.
ALTER TABLE cases
    ADD COLUMN version integer NOT NULL DEFAULT 1, -- counts the decisions; a stale one is refused
    ADD COLUMN crew text,
    ADD COLUMN filed_at timestamptz,
    ADD COLUMN dispatched_at timestamptz,
    ADD COLUMN accepted_at timestamptz,
    ADD COLUMN arrived_at timestamptz,
    ADD COLUMN arrived_distance_m double precision,
    ADD COLUMN done_at timestamptz,
    ADD COLUMN verified_at timestamptz,
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN suspension_asked_at timestamptz,
    ADD COLUMN suspended_until timestamptz,
    ADD COLUMN remaining_s double precision, -- of the time limit, while it is suspended
    ADD COLUMN overdue_at timestamptz,
    ADD COLUMN escalation integer NOT NULL DEFAULT 0,
    ADD COLUMN needs_person boolean NOT NULL DEFAULT false,
    ADD COLUMN is_false_alarm boolean NOT NULL DEFAULT false, -- a person said so: no bus takes it up again
    ADD COLUMN reopened integer NOT NULL DEFAULT 0,
    ADD COLUMN merged_into uuid,
    ADD COLUMN repair jsonb, -- {materials: [{name, amount, unit}], length_m, width_m, area_m2}
    ADD CONSTRAINT cases_version_check CHECK (version >= 1),
    ADD CONSTRAINT cases_escalation_check CHECK (escalation >= 0),
    ADD CONSTRAINT cases_merged_into_fkey FOREIGN KEY (merged_into) REFERENCES cases (id);

-- A returned case waits for the desk and a verified one may fall again: one damage is still at most one open case.
DROP INDEX cases_open_finding_id_idx;
CREATE UNIQUE INDEX cases_open_finding_id_idx ON cases (finding_id) WHERE state NOT IN ('closed', 'rejected', 'merged');
CREATE INDEX cases_state_due_at_idx ON cases (state, due_at);
CREATE INDEX cases_crew_state_idx ON cases (crew, state) WHERE crew IS NOT NULL;

ALTER TABLE case_history
    ADD COLUMN details jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN seal bigint; -- the seal that covers this line

CREATE TABLE case_photos (
    case_id uuid NOT NULL,
    sha256 text NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    lon double precision,
    lat double precision,
    CONSTRAINT case_photos_pkey PRIMARY KEY (case_id, sha256),
    CONSTRAINT case_photos_case_id_fkey FOREIGN KEY (case_id) REFERENCES cases (id),
    CONSTRAINT case_photos_sha256_fkey FOREIGN KEY (sha256) REFERENCES pictures (sha256),
    CONSTRAINT case_photos_kind_check CHECK (kind IN ('before', 'after')),
    CONSTRAINT case_photos_place_check CHECK (lon BETWEEN -180 AND 180 AND lat BETWEEN -90 AND 90)
);

-- What a person said about a finding: training data for the detector.
CREATE TABLE case_verdicts (
    case_id uuid NOT NULL,
    serial integer NOT NULL, -- of the line of history
    finding_id uuid NOT NULL,
    verdict text NOT NULL,
    said_class text NOT NULL, -- what the detector said
    true_class text,          -- none: nothing is there
    actor text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT case_verdicts_pkey PRIMARY KEY (case_id, serial),
    CONSTRAINT case_verdicts_case_id_fkey FOREIGN KEY (case_id) REFERENCES cases (id),
    CONSTRAINT case_verdicts_finding_id_fkey FOREIGN KEY (finding_id) REFERENCES findings (id),
    CONSTRAINT case_verdicts_verdict_check CHECK (verdict IN ('false_alarm', 'other_class', 'confirmed')),
    CONSTRAINT case_verdicts_true_class_check CHECK ((verdict = 'false_alarm') = (true_class IS NULL))
);
CREATE INDEX case_verdicts_finding_id_idx ON case_verdicts (finding_id);
