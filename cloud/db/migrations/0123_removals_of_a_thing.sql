-- What was decided of one thing, for its page.
CREATE INDEX removal_history_thing_idx ON inventory.removal_history ((details ->> 'thing'));
