-- Which keys for offline codes each lock ever had, by name: none is given a second time.
CREATE TABLE offline_kids (
    lock_id   TEXT    NOT NULL,
    kid       INTEGER NOT NULL,
    issuer    INTEGER NOT NULL,
    since_rev INTEGER NOT NULL,  -- the setup with which the key became what it is
    state     TEXT    NOT NULL,  -- kept; retired: nothing is issued with it any more; ended: taken away for good
    PRIMARY KEY (lock_id, kid, issuer)
) STRICT, WITHOUT ROWID;

INSERT INTO offline_kids
    SELECT lock_id, json_extract(value, '$.kid'), coalesce(json_extract(value, '$.issuer'), 0), keys_rev, 'kept'
    FROM offline_setups, json_each(setup, '$.keys');
INSERT OR IGNORE INTO offline_kids SELECT DISTINCT lock_id, kid, issuer, 0, 'ended' FROM offline_codes;

ALTER TABLE offline_setups DROP COLUMN keys_rev;
ALTER TABLE offline_setups ADD COLUMN restored_ms INTEGER;  -- when this lock showed last that we are from a backup
