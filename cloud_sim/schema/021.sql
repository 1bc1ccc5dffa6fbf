-- Certificates of locks that count no more: replaced, or their lock was retired. Brokers are told of them. The
-- triggers write it in the very transaction that takes a certificate away, whoever does.
CREATE TABLE revoked_certificates (
    certificate TEXT    PRIMARY KEY,  -- PEM
    revoked_s   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER certificate_replaced AFTER UPDATE OF certificate ON device_keys
WHEN old.certificate NOT IN ('', new.certificate) BEGIN
    INSERT OR IGNORE INTO revoked_certificates VALUES (old.certificate, CAST(strftime('%s', 'now') AS INTEGER));
END;

CREATE TRIGGER certificate_retired AFTER DELETE ON device_keys WHEN old.certificate <> '' BEGIN
    INSERT OR IGNORE INTO revoked_certificates VALUES (old.certificate, CAST(strftime('%s', 'now') AS INTEGER));
END;

-- One that was given out and never came to count.
CREATE TRIGGER certificate_unused AFTER DELETE ON key_renewals WHEN old.certificate IS NOT NULL BEGIN
    INSERT OR IGNORE INTO revoked_certificates VALUES (old.certificate, CAST(strftime('%s', 'now') AS INTEGER));
END;
