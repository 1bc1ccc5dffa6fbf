-- Version 5. What people at the door did to codes. A code set never brings back what was removed there.

-- Codes made at the door: searched like all others, and in no code set. uses are in code_use.
CREATE TABLE local_code (
    access_code_id TEXT    PRIMARY KEY,
    gen            INTEGER NOT NULL,
    definition     TEXT    NOT NULL,  -- canonical JSON, like that of a code of the cloud
    tag            BLOB    NOT NULL,  -- keyed tag of the digits
    code_length    INTEGER NOT NULL,
    since_rev      INTEGER NOT NULL,  -- the code set that decided then; codes of later ones do not get its digits
    mac            BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- Codes of the cloud that were removed at the door, and are refused.
CREATE TABLE door_removal (
    access_code_id TEXT    PRIMARY KEY,
    gen            INTEGER NOT NULL,
    stays          INTEGER NOT NULL   -- 0: until lock and cloud compare their code sets
) STRICT, WITHOUT ROWID;
