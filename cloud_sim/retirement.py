"""Takes a lock out of service: its keys count no more, and nobody is told anything in its name."""

from typing import Literal

from cloud_sim import events, message_order
from cloud_sim.database import Database
from cloud_sim.downlink import Downlink

RETAINED = ("desired", "offline", "keys")
OF_ITS_KEYS = ("invitations", "told_keys", "former_identities", "key_renewals")


def retire(
    database: Database, downlink: Downlink, lock_id: str, by: Literal["lock", "operator"], wall: float
) -> bool:
    """Forget the keys of a lock and what it reported; its codes and events stay, for whoever owns them here.
    False: it had no keys. An invitation makes it a lock again."""
    with database.transaction():
        gone = database.run("DELETE FROM device_keys WHERE lock_id = ?", lock_id).rowcount
        for table in (*OF_ITS_KEYS, "reported_status", "reported_codes"):
            database.run(f"DELETE FROM {table} WHERE lock_id = ?", lock_id)
        message_order.forget(database, lock_id)
        if gone:
            events.add_own(database, lock_id, "retired", {"by": by}, int(wall * 1000))
    for stream in RETAINED if gone else ():
        downlink.forget_retained(lock_id, stream)
    return bool(gone)
