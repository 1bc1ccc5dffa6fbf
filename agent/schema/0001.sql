-- Version 1. One file per version; a database of version n is brought up by files n+1, n+2, ...

-- What the lock as a whole remembers: exactly one row.
CREATE TABLE lock (
    id                 INTEGER PRIMARY KEY CHECK (id = 1),
    device_id          TEXT    NOT NULL,
    journal_epoch      TEXT    NOT NULL,  -- new with each new database, so that numbering may start again
    acked_seq          INTEGER NOT NULL DEFAULT 0,
    set_epoch          INTEGER NOT NULL,
    highest_rev        INTEGER NOT NULL DEFAULT 0,  -- newest manifest ever accepted; older ones are refused
    highest_root       TEXT    NOT NULL DEFAULT '',
    applied_rev        INTEGER NOT NULL DEFAULT 0,  -- the set that decides at the keypad
    floor_s            INTEGER NOT NULL DEFAULT 0,
    anchor_boot        TEXT,                        -- the clock estimate, valid within this boot only
    anchor_at_s        REAL,
    anchor_wall_s      REAL,
    anchor_bound_s     REAL
) STRICT;

-- What the cloud defined. A row counts at revision r when from_rev <= r and (to_rev is null or to_rev > r).
CREATE TABLE access_code (
    access_code_id TEXT    NOT NULL,
    from_rev       INTEGER NOT NULL,
    to_rev         INTEGER,
    gen            INTEGER NOT NULL,
    definition     TEXT    NOT NULL,  -- canonical JSON, without digits and name
    tag            BLOB,              -- keyed tag of the digits; null when the definition is unusable
    code_length    INTEGER,
    error          TEXT,              -- why it is unusable
    is_revoked     INTEGER NOT NULL DEFAULT 0,  -- refused from the moment its removal was seen
    mac            BLOB    NOT NULL,
    PRIMARY KEY (access_code_id, from_rev)
) STRICT, WITHOUT ROWID;

-- What happened to codes; a code set never writes here, so that delivering it again brings nothing back.
CREATE TABLE code_use (
    access_code_id TEXT    NOT NULL,
    gen            INTEGER NOT NULL,
    uses           INTEGER NOT NULL,
    mac            BLOB    NOT NULL,
    PRIMARY KEY (access_code_id, gen)
) STRICT, WITHOUT ROWID;

CREATE TABLE throttle (
    length_class TEXT PRIMARY KEY,
    tokens       REAL    NOT NULL,
    failures     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who, when, why; also the outbox. hash = SHA-256(previous hash, row): a missing or changed row shows.
CREATE TABLE journal (
    seq  INTEGER PRIMARY KEY,
    row  TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
