"""Faults of the agent that somebody catches by name. Denials are values, see `agent.core.decision`."""


class StorageFault(Exception):
    """The database could not be read or made durable: nothing may open. Caught by the controller."""


class StateDamaged(StorageFault):
    """Nothing in the database may be believed: it is damaged, or another hand has changed it. Caught
    by whoever opens it, and sets it aside."""


class StateDirBusy(Exception):
    """Another agent owns the state directory. Caught by the commands."""


class ConfigFault(Exception):
    """The configuration is wrong; the message names the key and how to mend it. Caught by the commands."""
