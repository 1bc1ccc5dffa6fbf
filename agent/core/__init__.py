"""Pure rules of the door: no I/O, no clock, no threads, no randomness."""
