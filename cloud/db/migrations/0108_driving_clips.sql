-- Seconds of the road around an event: {sheet, columns, taken_at}; the sheet is a picture like others.
ALTER TABLE driving_events ADD COLUMN clip jsonb;
ALTER TABLE driving_incidents ADD COLUMN clip jsonb;
