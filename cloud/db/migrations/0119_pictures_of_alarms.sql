-- Of which alarm a picture of a terminal is, so that it stands with the incident; nobody noted it before.
ALTER TABLE jt808_attachments ADD COLUMN kind text, ADD COLUMN alarm_at timestamptz;
CREATE INDEX jt808_attachments_alarm_idx ON jt808_attachments (city, device, kind, alarm_at);
