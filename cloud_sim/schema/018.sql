-- Identities that locks had before they were enrolled again: what they sealed with those may still come.
CREATE TABLE former_identities (
    lock_id  TEXT NOT NULL REFERENCES locks,
    identity TEXT NOT NULL,      -- public Ed25519 key, JWK
    PRIMARY KEY (lock_id, identity)
) STRICT, WITHOUT ROWID;
