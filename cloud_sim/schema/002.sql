-- Rules beyond window and uses, as the lock is told them; NULL: no such rule. Absent rules cost a lock nothing.
ALTER TABLE access_codes ADD COLUMN kind TEXT NOT NULL DEFAULT 'standard';
ALTER TABLE access_codes ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
ALTER TABLE access_codes ADD COLUMN expires_after_first_use_s INTEGER;
ALTER TABLE access_codes ADD COLUMN first_use_within_s INTEGER;
ALTER TABLE access_codes ADD COLUMN weekly TEXT;    -- JSON, as in the definition
ALTER TABLE access_codes ADD COLUMN zone TEXT;      -- IANA name
ALTER TABLE access_codes ADD COLUMN holidays TEXT;  -- JSON, as in the definition

ALTER TABLE reported_access_codes ADD COLUMN first_used_ms INTEGER;

-- What a duress code told, apart from all other events: nobody who may read those may see these by the way.
CREATE TABLE duress_events (
    lock_id  TEXT NOT NULL REFERENCES locks,
    sequence INTEGER NOT NULL,  -- 1, 2, 3 ... per lock
    event    TEXT NOT NULL,     -- JSON
    PRIMARY KEY (lock_id, sequence)
) STRICT, WITHOUT ROWID;
