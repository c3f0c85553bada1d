-- Which messages of buses led to what people are told: so one id can be followed from the frame to the notice.
ALTER TABLE case_events ADD COLUMN event_ids uuid[] NOT NULL DEFAULT '{}';
ALTER TABLE deliveries ADD COLUMN event_ids uuid[] NOT NULL DEFAULT '{}';
