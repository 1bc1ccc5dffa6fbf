-- Codes that people make and remove at the door. One that nobody manages is no part of the wanted set; its
-- row is there for as long as the lock holds the code. Digits that could not be read are ''.
ALTER TABLE access_codes ADD COLUMN made_ms INTEGER;  -- when it was made at the door; NULL: made here
ALTER TABLE access_codes ADD COLUMN is_at_door INTEGER NOT NULL DEFAULT 0;  -- the lock may hold it apart from its set
ALTER TABLE access_codes ADD COLUMN removed_at_door_ms INTEGER;  -- in the set: until the lock has put it back
CREATE INDEX access_codes_at_door ON access_codes (lock_id, code) WHERE is_at_door = 1;

DROP TRIGGER news_of_gone_code;
CREATE TRIGGER news_of_gone_code AFTER DELETE ON access_codes BEGIN
    INSERT INTO news (kind, lock_id, about, detail) VALUES (
        'code_gone', old.lock_id, old.access_code_id,
        json_object('code', old.code, 'is_managed', old.is_managed, 'removed_ms', old.removed_at_door_ms)
    );
END;

DROP TRIGGER news_of_new_code;
CREATE TRIGGER news_of_new_code AFTER INSERT ON access_codes BEGIN
    INSERT INTO news (kind, lock_id, about, detail) VALUES (
        'code_created', new.lock_id, new.access_code_id,
        json_object('is_managed', new.is_managed, 'made_ms', new.made_ms)
    );
END;

-- Not of one that is deleted in the same breath: that it is gone is told anyway.
CREATE TRIGGER news_of_code_removed_at_door AFTER UPDATE OF removed_at_door_ms ON access_codes
WHEN new.removed_at_door_ms IS NOT NULL AND old.removed_at_door_ms IS NULL AND new.is_managed = 1
BEGIN
    INSERT INTO news (kind, lock_id, about, detail) VALUES (
        'code_removed_at_door', new.lock_id, new.access_code_id,
        json_object('removed_ms', new.removed_at_door_ms, 'stays', new.is_in_set = 0)
    );
END;
