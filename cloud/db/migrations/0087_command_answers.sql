-- What a bus answered: a picture or lines of its log; the command's id is that of the message that told it.
ALTER TABLE device_commands
    ALTER COLUMN id DROP DEFAULT,
    ADD COLUMN answered_at timestamptz,
    ADD COLUMN media_type text,
    ADD COLUMN answer bytea,
    ADD CONSTRAINT device_commands_answer_check CHECK (
        (answer IS NULL) = (answered_at IS NULL) AND (answer IS NULL) = (media_type IS NULL)),
    ADD CONSTRAINT device_commands_media_type_check CHECK (media_type IN ('image/jpeg', 'text/plain'));
ALTER TABLE device_commands ALTER COLUMN answer SET STORAGE EXTERNAL;
CREATE INDEX device_commands_asked_at_idx ON device_commands (asked_at);
