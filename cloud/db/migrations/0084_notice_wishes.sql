-- Who wants to be told by mail, of which classes and when; no row: nothing. People set it for themselves.
CREATE TABLE notice_wishes (
    person text NOT NULL,
    address text NOT NULL,
    classes text[] NOT NULL, -- none: of all
    quiet_from time, -- local time of the county
    quiet_to time,
    digest_min integer NOT NULL, -- 0: at once
    CONSTRAINT notice_wishes_pkey PRIMARY KEY (person),
    CONSTRAINT notice_wishes_person_fkey FOREIGN KEY (person) REFERENCES people (name),
    CONSTRAINT notice_wishes_quiet_check CHECK ((quiet_from IS NULL) = (quiet_to IS NULL)),
    CONSTRAINT notice_wishes_digest_min_check CHECK (digest_min BETWEEN 0 AND 1440)
);
