-- Locks are told which codes may be removed at the door for good, so sets with such codes have other digests now:
-- they become a new revision, and are counted when somebody is told of it.
DELETE FROM bucket_digests WHERE lock_id IN (
    SELECT lock_id FROM access_codes WHERE is_in_set = 1 AND is_external_modification_allowed = 1
);
UPDATE locks SET head_rev = head_rev + 1 WHERE lock_id IN (
    SELECT lock_id FROM access_codes WHERE is_in_set = 1 AND is_external_modification_allowed = 1
);
