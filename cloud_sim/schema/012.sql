-- Webhooks of the guide for device clouds get events of their own, in the same queue as those of the Seam API.
ALTER TABLE seam_events ADD COLUMN face TEXT NOT NULL DEFAULT 'seam';  -- or device_cloud
ALTER TABLE webhooks ADD COLUMN face TEXT NOT NULL DEFAULT 'seam';

-- Up to which change each code was told there; only while somebody listens.
CREATE TABLE told_to_device_cloud (
    access_code_id TEXT PRIMARY KEY,
    changed_rev    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
