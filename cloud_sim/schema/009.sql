-- Which delays and failures of changes clients were told of: each once for each change.
CREATE TABLE told_delays (
    access_code_id TEXT NOT NULL,
    event_type     TEXT NOT NULL,
    since          TEXT NOT NULL,  -- as the code shows it
    PRIMARY KEY (access_code_id, event_type)
) STRICT, WITHOUT ROWID;
CREATE INDEX access_codes_by_change ON access_codes (coalesce(updated_ms, created_ms));
CREATE INDEX access_codes_by_deletion ON access_codes (deleted_ms) WHERE deleted_ms IS NOT NULL;

-- Somebody asked for a deletion; that it is done is told when the row goes.
CREATE TRIGGER news_of_deletion AFTER UPDATE OF deleted_ms ON access_codes
WHEN new.deleted_ms IS NOT NULL AND old.deleted_ms IS NULL
BEGIN
    INSERT INTO news (kind, lock_id, about) VALUES ('code_deletion', new.lock_id, new.access_code_id);
END;
