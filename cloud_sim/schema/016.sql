-- Offline codes that this cloud issued. Their locks are told none of them: kid, issuer, slot and q say all, and the
-- id follows from them. No part of any code set.
CREATE TABLE offline_codes (
    access_code_id  TEXT    PRIMARY KEY,
    lock_id         TEXT    NOT NULL REFERENCES locks,
    name            TEXT,
    person_id       TEXT,
    code            TEXT    NOT NULL,  -- '': erased with the person
    kid             INTEGER NOT NULL,
    issuer          INTEGER NOT NULL,
    slot            INTEGER NOT NULL,
    q               INTEGER NOT NULL,
    starts_at       INTEGER NOT NULL,
    ends_at         INTEGER NOT NULL,
    first_use_by    INTEGER NOT NULL,  -- unused until then, it is over
    is_one_time_use INTEGER NOT NULL,
    setup_rev       INTEGER NOT NULL,  -- the setup that the lock needs, or a later one
    created_ms      INTEGER NOT NULL,
    revoked_ms      INTEGER,
    revoked_rev     INTEGER,           -- the setup with which the lock knows of that; 0: it knows
    revoked_why     TEXT,              -- revoked, cancelled (at the door), key_gone
    told_stage      TEXT,              -- created, issued, set, removed; NULL: nobody was told of it yet
    UNIQUE (lock_id, kid, issuer, slot, q)
) STRICT;
CREATE INDEX offline_codes_to_tell ON offline_codes (lock_id) WHERE told_stage IS NOT 'removed';
CREATE INDEX offline_codes_by_code ON offline_codes (lock_id, code);
CREATE INDEX offline_codes_of_person ON offline_codes (person_id) WHERE person_id IS NOT NULL;

-- Codes of a key that start before a slot are over: somebody typed the code that cancels.
CREATE TABLE offline_cancellations (
    lock_id TEXT    NOT NULL REFERENCES locks,
    kid     INTEGER NOT NULL,
    issuer  INTEGER NOT NULL,
    slot    INTEGER NOT NULL,
    PRIMARY KEY (lock_id, kid, issuer)
) STRICT, WITHOUT ROWID;

ALTER TABLE offline_setups ADD COLUMN revoked TEXT NOT NULL DEFAULT '[]';  -- JSON: as `denied`, of codes issued here
ALTER TABLE offline_setups ADD COLUMN keys_rev INTEGER NOT NULL DEFAULT 0;  -- the last that changed more than who is in
ALTER TABLE offline_setups ADD COLUMN journal_rev INTEGER NOT NULL DEFAULT 0;  -- the last that named another journal
UPDATE offline_setups SET keys_rev = rev, journal_rev = rev;
