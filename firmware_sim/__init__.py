"""Everything below the serial line and around the door, simulated; and lock-sim."""
