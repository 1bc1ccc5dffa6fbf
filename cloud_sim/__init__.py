"""Everything above the MQTT line: a small but honest device cloud, and its broker."""
