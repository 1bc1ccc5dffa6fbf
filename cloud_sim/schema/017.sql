-- Which keys of the cloud each lock has, so that it is spoken to with one that it believes.

CREATE TABLE told_keys (
    lock_id   TEXT    PRIMARY KEY REFERENCES locks,
    rev       INTEGER NOT NULL,    -- 0: nothing since its enrolment
    body      TEXT    NOT NULL,    -- what it was told last, JSON of agent.messages.Keys
    cloud_kid TEXT    NOT NULL     -- the signing key that it has as its newest, by its own word
) STRICT, WITHOUT ROWID;

-- Signing keys that are not the newest any more.
CREATE TABLE former_signing_keys (
    kid        TEXT    PRIMARY KEY,
    until_s    INTEGER NOT NULL,  -- locks that have the newer one believe it till then, Unix seconds
    is_revoked INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
