-- What is wanted (locks, access_codes) and what locks report (reported_*) never share a table.
-- Times ending in _ms are Unix milliseconds, those without are Unix seconds.

CREATE TABLE cloud (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    owner_id TEXT NOT NULL
) STRICT;

CREATE TABLE locks (
    lock_id    TEXT PRIMARY KEY,
    name       TEXT,
    created_ms INTEGER NOT NULL,
    set_epoch  INTEGER NOT NULL DEFAULT 1,
    head_rev   INTEGER NOT NULL,           -- newest revision of its code set
    buckets    INTEGER NOT NULL DEFAULT 1  -- how many buckets that revision is cut into
) STRICT;

-- Who may speak for a lock. Nothing else does.
CREATE TABLE device_keys (
    lock_id     TEXT PRIMARY KEY REFERENCES locks,
    identity    TEXT NOT NULL,  -- public Ed25519 key, JWK
    sealing     TEXT NOT NULL,  -- public X25519 key, JWK
    certificate TEXT NOT NULL,  -- PEM
    pinned_ms   INTEGER NOT NULL
) STRICT;

CREATE TABLE invitations (
    invitation_id INTEGER PRIMARY KEY,
    lock_id       TEXT NOT NULL REFERENCES locks,
    token         TEXT NOT NULL,
    expires_ms    INTEGER NOT NULL  -- the row goes when it is used, replaced or over
) STRICT;
CREATE INDEX invitations_of_lock ON invitations (lock_id);

CREATE TABLE access_codes (
    access_code_id      TEXT PRIMARY KEY,
    lock_id             TEXT NOT NULL REFERENCES locks,
    name                TEXT,
    code                TEXT NOT NULL,
    starts_at           INTEGER,
    ends_at             INTEGER,
    max_uses            INTEGER,
    works_without_clock INTEGER NOT NULL DEFAULT 0,
    gen                 INTEGER NOT NULL DEFAULT 1,
    code_rev            INTEGER NOT NULL DEFAULT 1,
    created_ms          INTEGER NOT NULL,
    bucket_byte         INTEGER NOT NULL,    -- SHA-256(access_code_id)[0]
    changed_rev         INTEGER NOT NULL,    -- the revision that last added or dropped it
    is_in_set           INTEGER NOT NULL,    -- 0: dropped from the lock's set
    deleted_ms          INTEGER              -- asked to be deleted; the row goes once the lock confirms
) STRICT;
CREATE INDEX access_codes_of_lock ON access_codes (lock_id, is_in_set, bucket_byte);
CREATE UNIQUE INDEX one_code_once_per_lock ON access_codes (lock_id, code) WHERE is_in_set = 1;

CREATE TABLE bucket_digests (
    lock_id TEXT NOT NULL REFERENCES locks,
    bucket  INTEGER NOT NULL,
    digest  BLOB NOT NULL,
    PRIMARY KEY (lock_id, bucket)
) STRICT, WITHOUT ROWID;

-- The roots of every revision a lock may still confirm: two where its codes fit two numbers of buckets.
CREATE TABLE revisions (
    lock_id TEXT NOT NULL REFERENCES locks,
    rev     INTEGER NOT NULL,
    root    TEXT NOT NULL,
    PRIMARY KEY (lock_id, rev, root)
) STRICT, WITHOUT ROWID;

CREATE TABLE reported_status (
    lock_id      TEXT PRIMARY KEY REFERENCES locks,
    sid          TEXT NOT NULL,
    is_online    INTEGER NOT NULL,
    status       TEXT NOT NULL,       -- the last whole status, JSON; an offline message does not replace it
    last_seen_ms INTEGER NOT NULL     -- when the lock last spoke for itself, as far as is known
) STRICT;

CREATE TABLE reported_codes (
    lock_id     TEXT PRIMARY KEY REFERENCES locks,
    rev         INTEGER NOT NULL,
    is_our_root INTEGER NOT NULL,     -- 0: the lock holds something else under that revision
    codes       TEXT NOT NULL         -- the whole report, JSON
) STRICT;

CREATE TABLE reported_access_codes (
    lock_id        TEXT NOT NULL REFERENCES locks,
    access_code_id TEXT NOT NULL,
    gen            INTEGER NOT NULL,
    state          TEXT NOT NULL DEFAULT 'set',
    errors         TEXT NOT NULL DEFAULT '[]',
    uses           INTEGER NOT NULL DEFAULT 0,
    last_used_ms   INTEGER,
    PRIMARY KEY (lock_id, access_code_id, gen)
) STRICT, WITHOUT ROWID;

CREATE TABLE journals (
    lock_id       TEXT NOT NULL REFERENCES locks,
    journal_epoch TEXT NOT NULL,
    upto          INTEGER NOT NULL,   -- every row up to here is held and its chain holds
    last_hash     TEXT,               -- NULL: the rows before are missing for good
    broken_seq    INTEGER,            -- the row whose hash did not continue the chain
    gap_seq       INTEGER,            -- the lowest row offered beyond a missing one
    gap_ms        INTEGER,            -- since when
    PRIMARY KEY (lock_id, journal_epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal_rows (
    lock_id       TEXT NOT NULL,
    journal_epoch TEXT NOT NULL,
    seq           INTEGER NOT NULL,
    row           TEXT NOT NULL,      -- as received, JSON
    received_ms   INTEGER NOT NULL,
    PRIMARY KEY (lock_id, journal_epoch, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    lock_id  TEXT NOT NULL REFERENCES locks,
    sequence INTEGER NOT NULL,        -- 1, 2, 3 ... per lock
    event    TEXT NOT NULL,           -- JSON
    PRIMARY KEY (lock_id, sequence)
) STRICT, WITHOUT ROWID;

-- Messages that were not believed, so that somebody can see them.
CREATE TABLE refused_messages (
    device_id TEXT NOT NULL,          -- '' for devices nobody enrolled
    stream    TEXT NOT NULL,
    reason    TEXT NOT NULL,
    count     INTEGER NOT NULL,
    last_ms   INTEGER NOT NULL,
    PRIMARY KEY (device_id, stream, reason)
) STRICT, WITHOUT ROWID;
