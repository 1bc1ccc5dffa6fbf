-- Somebody who needs longer at the door.
ALTER TABLE access_codes ADD COLUMN extended_release INTEGER NOT NULL DEFAULT 0;
