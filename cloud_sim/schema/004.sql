-- What the Seam API knows of locks and codes beyond the device-cloud API: two faces of the same rows.
ALTER TABLE locks ADD COLUMN code_lengths TEXT;  -- JSON list, as somebody reported them; NULL: 4 to 8
ALTER TABLE locks ADD COLUMN has_backup_pool INTEGER NOT NULL DEFAULT 0;  -- once on, it stays on

ALTER TABLE access_codes ADD COLUMN common_code_key TEXT;  -- codes that share digits and move together
ALTER TABLE access_codes ADD COLUMN is_external_modification_allowed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_codes ADD COLUMN is_managed INTEGER NOT NULL DEFAULT 1;  -- 0: made at the door
ALTER TABLE access_codes ADD COLUMN is_backup INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_codes ADD COLUMN is_pulled INTEGER NOT NULL DEFAULT 0;  -- a backup that was given out
ALTER TABLE access_codes ADD COLUMN pulled_backup_access_code_id TEXT;
ALTER TABLE access_codes ADD COLUMN updated_ms INTEGER;  -- when the lock last had a change to learn
ALTER TABLE access_codes ADD COLUMN before TEXT;  -- JSON: what the lock still holds while a change is on its way
CREATE INDEX access_codes_by_common_key ON access_codes (common_code_key) WHERE common_code_key IS NOT NULL;

-- What was asked of a code; how it went follows from what the lock reports.
CREATE TABLE code_attempts (
    action_attempt_id TEXT PRIMARY KEY,
    action_type       TEXT NOT NULL,     -- CREATE_ACCESS_CODE, UPDATE_ACCESS_CODE, DELETE_ACCESS_CODE
    lock_id           TEXT NOT NULL REFERENCES locks,
    access_code_id    TEXT NOT NULL,
    rev               INTEGER NOT NULL,  -- the revision that makes it so
    created_ms        INTEGER NOT NULL
) STRICT;
