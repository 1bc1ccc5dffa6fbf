-- Version 6. Offline and rolling codes: what the cloud set up, and what happened to such codes here.

-- Keys, policies and technicians, sealed under the store key. At most one row.
CREATE TABLE offline_setup (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    rev     INTEGER NOT NULL,  -- the newest ever accepted; older ones are refused
    began_s INTEGER,           -- when this database first had keys and knew the time, Unix seconds
    sealed  BLOB    NOT NULL,
    mac     BLOB    NOT NULL
) STRICT;

-- Offline codes since their first use: searched like all others, and in no code set. uses are in code_use.
CREATE TABLE offline_code (
    access_code_id TEXT    PRIMARY KEY,
    kid            INTEGER NOT NULL,
    issuer         INTEGER NOT NULL,
    slot           INTEGER NOT NULL,
    q              INTEGER NOT NULL,
    starts_at      INTEGER NOT NULL,
    ends_at        INTEGER NOT NULL,
    max_uses       INTEGER,
    tag            BLOB    NOT NULL,
    code_length    INTEGER NOT NULL,
    since_rev      INTEGER NOT NULL,
    is_revoked     INTEGER NOT NULL,
    mac            BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- Codes of this key that start before this slot were cancelled at the keypad.
CREATE TABLE offline_floor (
    kid    INTEGER NOT NULL,
    issuer INTEGER NOT NULL,
    slot   INTEGER NOT NULL,
    mac    BLOB    NOT NULL,
    PRIMARY KEY (kid, issuer)
) STRICT, WITHOUT ROWID;

-- What is remembered of a technician with this secret (by its keyed tag).
CREATE TABLE technician_use (
    slot       INTEGER PRIMARY KEY,
    secret_tag BLOB    NOT NULL,
    last_step  INTEGER NOT NULL,
    drift      INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    mac        BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
