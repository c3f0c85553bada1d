-- That a thing was removed on purpose is a decision with a chain of its own, sealed with those of the cases. It goes with
-- the thing to another number, and to what the thing becomes one with.
CREATE TABLE inventory.removal_history (
    removal uuid NOT NULL,
    serial integer NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    reason jsonb NOT NULL, -- {zh, en}: a person's words, twice
    from_state text,
    to_state text NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    details jsonb NOT NULL, -- {thing}
    seal bigint,
    CONSTRAINT removal_history_pkey PRIMARY KEY (removal, serial),
    CONSTRAINT removal_history_hash_check CHECK (octet_length(previous_hash) = 32 AND octet_length(hash) = 32)
);
CREATE INDEX removal_history_unsealed_idx ON inventory.removal_history (removal, serial) WHERE seal IS NULL;
CREATE INDEX removal_history_seal_idx ON inventory.removal_history (seal);

ALTER TABLE inventory.things ADD COLUMN removal uuid;
UPDATE inventory.things SET removal = gen_random_uuid(), removed_by = coalesce(removed_by, ''),
    removed_reason = coalesce(removed_reason, '') WHERE state = 'removed';
ALTER TABLE inventory.things ADD CONSTRAINT things_removal_check CHECK ((state = 'removed') = (removal IS NOT NULL));

-- Those that are removed now, in the form that `cloud.cases.model.HistoryLine.hash` has: JSON in ASCII.
CREATE OR REPLACE FUNCTION pg_temp.text_json(words text) RETURNS text LANGUAGE sql AS $$
    SELECT '"' || coalesce(string_agg(CASE
        WHEN c IN ('"', '\') THEN '\' || c
        WHEN ascii(c) BETWEEN 32 AND 126 THEN c
        WHEN ascii(c) IN (8, 9, 10, 12, 13) THEN '\' || substr('btn fr', ascii(c) - 7, 1)
        WHEN ascii(c) < 65536 THEN '\u' || lpad(to_hex(ascii(c)), 4, '0')
        ELSE '\u' || to_hex(55296 + (ascii(c) - 65536) / 1024) || '\u' || to_hex(56320 + (ascii(c) - 65536) % 1024)
    END, '' ORDER BY n), '') || '"'
    FROM unnest(string_to_array(words, NULL)) WITH ORDINALITY AS letters (c, n)
$$;
INSERT INTO inventory.removal_history
SELECT removal, 1, removed_at, removed_by, 'remove', jsonb_build_object('zh', removed_reason, 'en', removed_reason),
    NULL, 'removed', decode(repeat('00', 32), 'hex'),
    sha256(convert_to('["' || removal || '",1,"'
        || to_char(removed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00",'
        || pg_temp.text_json(removed_by) || ',"remove",['
        || pg_temp.text_json(removed_reason) || ',' || pg_temp.text_json(removed_reason)
        || '],null,"removed","' || repeat('00', 32) || '",{"thing":"' || id || '"}]', 'UTF8')),
    jsonb_build_object('thing', id)
FROM inventory.things WHERE state = 'removed';
