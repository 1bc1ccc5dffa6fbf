"""The device cloud: its HTTP API, its fleet, and what survives a crash."""
