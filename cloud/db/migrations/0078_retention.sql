-- What must not be purged, and what each purge proved.
CREATE TABLE legal_holds (
    id bigint GENERATED ALWAYS AS IDENTITY,
    city text NOT NULL,
    device text NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    reason text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now(),
    lifted_at timestamptz,
    CONSTRAINT legal_holds_pkey PRIMARY KEY (id),
    CONSTRAINT legal_holds_time_check CHECK (from_at <= to_at)
);
CREATE TABLE retention_reports (
    at timestamptz NOT NULL,
    report jsonb NOT NULL,
    CONSTRAINT retention_reports_pkey PRIMARY KEY (at)
);
