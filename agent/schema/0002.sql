-- Version 2. What rules about the first use need; a MAC covers both as soon as one of them is there.

ALTER TABLE code_use ADD COLUMN first_used_at INTEGER;  -- Unix seconds; with the clock unknown, the floor
ALTER TABLE code_use ADD COLUMN known_since   INTEGER;  -- since when the lock holds the code and knows the time
