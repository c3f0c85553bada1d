-- What waits for a person may also be given up, for a reason: `replayed_at` and `returned_at` say when it no longer waits.
ALTER TABLE quarantine ADD COLUMN discard_reason text;
ALTER TABLE set_aside ADD COLUMN discard_reason text;

-- Who did what with messages of the quarantine and with work set aside; lines are only added.
CREATE TABLE upkeep_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    thing text NOT NULL,
    number bigint NOT NULL, -- in quarantine or set_aside
    action text NOT NULL,
    reason text,
    details jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT upkeep_log_pkey PRIMARY KEY (id),
    CONSTRAINT upkeep_log_thing_check CHECK (thing IN ('quarantine', 'set_aside')),
    CONSTRAINT upkeep_log_action_check CHECK (action IN ('replay', 'return', 'discard')),
    CONSTRAINT upkeep_log_reason_check CHECK ((action = 'discard') = (reason IS NOT NULL))
);
CREATE INDEX upkeep_log_thing_number_idx ON upkeep_log (thing, number, id);
