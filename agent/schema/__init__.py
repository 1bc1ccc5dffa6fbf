"""SQL of the lock database, one file per schema version."""
