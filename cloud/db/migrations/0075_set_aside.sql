-- Work that failed by its own fault: it waits here with its reason until somebody gives it back.
CREATE TABLE set_aside (
    id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    subject jsonb NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    returned_at timestamptz,
    CONSTRAINT set_aside_pkey PRIMARY KEY (id),
    CONSTRAINT set_aside_kind_check CHECK (
        kind IN ('fusion', 'evidence', 'segment', 'timer', 'dispatch', 'merge', 'judge', 'event'))
);
CREATE UNIQUE INDEX set_aside_waiting_idx ON set_aside (kind, subject) WHERE returned_at IS NULL;
