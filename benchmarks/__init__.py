"""How quick and how small the lock is, on the virtual board and real processes; figures, never verdicts."""
