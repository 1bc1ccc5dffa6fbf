-- What is asked at every change of a set must not look at all of its codes.
CREATE INDEX access_codes_by_end ON access_codes (lock_id, ends_at) WHERE is_in_set = 1 AND ends_at IS NOT NULL;
CREATE INDEX access_codes_with_uses ON access_codes (lock_id)
    WHERE is_in_set = 1 AND (max_uses IS NOT NULL OR expires_after_first_use_s IS NOT NULL);
CREATE INDEX access_codes_deleted ON access_codes (lock_id, changed_rev) WHERE deleted_ms IS NOT NULL;
