-- People who travel by themselves with a tag, by consent. Names and keys are sealed where there is a key.
CREATE TABLE travel_people (
    id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL,
    area_lon double precision,
    area_lat double precision,
    area_radius_m double precision,
    hours_from time,
    hours_to time,
    look_at timestamptz, -- when there is something to conclude; none: nothing
    look_days date[] NOT NULL DEFAULT '{}', -- of the county's calendar, besides today
    erased_at timestamptz, -- all but the record of who looked is gone
    CONSTRAINT travel_people_pkey PRIMARY KEY (id),
    CONSTRAINT travel_people_kind_check CHECK (kind IN ('child', 'dementia', 'other')),
    CONSTRAINT travel_people_area_check CHECK (
        (area_lon IS NULL) = (area_lat IS NULL) AND (area_lon IS NULL) = (area_radius_m IS NULL)
        AND area_lon BETWEEN -180 AND 180 AND area_lat BETWEEN -90 AND 90 AND area_radius_m > 0),
    CONSTRAINT travel_people_hours_check CHECK ((hours_from IS NULL) = (hours_to IS NULL))
);
CREATE INDEX travel_people_look_at_idx ON travel_people (look_at) WHERE look_at IS NOT NULL;

CREATE TABLE travel_guardians (
    traveller uuid NOT NULL,
    person text NOT NULL,
    added_at timestamptz NOT NULL,
    CONSTRAINT travel_guardians_pkey PRIMARY KEY (traveller, person),
    CONSTRAINT travel_guardians_traveller_fkey FOREIGN KEY (traveller) REFERENCES travel_people (id),
    CONSTRAINT travel_guardians_person_fkey FOREIGN KEY (person) REFERENCES people (name)
);
CREATE INDEX travel_guardians_person_idx ON travel_guardians (person);

