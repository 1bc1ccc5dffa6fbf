-- What locks were told to do. A lock answers through its journal, so an answer may come late, and it counts.
CREATE TABLE commands (
    command_id  TEXT PRIMARY KEY,
    lock_id     TEXT NOT NULL REFERENCES locks,
    type        TEXT NOT NULL,
    args        TEXT NOT NULL,                    -- JSON
    custom_id   TEXT,                             -- what the client calls it
    status      TEXT NOT NULL DEFAULT 'pending',  -- pending, done, refused, failed, expired
    reason      TEXT,
    issued_ms   INTEGER NOT NULL,
    answered_ms INTEGER
) STRICT;
CREATE INDEX commands_of_lock ON commands (lock_id, issued_ms);
CREATE INDEX commands_pending ON commands (issued_ms) WHERE status = 'pending';
