-- An answer as it was given, whatever the route: not only JSON of the routes of cases and findings.
ALTER TABLE idempotency_keys
    ALTER COLUMN request_hash DROP NOT NULL, -- none: of before, known by its key alone
    ADD COLUMN status smallint,
    ADD COLUMN headers jsonb,
    ADD COLUMN body text; -- Base64, sealed where there is a key; none: too long to be kept

-- The column `answer` goes in a later version: this one does not write it any more.
UPDATE idempotency_keys
SET request_hash = NULL, status = 200, headers = '{"content-type": "application/json"}',
    body = encode(convert_to(answer::text, 'UTF8'), 'base64')
WHERE answer IS NOT NULL;
