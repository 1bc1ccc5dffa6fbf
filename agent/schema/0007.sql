-- Version 7. The seal over every row that decides (agent/state_seal.py). Exactly one row.

CREATE TABLE state_seal (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    seal BLOB NOT NULL
) STRICT;
