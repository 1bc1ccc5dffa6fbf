"""OSDP (IEC 60839-11-5): codec, secure channel, control panel, and the drivers on top."""
