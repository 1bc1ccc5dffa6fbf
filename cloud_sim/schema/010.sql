-- What a lock is to use instead of its own configuration file, and how it was told. No row: nobody ever said.
CREATE TABLE wanted_settings (
    lock_id       TEXT PRIMARY KEY REFERENCES locks,
    mode_schedule TEXT,              -- JSON; NULL: that of the lock's file
    release_s     INTEGER,           -- NULL: that of the lock's file
    changed_ms    INTEGER NOT NULL,
    told_digest   TEXT,              -- of the settings in the newest command
    told_sid      TEXT,              -- the session of the lock which that command is for
    command_id    TEXT
) STRICT, WITHOUT ROWID;
