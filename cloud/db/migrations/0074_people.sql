-- Who may sign in. What each role may do is code (cloud/people/permissions.py); unit and areas narrow down the rows.
CREATE TABLE people (
    name text NOT NULL,
    role text NOT NULL,
    unit text,
    crew text,
    areas text[] NOT NULL DEFAULT '{}',
    password_hash text, -- Argon2id; none until its owner has set one, or for good with a provider
    totp_secret text,
    totp_step bigint, -- of the last code that was used
    oidc_name text, -- whom to expect from the provider
    oidc_subject text, -- who came
    is_demo boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    last_signed_in_at timestamptz,
    CONSTRAINT people_pkey PRIMARY KEY (name),
    CONSTRAINT people_name_check CHECK (name ~ '^[a-z][a-z0-9._-]{0,62}$'),
    CONSTRAINT people_role_check CHECK (role IN ('viewer', 'operator', 'crew', 'safety', 'care', 'fleet', 'admin')),
    CONSTRAINT people_crew_check CHECK ((role = 'crew') = (crew IS NOT NULL)),
    CONSTRAINT people_oidc_name_key UNIQUE (oidc_name),
    CONSTRAINT people_oidc_subject_key UNIQUE (oidc_subject)
);

CREATE TABLE sessions (
    id uuid NOT NULL,
    token_sha256 bytea NOT NULL,
    person text NOT NULL,
    way text NOT NULL,
    browser text NOT NULL,
    address text NOT NULL,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    idle_s double precision NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_person_fkey FOREIGN KEY (person) REFERENCES people (name),
    CONSTRAINT sessions_token_sha256_key UNIQUE (token_sha256)
);
CREATE INDEX sessions_person_idx ON sessions (person, last_seen_at);

CREATE TABLE known_browsers (
    token_sha256 bytea NOT NULL,
    person text NOT NULL,
    known_at timestamptz NOT NULL,
    CONSTRAINT known_browsers_pkey PRIMARY KEY (token_sha256),
    CONSTRAINT known_browsers_person_fkey FOREIGN KEY (person) REFERENCES people (name)
);

CREATE TABLE api_tokens (
    id uuid NOT NULL,
    token_sha256 bytea NOT NULL,
    person text NOT NULL,
    label text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    ended_at timestamptz,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT api_tokens_person_fkey FOREIGN KEY (person) REFERENCES people (name),
    CONSTRAINT api_tokens_token_sha256_key UNIQUE (token_sha256)
);
CREATE INDEX api_tokens_person_idx ON api_tokens (person, id);

CREATE TABLE one_time_links (
    token_sha256 bytea NOT NULL,
    person text NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT one_time_links_pkey PRIMARY KEY (token_sha256),
    CONSTRAINT one_time_links_person_fkey FOREIGN KEY (person) REFERENCES people (name)
);

-- Wrong passwords, by who tries from where; swept after an hour.
CREATE TABLE sign_in_failures (
    key text NOT NULL,
    failures integer NOT NULL,
    last_at timestamptz NOT NULL,
    CONSTRAINT sign_in_failures_pkey PRIMARY KEY (key)
);

-- What happened to accounts; lines are only added.
CREATE TABLE people_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    person text NOT NULL,
    actor text NOT NULL,
    event text NOT NULL,
    address text NOT NULL,
    details jsonb NOT NULL,
    CONSTRAINT people_log_pkey PRIMARY KEY (id)
);
CREATE INDEX people_log_person_idx ON people_log (person, id);
