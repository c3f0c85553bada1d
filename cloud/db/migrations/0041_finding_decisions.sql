-- What people said of findings. It speaks of observations, which never change; a decision is undone, never deleted.
CREATE TABLE finding_decisions (
    id uuid NOT NULL,
    city text NOT NULL,
    cell text NOT NULL, -- H3, resolution 9, of the first finding
    kind text NOT NULL,
    first_finding uuid NOT NULL,
    second_finding uuid,
    first_observations uuid[] NOT NULL,
    second_observations uuid[] NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    undone_at timestamptz,
    undone_by text,
    undone_reason text,
    CONSTRAINT finding_decisions_pkey PRIMARY KEY (id),
    CONSTRAINT finding_decisions_kind_check CHECK (kind IN ('merge', 'split', 'different')),
    CONSTRAINT finding_decisions_second_check CHECK ((kind = 'split') = (second_finding IS NULL)),
    CONSTRAINT finding_decisions_undone_check CHECK ((undone_at IS NULL) = (undone_by IS NULL))
);
CREATE INDEX finding_decisions_cell_idx ON finding_decisions (cell) WHERE undone_at IS NULL;
CREATE INDEX finding_decisions_first_idx ON finding_decisions (first_finding);
CREATE INDEX finding_decisions_second_idx ON finding_decisions (second_finding);
