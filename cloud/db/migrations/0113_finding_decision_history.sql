-- A chain for each decision of a person on findings, sealed with those of the cases.
CREATE TABLE finding_decision_history (
    decision uuid NOT NULL,
    serial integer NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    reason jsonb NOT NULL, -- {zh, en}: a person's words, twice
    from_state text,
    to_state text NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    details jsonb NOT NULL,
    seal bigint,
    CONSTRAINT finding_decision_history_pkey PRIMARY KEY (decision, serial),
    CONSTRAINT finding_decision_history_decision_fkey FOREIGN KEY (decision) REFERENCES finding_decisions (id),
    CONSTRAINT finding_decision_history_hash_check CHECK (
        octet_length(previous_hash) = 32 AND octet_length(hash) = 32)
);
CREATE INDEX finding_decision_history_unsealed_idx ON finding_decision_history (decision, serial) WHERE seal IS NULL;
CREATE INDEX finding_decision_history_seal_idx ON finding_decision_history (seal);

-- Those that were decided until now, in the form that `cloud.cases.model.HistoryLine.hash` has: JSON in ASCII.
CREATE FUNCTION pg_temp.text_json(words text) RETURNS text LANGUAGE sql AS $$
    SELECT '"' || coalesce(string_agg(CASE
        WHEN c IN ('"', '\') THEN '\' || c
        WHEN ascii(c) BETWEEN 32 AND 126 THEN c
        WHEN ascii(c) IN (8, 9, 10, 12, 13) THEN '\' || substr('btn fr', ascii(c) - 7, 1)
        WHEN ascii(c) < 65536 THEN '\u' || lpad(to_hex(ascii(c)), 4, '0')
        ELSE '\u' || to_hex(55296 + (ascii(c) - 65536) / 1024) || '\u' || to_hex(56320 + (ascii(c) - 65536) % 1024)
    END, '' ORDER BY n), '') || '"'
    FROM unnest(string_to_array(words, NULL)) WITH ORDINALITY AS letters (c, n)
$$;
CREATE FUNCTION pg_temp.ids_json(ids uuid[]) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN cardinality(ids) = 0 THEN '[]' ELSE '["' || array_to_string(ids, '","') || '"]' END
$$;
CREATE FUNCTION pg_temp.line_hash(
    decision uuid, serial integer, at timestamptz, actor text, action text, reason text, step text, previous bytea,
    details text
) RETURNS bytea LANGUAGE sql AS $$
    SELECT sha256(convert_to('["' || decision || '",' || serial
        || ',"' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00",'
        || pg_temp.text_json(actor) || ',' || pg_temp.text_json(action)
        || ',[' || pg_temp.text_json(reason) || ',' || pg_temp.text_json(reason) || '],' || step
        || ',"' || encode(previous, 'hex') || '"' || details || ']', 'UTF8'))
$$;

INSERT INTO finding_decision_history
SELECT id, 1, at, actor, kind, jsonb_build_object('zh', reason, 'en', reason), NULL, 'standing',
    decode(repeat('00', 32), 'hex'),
    pg_temp.line_hash(id, 1, at, actor, kind, reason, 'null,"standing"', decode(repeat('00', 32), 'hex'),
        ',{"cell":' || pg_temp.text_json(cell) || ',"city":' || pg_temp.text_json(city)
        || ',"first":"' || first_finding || '","first_observations":' || pg_temp.ids_json(first_observations)
        || ',"second":' || coalesce('"' || second_finding || '"', 'null')
        || ',"second_observations":' || pg_temp.ids_json(second_observations) || '}'),
    jsonb_build_object('city', city, 'cell', cell, 'first', first_finding, 'second', second_finding,
        'first_observations', first_observations, 'second_observations', second_observations)
FROM finding_decisions;
INSERT INTO finding_decision_history
SELECT id, 2, undone_at, undone_by, 'undo', jsonb_build_object('zh', undone_reason, 'en', undone_reason), 'standing',
    'undone', h.hash,
    pg_temp.line_hash(id, 2, undone_at, undone_by, 'undo', undone_reason, '"standing","undone"', h.hash, ''), '{}'
FROM finding_decisions JOIN finding_decision_history h ON h.decision = id WHERE undone_at IS NOT NULL;
