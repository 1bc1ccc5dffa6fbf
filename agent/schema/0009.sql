-- Version 9. Who answers for the clock estimate, and the hardware clock beside it.

ALTER TABLE lock ADD COLUMN anchor_witness TEXT;  -- signed, ntp, rtc or technician
ALTER TABLE lock ADD COLUMN signed_floor_s INTEGER NOT NULL DEFAULT 0;  -- the floor by signed time alone
ALTER TABLE lock ADD COLUMN rtc_s       INTEGER;  -- what the hardware clock showed at the Unix time rtc_wall_s
ALTER TABLE lock ADD COLUMN rtc_wall_s  REAL;
ALTER TABLE lock ADD COLUMN rtc_bound_s REAL;
UPDATE lock SET signed_floor_s = floor_s, anchor_boot = NULL;
