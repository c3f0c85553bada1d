-- Of which event at the wheel a picture is: whoever opens it, its driver reads it. It goes with the picture.
CREATE TABLE driving_pictures (
    sha256 text NOT NULL,
    city text NOT NULL,
    device text NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT driving_pictures_pkey PRIMARY KEY (sha256, city, device, kind, at),
    CONSTRAINT driving_pictures_sha256_fkey FOREIGN KEY (sha256) REFERENCES pictures ON DELETE CASCADE
);
-- Of which alarm the oldest of terminals are was not noted: as of an event that nobody knows they are shown to nobody.
INSERT INTO driving_pictures (sha256, city, device, kind, at)
SELECT k.sha256, n.city, n.device, n.kind, n.at FROM pictures k JOIN (
    SELECT clip -> 'sheet' ->> 'sha256' AS sha256, city, device, kind, to_at AS at FROM driving_events
    WHERE clip IS NOT NULL
    UNION
    SELECT clip -> 'sheet' ->> 'sha256', city, device, kind, to_at FROM driving_incidents WHERE clip IS NOT NULL
    UNION
    SELECT sha256, city, device, coalesce(kind, 'unknown'), coalesce(alarm_at, received_at) FROM jt808_attachments
) n ON n.sha256 = k.sha256;
