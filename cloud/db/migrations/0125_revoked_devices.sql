-- Since when a device is let in no longer; null: it is let in. Enrolling it again lets it in again.
ALTER TABLE devices ADD COLUMN revoked_at timestamptz;

UPDATE devices d SET revoked_at = c.revoked_at
FROM (
    SELECT city, device, max(revoked_at) AS revoked_at FROM device_certificates
    GROUP BY city, device HAVING bool_and(revoked_at IS NOT NULL)
) c
WHERE c.city = d.city AND c.device = d.device;
