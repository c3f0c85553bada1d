-- What the worker has not taken into account yet. It deletes a row in the transaction in which it took effect.
CREATE TABLE fusion_queue (
    kind text NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    id uuid NOT NULL,
    id_at timestamptz NOT NULL,
    cell text NOT NULL, -- H3, resolution 9
    queued_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fusion_queue_pkey PRIMARY KEY (kind, city, device, id),
    CONSTRAINT fusion_queue_kind_check CHECK (kind IN ('observation', 'coverage'))
);
CREATE INDEX fusion_queue_cell_idx ON fusion_queue (cell, id_at);

-- What live viewers are told. Readers take only rows with xid < pg_snapshot_xmin(pg_current_snapshot()), in the
-- order of (xid, id): whoever resumes after such a cursor never misses a transaction that committed late.
CREATE TABLE changes (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    subject text NOT NULL,
    payload jsonb NOT NULL,
    CONSTRAINT changes_pkey PRIMARY KEY (xid, id),
    CONSTRAINT changes_kind_check CHECK (kind IN ('observation', 'finding', 'case', 'bus'))
);
CREATE INDEX changes_at_idx ON changes USING brin (at);
