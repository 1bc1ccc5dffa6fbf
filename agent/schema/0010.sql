-- Version 10. The keys of tags from before the root secret was replaced (agent/tag_key_rows.py).

CREATE TABLE former_tag_key (
    number INTEGER PRIMARY KEY,  -- 1 makes the tag of digits, each other one wraps the tag of before
    sealed BLOB    NOT NULL      -- under the store key
) STRICT;
