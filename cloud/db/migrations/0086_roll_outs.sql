-- How a bus is wanted to be: what was told it last, by version. A bus without a row is as its own file has it.
CREATE TABLE device_wishes (
    city text NOT NULL,
    device text NOT NULL,
    version bigint NOT NULL,
    settings jsonb NOT NULL,
    changed_at timestamptz NOT NULL,
    told_at timestamptz, -- none: not told yet
    CONSTRAINT device_wishes_pkey PRIMARY KEY (city, device),
    CONSTRAINT device_wishes_device_fkey FOREIGN KEY (city, device) REFERENCES devices ON DELETE CASCADE,
    CONSTRAINT device_wishes_version_check CHECK (version > 0)
);
CREATE INDEX device_wishes_untold_idx ON device_wishes (changed_at) WHERE told_at IS NULL;

-- What people asked of buses; told once, to a bus that is there, before it expires.
CREATE TABLE device_commands (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    city text NOT NULL,
    device text NOT NULL,
    kind text NOT NULL,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    told_at timestamptz,
    CONSTRAINT device_commands_pkey PRIMARY KEY (id),
    CONSTRAINT device_commands_device_fkey FOREIGN KEY (city, device) REFERENCES devices ON DELETE CASCADE,
    CONSTRAINT device_commands_time_check CHECK (asked_at < expires_at)
);
CREATE INDEX device_commands_untold_idx ON device_commands (expires_at) WHERE told_at IS NULL;
CREATE INDEX device_commands_device_idx ON device_commands (city, device, asked_at);

-- Signed packages for buses, whole: a backup of the database has them.
CREATE TABLE releases (
    sha256 text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    signature text NOT NULL,
    signed_by text NOT NULL,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT releases_pkey PRIMARY KEY (sha256),
    CONSTRAINT releases_name_key UNIQUE (kind, name, version),
    CONSTRAINT releases_kind_check CHECK (kind IN ('model', 'settings'))
);
ALTER TABLE releases ALTER COLUMN content SET STORAGE EXTERNAL; -- a part is read without the rest; zip is compressed

CREATE TABLE roll_outs (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    release text NOT NULL,
    state text NOT NULL DEFAULT 'proposed',
    reason text, -- why it waits or was stopped
    stop_at_failed double precision NOT NULL,
    go_on_at_done double precision NOT NULL,
    watch_s integer NOT NULL,
    proposed_at timestamptz NOT NULL,
    proposed_by text NOT NULL,
    CONSTRAINT roll_outs_pkey PRIMARY KEY (id),
    CONSTRAINT roll_outs_release_fkey FOREIGN KEY (release) REFERENCES releases,
    CONSTRAINT roll_outs_state_check CHECK (state IN ('proposed', 'running', 'paused', 'finished', 'stopped')),
    CONSTRAINT roll_outs_share_check CHECK (stop_at_failed > 0 AND stop_at_failed <= 1 AND go_on_at_done > 0
        AND go_on_at_done <= 1),
    CONSTRAINT roll_outs_watch_check CHECK (watch_s >= 0)
);
CREATE INDEX roll_outs_state_idx ON roll_outs (state);

CREATE TABLE roll_out_groups (
    roll_out uuid NOT NULL,
    number smallint NOT NULL, -- from 1, in the order in which they begin
    begun_at timestamptz,
    forgiven integer NOT NULL DEFAULT 0, -- failures that a person has looked at and gone on
    CONSTRAINT roll_out_groups_pkey PRIMARY KEY (roll_out, number),
    CONSTRAINT roll_out_groups_roll_out_fkey FOREIGN KEY (roll_out) REFERENCES roll_outs
);

CREATE TABLE roll_out_devices (
    roll_out uuid NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    number smallint NOT NULL, -- of its group
    state text NOT NULL DEFAULT 'waiting',
    version bigint, -- of the wish that tells it
    before text, -- the package of this kind that it was wanted to have
    told_at timestamptz,
    settled_at timestamptz,
    problem text,
    CONSTRAINT roll_out_devices_pkey PRIMARY KEY (roll_out, city, device),
    CONSTRAINT roll_out_devices_group_fkey FOREIGN KEY (roll_out, number) REFERENCES roll_out_groups,
    CONSTRAINT roll_out_devices_device_fkey FOREIGN KEY (city, device) REFERENCES devices ON DELETE CASCADE,
    CONSTRAINT roll_out_devices_state_check CHECK (state IN ('waiting', 'told', 'done', 'failed', 'left_out'))
);
CREATE INDEX roll_out_devices_device_idx ON roll_out_devices (city, device);

-- Who did what with buses and roll-outs; lines are only added.
CREATE TABLE fleet_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    city text,
    device text,
    roll_out uuid,
    reason text,
    details jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT fleet_log_pkey PRIMARY KEY (id)
);
CREATE INDEX fleet_log_device_idx ON fleet_log (city, device, id) WHERE device IS NOT NULL;
CREATE INDEX fleet_log_roll_out_idx ON fleet_log (roll_out, id) WHERE roll_out IS NOT NULL;
