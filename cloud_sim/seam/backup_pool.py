"""The pool of backup codes of a door: ordinary codes that the lock holds before anybody needs them."""

from typing import Any

from cloud_sim import access_codes, code_updates, reported
from cloud_sim.access_codes import NewAccessCode
from cloud_sim.database import Database
from cloud_sim.seam import code_status
from cloud_sim.seam.event_log import NewEvent, record

POOL_SIZE = 3
LIFE_S = 14 * 86_400
"""They open until then even if nobody can be told that one was pulled, and no longer."""
RENEW_BELOW_S = 13 * 86_400


def turn_on(database: Database, lock_id: str, wall: float) -> None:
    """Keep a pool for this door from now on; inside a transaction."""
    database.run("UPDATE locks SET has_backup_pool = 1 WHERE lock_id = ?", lock_id)
    fill(database, lock_id, wall)


def turn_off(database: Database, lock_id: str, wall: float) -> None:
    """Keep no pool any more: its free codes are deleted, those that were pulled live on."""
    database.run("UPDATE locks SET has_backup_pool = 0 WHERE lock_id = ?", lock_id)
    for row in _live(database, lock_id, wall):
        access_codes.delete(database, row, wall)


def is_on(database: Database, lock_id: str) -> bool:
    """Whether a pool is kept for this door."""
    row = database.row("SELECT has_backup_pool FROM locks WHERE lock_id = ?", lock_id)
    return bool(row and row["has_backup_pool"])


def fill(database: Database, lock_id: str, wall: float) -> None:
    """Add codes until POOL_SIZE are free, or the lock is full; inside a transaction."""
    capacity = reported.evidence(database, lock_id, wall).capacity
    for _ in range(POOL_SIZE - len(_live(database, lock_id, wall))):
        digits = access_codes.free_code(database, [lock_id], wall)
        wanted = NewAccessCode(code=digits, starts_at=int(wall), ends_at=int(wall) + LIFE_S)
        added = access_codes.add(database, lock_id, wanted, wall, capacity)
        if not isinstance(added, str):
            return
        database.run(
            "UPDATE access_codes SET is_backup = 1, name = ? WHERE access_code_id = ?",
            f"Backup {added[:8]}",
            added,
        )


def renew(database: Database, wall: float) -> list[str]:
    """Keep the pools of all doors full and their codes alive for LIFE_S; the locks with something new."""
    touched = []
    for lock in database.rows("SELECT lock_id, head_rev FROM locks WHERE has_backup_pool = 1"):
        lock_id = lock["lock_id"]
        with database.transaction():
            for row in _live(database, lock_id, wall):
                if row["ends_at"] - wall < RENEW_BELOW_S:
                    code_updates.update(database, row, {"ends_at": int(wall) + LIFE_S}, wall)
            fill(database, lock_id, wall)
        now = database.row("SELECT head_rev FROM locks WHERE lock_id = ?", lock_id)
        if now is not None and now["head_rev"] != lock["head_rev"]:
            touched.append(lock_id)
    return touched


def pull(database: Database, original: dict[str, Any], wall: float) -> str | None:
    """Tie a free code that the lock holds to `original`, ending with it; its id, or None for none.

    Inside a transaction. The lock keeps the end it knows until it hears of the new one."""
    lock_id = original["lock_id"]
    free = code_status.free_backup_codes(database, lock_id, reported.evidence(database, lock_id, wall), wall)
    if not free:
        return None
    backup_id = str(free[0]["access_code_id"])
    database.run(
        "UPDATE access_codes SET pulled_backup_access_code_id = ? WHERE access_code_id = ?",
        backup_id,
        original["access_code_id"],
    )
    code_updates.update(database, free[0], {"ends_at": original["ends_at"], "is_pulled": 1}, wall)
    fill(database, lock_id, wall)
    record(
        database,
        NewEvent(
            event_type="access_code.backup_access_code_pulled",
            lock_id=lock_id,
            occurred_ms=int(wall * 1000),
            access_code_id=original["access_code_id"],
            fields={"backup_access_code_id": backup_id},
        ),
        wall,
    )
    return backup_id


def _live(database: Database, lock_id: str, wall: float) -> list[dict[str, Any]]:
    rows = database.rows(
        f"{access_codes.WITH_REPORT} WHERE lock_id = ? AND is_backup = 1 AND is_pulled = 0"
        " AND deleted_ms IS NULL",
        lock_id,
    )
    return [row for row in rows if not access_codes.has_ended(row, wall)]
