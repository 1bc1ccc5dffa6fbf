-- Whose code it is, where a name is not enough; like the name it is told to nobody but clients of this cloud.
ALTER TABLE access_codes ADD COLUMN person_id TEXT;
CREATE INDEX access_codes_of_person ON access_codes (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX access_codes_by_name ON access_codes (name) WHERE name IS NOT NULL;

-- The highest sequence that was ever forgotten: numbers are never given twice.
ALTER TABLE locks ADD COLUMN forgotten_upto INTEGER NOT NULL DEFAULT 0;
ALTER TABLE locks ADD COLUMN duress_forgotten_upto INTEGER NOT NULL DEFAULT 0;
