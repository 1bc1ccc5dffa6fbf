"""Tells locks which settings are wanted: at once, at each session, and again until they report them."""

from cloud_sim import commands, wanted_settings
from cloud_sim.database import Database
from cloud_sim.downlink import Downlink

DELIVER_EVERY_S = 10
"""How often to look for locks that were told and did not answer."""


def deliver(database: Database, downlink: Downlink, lock_id: str, wall: float) -> str | None:
    """Tell a lock what is wanted, unless it reports that it has it. The command that decides: a new one, or
    the one this session of the lock got before, while it waits for its answer or was refused; None for none.

    A lock that is away is told at its next session: whoever takes in its status calls this."""
    commands.expire(database, wall)
    settings = wanted_settings.wanted(database, lock_id)
    if settings is None or wanted_settings.is_applied(database, lock_id, settings):
        return None
    told = wanted_settings.told(database, lock_id, settings.digest)
    if told is not None and told["status"] in ("pending", "refused"):
        return str(told["command_id"])
    issued = commands.issue(database, downlink, lock_id, "config", settings.args, wall)
    if isinstance(issued, commands.NotOnline):
        return None
    commands.forget_expired(database, lock_id, "config", wall)
    wanted_settings.note_told(database, lock_id, settings.digest, issued)
    return issued


def deliver_all(database: Database, downlink: Downlink, wall: float) -> None:
    """Tell every lock that is there and does not have what is wanted."""
    rows = database.rows(
        "SELECT lock_id FROM wanted_settings JOIN reported_status USING (lock_id) WHERE is_online = 1"
    )
    for row in rows:
        deliver(database, downlink, row["lock_id"], wall)
