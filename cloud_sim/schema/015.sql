-- How far each stream of each lock has come, so that an older message that is brought again is refused.

-- The databases a lock has had, in order: their journal_epoch. Numbers of messages rise within one of them.
CREATE TABLE lock_lives (
    number  INTEGER PRIMARY KEY,
    lock_id TEXT NOT NULL REFERENCES locks,
    life    TEXT NOT NULL,
    UNIQUE (lock_id, life)
) STRICT;

-- Within the newest of them.
CREATE TABLE message_order (
    lock_id TEXT NOT NULL REFERENCES locks,
    stream  TEXT NOT NULL,
    nth     INTEGER NOT NULL,
    PRIMARY KEY (lock_id, stream)
) STRICT, WITHOUT ROWID;
