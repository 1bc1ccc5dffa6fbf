"""What to do about offline codes when this cloud was restored from a backup: it does not know what it issued
since, so with those keys it issues nothing any more.

A lock that knows more than we do shows it, for itself: were one lock believed for all, a stolen one could
stop the codes of every door. An operator says it for all of them.
"""

import logging
from collections.abc import Sequence
from typing import Literal

from agent.offline_setup import SetupFault
from cloud_sim import events, offline_rotation
from cloud_sim.database import Database
from cloud_sim.offline_codes import CLOUD_ISSUER
from cloud_sim.offline_rotation import NotRotated, Rotated, WantedRotation

QUIET_MS = 3600 * 1000
"""What a lock shows within an hour after is about the same backup: it says what it knows piece by piece."""
Unused = Literal["keep", "end"]

_log = logging.getLogger(__name__)


def noticed(database: Database, lock_id: str, wall: float) -> bool:
    """A lock knows what only a later state of us can have told it. Whether there is a setup to send."""
    row = database.row("SELECT restored_ms FROM offline_setups WHERE lock_id = ?", lock_id)
    if row is None or wall * 1000 - (row["restored_ms"] or 0) < QUIET_MS:
        return False
    _log.warning(
        "lock %s knows what we do not: were we restored from a backup? Then say so for all locks, with"
        " python -m cloud_sim restored (docs/operate.md)",
        lock_id,
    )
    return isinstance(_one(database, lock_id, "keep", wall), Rotated)


def of_all(database: Database, unused: Unused, wall: float) -> Sequence[tuple[str, Rotated | NotRotated]]:
    """The operator says so: every lock with a key of this cloud, and what became of it. With `end` the codes
    that nobody used yet are over, those too that were issued since the backup."""
    rows = database.rows(
        "SELECT DISTINCT lock_id FROM offline_setups JOIN offline_kids USING (lock_id)"
        " WHERE issuer = ? AND state != 'ended' ORDER BY lock_id",
        CLOUD_ISSUER,
    )
    return [(row["lock_id"], _one(database, row["lock_id"], unused, wall)) for row in rows]


def _one(database: Database, lock_id: str, unused: Unused, wall: float) -> Rotated | NotRotated:
    with database.transaction():
        database.run("UPDATE offline_setups SET restored_ms = ? WHERE lock_id = ?", int(wall * 1000), lock_id)
        try:
            if unused == "end":
                wanted = WantedRotation(when="now", is_restored=True)
                done = offline_rotation.rotate(database, lock_id, wanted, wall)
            else:
                done = offline_rotation.restore(database, lock_id, wall)
        except SetupFault as fault:
            done = NotRotated("TOO_MANY_KEYS", str(fault))
        is_stopped = isinstance(done, NotRotated) and done.error == "TOO_MANY_KEYS"
        if is_stopped:
            events.add_own(database, lock_id, "offline_issuing_stopped", {}, int(wall * 1000))
    if isinstance(done, NotRotated) and is_stopped:
        _log.error("no offline codes are issued for lock %s: %s", lock_id, done.message)
    return done
