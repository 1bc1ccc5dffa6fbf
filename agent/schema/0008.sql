-- Version 8. How long the lock has heard nothing fresh of its cloud, and the order of what it says itself.

CREATE TABLE freshness (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    heard_s  INTEGER NOT NULL,  -- the cloud's time in the newest heartbeat that was believed, Unix seconds
    silent_s INTEGER NOT NULL,  -- time this lock has run since, over all starts
    is_stale INTEGER NOT NULL   -- the journal says so already
) STRICT;

-- How often the uplink was made: messages of a later start have higher numbers.
ALTER TABLE lock ADD COLUMN starts INTEGER NOT NULL DEFAULT 0;
