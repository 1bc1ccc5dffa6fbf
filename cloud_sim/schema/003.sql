-- What clients of the Seam-compatible API are told, and how far each of them has been told.

-- What happened and is not told yet, oldest first. The triggers write it in the very transaction that
-- changes something, whoever changes it; it is taken out in the transaction that makes events of it.
CREATE TABLE news (
    news_id INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,        -- lock_event, code_created, code_changed, code_gone
    lock_id TEXT NOT NULL,
    about   TEXT NOT NULL,        -- sequence of the event, or id of the code
    detail  TEXT                  -- JSON
) STRICT;

-- Locks whose codes may have come to another stage: they reported something, or the time has come.
CREATE TABLE locks_to_look_at (
    lock_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TRIGGER news_of_event AFTER INSERT ON events BEGIN
    INSERT INTO news (kind, lock_id, about) VALUES ('lock_event', new.lock_id, new.sequence);
END;

CREATE TRIGGER news_of_new_code AFTER INSERT ON access_codes BEGIN
    INSERT INTO news (kind, lock_id, about) VALUES ('code_created', new.lock_id, new.access_code_id);
END;

CREATE TRIGGER news_of_changed_code AFTER UPDATE OF name, code, starts_at, ends_at ON access_codes
WHEN (new.name, new.code, new.starts_at, new.ends_at)
    IS NOT (old.name, old.code, old.starts_at, old.ends_at)
BEGIN
    INSERT INTO news (kind, lock_id, about, detail) VALUES (
        'code_changed', new.lock_id, new.access_code_id,
        json_object(
            'from', json_object(
                'name', old.name, 'code', old.code, 'starts_at', old.starts_at, 'ends_at', old.ends_at
            ),
            'to', json_object(
                'name', new.name, 'code', new.code, 'starts_at', new.starts_at, 'ends_at', new.ends_at
            )
        )
    );
END;

CREATE TRIGGER news_of_gone_code AFTER DELETE ON access_codes BEGIN
    INSERT INTO news (kind, lock_id, about, detail)
    VALUES ('code_gone', old.lock_id, old.access_code_id, json_object('code', old.code));
END;

-- Not INSERT OR IGNORE: inside a trigger the conflict rule of the outer statement, an upsert, goes before it.
CREATE TRIGGER look_after_first_report AFTER INSERT ON reported_codes BEGIN
    INSERT INTO locks_to_look_at SELECT new.lock_id
    WHERE new.lock_id NOT IN (SELECT lock_id FROM locks_to_look_at);
END;

CREATE TRIGGER look_after_report AFTER UPDATE ON reported_codes BEGIN
    INSERT INTO locks_to_look_at SELECT new.lock_id
    WHERE new.lock_id NOT IN (SELECT lock_id FROM locks_to_look_at);
END;

CREATE TRIGGER look_after_first_code_report AFTER INSERT ON reported_access_codes BEGIN
    INSERT INTO locks_to_look_at SELECT new.lock_id
    WHERE new.lock_id NOT IN (SELECT lock_id FROM locks_to_look_at);
END;

CREATE TRIGGER look_after_code_report AFTER UPDATE ON reported_access_codes BEGIN
    INSERT INTO locks_to_look_at SELECT new.lock_id
    WHERE new.lock_id NOT IN (SELECT lock_id FROM locks_to_look_at);
END;

CREATE INDEX access_codes_starting ON access_codes (starts_at) WHERE starts_at IS NOT NULL;
CREATE INDEX access_codes_ending ON access_codes (ends_at) WHERE ends_at IS NOT NULL;
CREATE INDEX access_codes_expiring ON access_codes (lock_id) WHERE expires_after_first_use_s IS NOT NULL;

-- The stage of each code that was told last: created, scheduled, set, failed, removed. Codes that nobody is
-- told of, those of a pool of backups, have no row.
CREATE TABLE told_stages (
    access_code_id TEXT PRIMARY KEY,
    stage          TEXT NOT NULL,
    version        TEXT NOT NULL  -- gen and code_rev: new digits are told anew
) STRICT, WITHOUT ROWID;

-- Whether each lock was last told to be connected.
CREATE TABLE told_connections (
    lock_id      TEXT PRIMARY KEY REFERENCES locks,
    is_connected INTEGER NOT NULL,
    since_ms     INTEGER NOT NULL,
    silent_ms    INTEGER           -- since when it has no session; NULL: it has one
) STRICT, WITHOUT ROWID;

CREATE TABLE seam_events (
    sequence       INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id       TEXT NOT NULL UNIQUE,
    event_type     TEXT NOT NULL,
    lock_id        TEXT NOT NULL,
    access_code_id TEXT,
    created_ms     INTEGER NOT NULL,
    event          TEXT NOT NULL     -- as it is answered and delivered, JSON
) STRICT;
CREATE INDEX seam_events_by_time ON seam_events (created_ms);
CREATE INDEX seam_events_of_lock ON seam_events (lock_id, sequence);
CREATE INDEX seam_events_of_code ON seam_events (access_code_id, sequence) WHERE access_code_id IS NOT NULL;

CREATE TABLE webhooks (
    webhook_id  TEXT PRIMARY KEY,
    url         TEXT NOT NULL,
    event_types TEXT NOT NULL,     -- JSON list; "*" is all
    secret      TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    upto        INTEGER NOT NULL,  -- every event up to this sequence is delivered, given up or not wanted
    tries       INTEGER NOT NULL DEFAULT 0,  -- failed deliveries of the next event so far
    next_ms     INTEGER NOT NULL DEFAULT 0,  -- not before this time
    given_up    INTEGER NOT NULL DEFAULT 0   -- events never delivered
) STRICT;

-- What the API lets clients set on a device that no lock needs to know.
CREATE TABLE device_settings (
    lock_id         TEXT PRIMARY KEY REFERENCES locks,
    custom_metadata TEXT NOT NULL     -- JSON object
) STRICT, WITHOUT ROWID;

CREATE TABLE action_attempts (
    action_attempt_id TEXT PRIMARY KEY,
    action_type       TEXT NOT NULL,
    lock_id           TEXT NOT NULL,
    command_id        TEXT,           -- the command to the lock that decides it
    status            TEXT NOT NULL,  -- pending, success, error
    result            TEXT,           -- JSON object, when it succeeded
    error_type        TEXT,
    error_message     TEXT,
    created_ms        INTEGER NOT NULL
) STRICT;
CREATE INDEX action_attempts_of_command ON action_attempts (command_id) WHERE command_id IS NOT NULL;
CREATE INDEX action_attempts_pending ON action_attempts (created_ms) WHERE status = 'pending';
