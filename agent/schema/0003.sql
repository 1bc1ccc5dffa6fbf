-- Version 3. Commands done once, what they left behind, and the operating mode.

-- Every command that was taken, by its id, with what became of it: a second delivery is answered from here.
CREATE TABLE command (
    number     INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    type       TEXT    NOT NULL,
    result     TEXT    NOT NULL,            -- done, refused, failed, unknown
    reason     TEXT,
    is_pending INTEGER NOT NULL DEFAULT 0   -- committed, and the strike not yet told
) STRICT;

-- Codes revoked by command: refused until a code set of revision until_rev or later decides.
CREATE TABLE revocation (
    access_code_id TEXT    PRIMARY KEY,
    until_rev      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The operating mode, under a MAC: a mode written by hand must not open the door. At most one row.
CREATE TABLE operating_mode (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    mode TEXT NOT NULL,
    mac  BLOB NOT NULL
) STRICT;