CREATE TABLE travel_consents (
    id uuid NOT NULL,
    traveller uuid NOT NULL,
    given_by text NOT NULL, -- sealed
    covers text[] NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT travel_consents_pkey PRIMARY KEY (id),
    CONSTRAINT travel_consents_traveller_fkey FOREIGN KEY (traveller) REFERENCES travel_people (id),
    CONSTRAINT travel_consents_covers_check CHECK (
        covers <@ ARRAY['journeys', 'search'] AND cardinality(covers) BETWEEN 1 AND 2),
    CONSTRAINT travel_consents_time_check CHECK (from_at < until_at),
    CONSTRAINT travel_consents_withdrawn_check CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
CREATE INDEX travel_consents_traveller_idx ON travel_consents (traveller, until_at);

-- Of an Eddystone-EID tag `secret` is the key (sealed); of an iBeacon of a trial the id that stays.
CREATE TABLE travel_tags (
    id uuid NOT NULL,
    traveller uuid NOT NULL,
    kind text NOT NULL,
    secret text NOT NULL,
    exponent smallint,
    first_low_s double precision, -- the counter less the time, within bounds, when the tag was added
    first_high_s double precision,
    first_at timestamptz,
    low_s double precision, -- the same as it is known now
    high_s double precision,
    known_at timestamptz,
    battery_changed_at timestamptz NOT NULL,
    battery_days double precision NOT NULL,
    added_at timestamptz NOT NULL,
    last_heard_at timestamptz,
    CONSTRAINT travel_tags_pkey PRIMARY KEY (id),
    CONSTRAINT travel_tags_traveller_fkey FOREIGN KEY (traveller) REFERENCES travel_people (id),
    CONSTRAINT travel_tags_kind_check CHECK (kind IN ('eid', 'ibeacon')),
    CONSTRAINT travel_tags_eid_check CHECK ((kind = 'eid') = (exponent IS NOT NULL) AND (kind = 'eid') = (low_s IS NOT NULL)
        AND (kind = 'eid') = (first_low_s IS NOT NULL)),
    CONSTRAINT travel_tags_exponent_check CHECK (exponent BETWEEN 0 AND 15),
    CONSTRAINT travel_tags_bounds_check CHECK (low_s <= high_s AND first_low_s <= first_high_s),
    CONSTRAINT travel_tags_battery_check CHECK (battery_days > 0)
);
CREATE INDEX travel_tags_traveller_idx ON travel_tags (traveller);

CREATE TABLE travel_journeys (
    id uuid NOT NULL,
    traveller uuid NOT NULL,
    name text NOT NULL, -- sealed, as where it leads
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    radius_m double precision NOT NULL,
    days smallint[] NOT NULL, -- 1 Monday ... 7 Sunday
    leave_at time NOT NULL,
    arrive_by time NOT NULL,
    CONSTRAINT travel_journeys_pkey PRIMARY KEY (id),
    CONSTRAINT travel_journeys_traveller_fkey FOREIGN KEY (traveller) REFERENCES travel_people (id),
    CONSTRAINT travel_journeys_place_check CHECK (
        lon BETWEEN -180 AND 180 AND lat BETWEEN -90 AND 90 AND radius_m > 0),
    CONSTRAINT travel_journeys_days_check CHECK (
        days <@ ARRAY[1, 2, 3, 4, 5, 6, 7]::smallint[] AND cardinality(days) BETWEEN 1 AND 7),
    CONSTRAINT travel_journeys_time_check CHECK (leave_at < arrive_by)
);
CREATE INDEX travel_journeys_traveller_idx ON travel_journeys (traveller);

-- Names of places where people board and leave.
CREATE TABLE travel_stops (
    id text NOT NULL,
    name text NOT NULL,
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    CONSTRAINT travel_stops_pkey PRIMARY KEY (id),
    CONSTRAINT travel_stops_place_check CHECK (lon BETWEEN -180 AND 180 AND lat BETWEEN -90 AND 90)
);

-- What readers heard and nobody has looked at yet.
CREATE TABLE travel_queue (
    city text NOT NULL,
    device text NOT NULL,
    id uuid NOT NULL,
    id_at timestamptz NOT NULL,
    number smallint NOT NULL,
    CONSTRAINT travel_queue_pkey PRIMARY KEY (id_at, city, device, id, number)
);

-- Sightings of people of whom there is a consent. All others stay ids that nobody can tell from each other.
CREATE TABLE travel_heard (
    traveller uuid NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    id uuid NOT NULL,
    number smallint NOT NULL,
    tag uuid NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    lon double precision NOT NULL,
    lat double precision NOT NULL,
    accuracy_m double precision NOT NULL,
    rssi_dbm smallint NOT NULL,
    CONSTRAINT travel_heard_pkey PRIMARY KEY (traveller, city, device, id, number),
    CONSTRAINT travel_heard_traveller_fkey FOREIGN KEY (traveller) REFERENCES travel_people (id),
    CONSTRAINT travel_heard_tag_fkey FOREIGN KEY (tag) REFERENCES travel_tags (id)
);
CREATE INDEX travel_heard_from_at_idx ON travel_heard (traveller, from_at);
CREATE INDEX travel_heard_tag_idx ON travel_heard (tag);

-- Where readers were from one report of their health to the next, and whether they heard anything at all.
CREATE TABLE travel_watch (
    city text NOT NULL,
    device text NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    is_listening boolean NOT NULL,
    cells text[] NOT NULL, -- H3, resolution 9
    moments jsonb NOT NULL, -- [[seconds since from_at, lon, lat], ...]
    CONSTRAINT travel_watch_pkey PRIMARY KEY (city, device, from_at),
    CONSTRAINT travel_watch_time_check CHECK (from_at < to_at)
);
CREATE INDEX travel_watch_cells_idx ON travel_watch USING gin (cells);
CREATE INDEX travel_watch_to_at_idx ON travel_watch USING brin (to_at);

-- Up to when all that a reader has heard is stored.
CREATE TABLE travel_readers (
    city text NOT NULL,
    device text NOT NULL,
    known_to timestamptz NOT NULL,
    CONSTRAINT travel_readers_pkey PRIMARY KEY (city, device)
);

CREATE TABLE travel_events (
    id uuid NOT NULL,
    traveller uuid NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    journey uuid,
    stop text,
    seen jsonb, -- {reader, from_at, to_at, lon, lat, accuracy_m, rssi_dbm}
    found_at timestamptz NOT NULL,
    withdrawn_at timestamptz, -- late news showed that it was not so
    CONSTRAINT travel_events_pkey PRIMARY KEY (id),
    CONSTRAINT travel_events_traveller_fkey FOREIGN KEY (traveller) REFERENCES travel_people (id),
    CONSTRAINT travel_events_kind_check CHECK (kind IN ('boarded', 'left_bus', 'arrived', 'not_arrived',
        'arrival_unknown', 'left_area', 'unusual_hour'))
);
CREATE INDEX travel_events_traveller_idx ON travel_events (traveller, day);
CREATE INDEX travel_events_at_idx ON travel_events USING brin (at);

-- Looks at somebody's whereabouts: one asks, another approves, and they end by themselves.
CREATE TABLE travel_looks (
    id uuid NOT NULL,
    traveller uuid NOT NULL,
    kind text NOT NULL,
    purpose text NOT NULL,
    minutes integer NOT NULL,
    asked_at timestamptz NOT NULL,
    asked_by text NOT NULL,
    approved_at timestamptz,
    approved_by text,
    until_at timestamptz,
    closed_at timestamptz,
    closed_by text,
    outcome text,
    CONSTRAINT travel_looks_pkey PRIMARY KEY (id),
    CONSTRAINT travel_looks_traveller_fkey FOREIGN KEY (traveller) REFERENCES travel_people (id),
    CONSTRAINT travel_looks_kind_check CHECK (kind IN ('history', 'search')),
    CONSTRAINT travel_looks_minutes_check CHECK (minutes BETWEEN 1 AND 1440),
    CONSTRAINT travel_looks_two_check CHECK (approved_by <> asked_by),
    CONSTRAINT travel_looks_approved_check CHECK (
        (approved_at IS NULL) = (approved_by IS NULL) AND (approved_at IS NULL) = (until_at IS NULL)),
    CONSTRAINT travel_looks_closed_check CHECK ((closed_at IS NULL) = (closed_by IS NULL))
);
CREATE INDEX travel_looks_traveller_idx ON travel_looks (traveller, asked_at);
CREATE INDEX travel_looks_open_idx ON travel_looks (asked_at) WHERE closed_at IS NULL;

-- Who did what with somebody's data, as their guardians read it: a chain for each, sealed with those of the cases.
CREATE TABLE travel_history (
    traveller uuid NOT NULL,
    serial integer NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    reason jsonb NOT NULL, -- {zh, en}
    from_state text,
    to_state text NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    details jsonb NOT NULL,
    seal bigint,
    CONSTRAINT travel_history_pkey PRIMARY KEY (traveller, serial),
    CONSTRAINT travel_history_traveller_fkey FOREIGN KEY (traveller) REFERENCES travel_people (id),
    CONSTRAINT travel_history_hash_check CHECK (octet_length(previous_hash) = 32 AND octet_length(hash) = 32)
);
CREATE INDEX travel_history_unsealed_idx ON travel_history (traveller, serial) WHERE seal IS NULL;
CREATE INDEX travel_history_seal_idx ON travel_history (seal);

-- Events of which guardians are still to be told.
CREATE TABLE travel_news (
    event uuid NOT NULL,
    CONSTRAINT travel_news_pkey PRIMARY KEY (event),
    CONSTRAINT travel_news_event_fkey FOREIGN KEY (event) REFERENCES travel_events (id) ON DELETE CASCADE
);
ALTER TABLE deliveries
    ALTER COLUMN case_id DROP NOT NULL,
    ALTER COLUMN serial DROP NOT NULL,
    ADD COLUMN travel_event uuid,
    ADD CONSTRAINT deliveries_travel_event_key UNIQUE (channel, target, travel_event),
    ADD CONSTRAINT deliveries_subject_check CHECK (
        (case_id IS NULL) = (serial IS NULL) AND (case_id IS NULL) = (travel_event IS NOT NULL)),
    ADD CONSTRAINT deliveries_travel_event_fkey FOREIGN KEY (travel_event) REFERENCES travel_events (id) ON DELETE CASCADE;

ALTER TABLE people DROP CONSTRAINT people_role_check;
ALTER TABLE people ADD CONSTRAINT people_role_check
    CHECK (role IN ('viewer', 'operator', 'crew', 'safety', 'care', 'fleet', 'admin', 'guardian'));

-- Live viewers with an open search are told that there is something new, and nothing else.
ALTER TABLE changes DROP CONSTRAINT changes_kind_check;
ALTER TABLE changes ADD CONSTRAINT changes_kind_check
    CHECK (kind ~ '^[a-z_]{1,32}$');
