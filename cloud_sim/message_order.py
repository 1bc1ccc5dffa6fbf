"""Which message of a lock is older than one we have: a broker may bring a genuine one back at any time."""

from agent.envelope import Message
from cloud_sim.database import Database


def is_replayed(database: Database, lock_id: str, message: Message) -> bool:
    """Whether a later message of the same stream was here before; one that is not is noted. The same one
    again is no replay: brokers deliver twice.

    Numbers rise within one `life` of a lock's database. A life that ended never comes back; a message
    without a number is older than any lock that counts."""
    life, nth = message.life, message.nth
    newest = database.row("SELECT life FROM lock_lives WHERE lock_id = ? ORDER BY number DESC", lock_id)
    if life is None or nth is None:
        return newest is not None
    if newest is None or newest["life"] != life:
        known = database.row("SELECT 1 FROM lock_lives WHERE lock_id = ? AND life = ?", lock_id, life)
        if known is not None:
            return True
        database.run("INSERT INTO lock_lives (lock_id, life) VALUES (?, ?)", lock_id, life)
        database.run("DELETE FROM message_order WHERE lock_id = ?", lock_id)
    kept = database.row(
        "INSERT INTO message_order VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET nth = max(nth, excluded.nth)"
        " RETURNING nth",
        lock_id,
        message.stream,
        nth,
    )
    return kept is not None and int(kept["nth"]) > nth


def forget(database: Database, lock_id: str) -> None:
    """The lock has other keys: what was signed with the old ones is refused anyway."""
    for table in ("lock_lives", "message_order"):
        database.run(f"DELETE FROM {table} WHERE lock_id = ?", lock_id)
