-- What each lock needs to know for offline and rolling codes: keys, policies, technicians. The newest alone.
CREATE TABLE offline_setups (
    lock_id       TEXT    PRIMARY KEY,
    rev           INTEGER NOT NULL,
    journal_epoch TEXT    NOT NULL,  -- the journal of the lock that we know; empty until it has sent one
    setup         TEXT    NOT NULL   -- JSON of agent.offline_setup, without these two and the lock's id
) STRICT, WITHOUT ROWID;
