-- Renewals of the keys of locks, the newest of each: asked for by the operator, over when the lock has spoken by
-- its new identity.
CREATE TABLE key_renewals (
    lock_id     TEXT    PRIMARY KEY REFERENCES locks,
    renewal_id  TEXT    NOT NULL,
    asked_ms    INTEGER NOT NULL,
    command_id  TEXT,     -- by which the lock was told, in its session told_sid
    told_sid    TEXT,
    identity    TEXT,     -- public JWK, proposed and accepted: believed beside that of device_keys
    sealing     TEXT,     -- public JWK: used in place of that of device_keys
    certificate TEXT,     -- PEM
    ended_ms    INTEGER   -- these three are those of device_keys since, and empty here
) STRICT, WITHOUT ROWID;
