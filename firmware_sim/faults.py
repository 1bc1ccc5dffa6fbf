"""What can go wrong around a simulated site; every message says what to do."""


class SimFault(Exception):
    """The simulator cannot go on. Caught by lock-sim, which prints it and exits with 1."""


class NotInTime(SimFault):
    """Something the simulator waited for did not happen in time. Caught where more can be said."""
