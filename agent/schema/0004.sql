-- Version 4. What set the operating mode, how far a schedule was followed, and settings the cloud changed.

-- Null in a row of version 3, whose MAC covers the mode alone.
ALTER TABLE operating_mode ADD COLUMN set_by     TEXT;
ALTER TABLE operating_mode ADD COLUMN schedule   TEXT;     -- digest of the schedule followed last; '' for none
ALTER TABLE operating_mode ADD COLUMN boundary_s INTEGER;  -- its boundary that was dealt with last, Unix seconds

-- What counts instead of the configuration file, under a MAC like the mode. At most one row.
CREATE TABLE changed_settings (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    settings TEXT NOT NULL,  -- canonical JSON
    mac      BLOB NOT NULL
) STRICT;
