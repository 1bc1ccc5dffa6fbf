"""What clients are told of the life of an access code: created, changed, on the lock, off it, deleted."""

import json
from typing import Any

from cloud_sim import guide_events, reported
from cloud_sim.answers import iso
from cloud_sim.database import Database
from cloud_sim.seam import connections, door_code_events
from cloud_sim.seam.code_issues import ERRORS, UNKNOWN
from cloud_sim.seam.event_log import NewEvent, record

_STAGES = """
SELECT * FROM (
    SELECT access_codes.access_code_id, code, errors, uses, told_stages.stage AS told,
        gen || '.' || code_rev AS version, told_stages.version AS told_version,
        CASE
            WHEN uses >= max_uses THEN 'removed'
            WHEN changed_rev > :confirmed_rev OR is_in_set = 0 THEN NULL
            WHEN coalesce(state, 'set') != 'set' THEN 'failed'
            WHEN ends_at <= :now OR first_used_ms / 1000 + expires_after_first_use_s <= :now THEN 'removed'
            WHEN starts_at > :now THEN 'scheduled'
            ELSE 'set'
        END AS stage
    FROM access_codes
    LEFT JOIN reported_access_codes USING (lock_id, access_code_id, gen)
    JOIN told_stages USING (access_code_id)
    WHERE access_codes.lock_id = :lock_id AND is_managed = 1
) WHERE stage IS NOT NULL AND (stage IS NOT told OR version IS NOT told_version)
"""
"""Where each code of a lock has come to, by what the lock confirmed, if that is not what was told last."""

_ON_THE_LOCK = ("scheduled", "set")
_EVENT_TYPES = {
    "scheduled": "access_code.scheduled_on_device",
    "set": "access_code.set_on_device",
    "failed": "access_code.failed_to_set_on_device",
    "removed": "access_code.removed_from_device",
}


_CHANGES: dict[str, tuple[tuple[str, ...], str, str | None]] = {
    "access_code.name_changed": (("name",), "The access code has another name.", None),
    "access_code.code_changed": (("code",), "The access code has other digits.", "updating_code"),
    "access_code.time_frame_changed": (
        ("starts_at", "ends_at"),
        "The access code opens at another time.",
        "updating_time_frame",
    ),
}
"""Event type -> the columns it is about, what it says, and what the lock is asked to do; a lock is told no
names."""


def tell_new(database: Database, lock_id: str, access_code_id: str, detail: str | None, wall: float) -> None:
    """A code came to be, here or at the door. `detail`: JSON of the trigger; an older version had none."""
    new = json.loads(detail or "{}")
    if new.get("is_managed") == 0:
        door_code_events.tell_made(database, lock_id, access_code_id, new["made_ms"], wall)
    else:
        tell_created(database, lock_id, access_code_id, wall)


def tell_created(database: Database, lock_id: str, access_code_id: str, wall: float) -> None:
    """Somebody wants a code. Those of a pool of backups are nobody's until one is pulled."""
    row = database.row(
        "SELECT is_backup > is_pulled AS is_in_pool FROM access_codes WHERE access_code_id = ?",
        access_code_id,
    )
    if row is not None and row["is_in_pool"]:
        return
    _record(database, "access_code.created", lock_id, access_code_id, wall)
    _request(database, lock_id, access_code_id, wall, {"mutation_code": "creating"})
    database.run("INSERT OR REPLACE INTO told_stages VALUES (?, 'created', '')", access_code_id)
    if row is not None:
        database.run("INSERT OR IGNORE INTO locks_to_look_at VALUES (?)", lock_id)


def tell_changed(database: Database, lock_id: str, access_code_id: str, detail: str, wall: float) -> None:
    """Somebody wants it to be different. `detail`: JSON of the trigger, the columns before and after."""
    if _told_stage(database, access_code_id) is None:
        tell_created(database, lock_id, access_code_id, wall)  # a backup that was pulled
        return
    row = database.row("SELECT is_managed FROM access_codes WHERE access_code_id = ?", access_code_id)
    if row is not None and not row["is_managed"]:  # all that changes here is the name it is shown under
        return
    before, after = (json.loads(detail)[side] for side in ("from", "to"))
    properties = [
        {"property": name, "from": _shown(name, before[name]), "to": _shown(name, after[name])}
        for name in before
        if before[name] != after[name]
    ]
    _record(database, "access_code.changed", lock_id, access_code_id, wall, changed_properties=properties)
    _tell_each_change(database, lock_id, access_code_id, before, after, wall)


def _tell_each_change(
    database: Database,
    lock_id: str,
    access_code_id: str,
    before: dict[str, Any],
    after: dict[str, Any],
    wall: float,
) -> None:
    """The same once more, a kind of change at a time; then what the lock has to do about it."""
    requested = []
    for event_type, (names, description, mutation_code) in _CHANGES.items():
        old, new = ({name: _shown(name, side[name]) for name in names} for side in (before, after))
        if old == new:
            continue
        sides = {"from": old, "to": new}
        _record(database, event_type, lock_id, access_code_id, wall, description=description, **sides)
        if mutation_code is not None:
            requested.append({"mutation_code": mutation_code, **sides})
    if requested:
        _request(database, lock_id, access_code_id, wall, *requested)


def tell_deletion(database: Database, lock_id: str, access_code_id: str, wall: float) -> None:
    """Somebody wants it to be gone."""
    if _told_stage(database, access_code_id) is not None:
        _request(database, lock_id, access_code_id, wall, {"mutation_code": "deleting"})


def _request(
    database: Database, lock_id: str, access_code_id: str, wall: float, *mutations: dict[str, Any]
) -> None:
    event_type = "access_code.mutations_requested"
    _record(database, event_type, lock_id, access_code_id, wall, requested_mutations=list(mutations))


def tell_gone(database: Database, lock_id: str, access_code_id: str, detail: str, wall: float) -> None:
    """The lock confirmed a deletion. What never came to be on the lock is not told to be removed from it."""
    gone = json.loads(detail)
    if gone.get("is_managed") == 0:
        door_code_events.tell_unmanaged_gone(database, lock_id, access_code_id, gone["removed_ms"], wall)
        return
    told = _told_stage(database, access_code_id)
    if told in _ON_THE_LOCK:
        _record(database, _EVENT_TYPES["removed"], lock_id, access_code_id, wall)
    if told is not None:
        code = gone["code"] or None  # erased
        _record(database, "access_code.deleted", lock_id, access_code_id, wall, code=code)
        guide_events.tell_gone(database, lock_id, access_code_id, wall)
    database.run("DELETE FROM told_stages WHERE access_code_id = ?", access_code_id)
    database.run("DELETE FROM told_delays WHERE access_code_id = ?", access_code_id)


def tell_stages(database: Database, lock_id: str, wall: float) -> None:
    """Where the codes of a lock have come to since this was last called."""
    tell_arrivals(database, lock_id, wall)
    for row in _stages(database, lock_id, wall):
        if row["told"] in (*_ON_THE_LOCK, door_code_events.UNMANAGED):
            _tell_stage(database, lock_id, row, "removed", wall)
        else:  # what ended before the lock held it was never on it
            _note_stage(database, row, "removed")


def tell_arrivals(database: Database, lock_id: str, wall: float) -> None:
    """The same without removals: what is to be told before what happened at the door is."""
    for row in _stages(database, lock_id, wall):
        if row["stage"] != "removed":
            _tell_stage(database, lock_id, row, row["stage"], wall)
        elif row["uses"] and row["told"] not in _ON_THE_LOCK:  # spent before anybody looked: it was set
            _tell_stage(database, lock_id, row, "set", wall)


def locks_with_boundaries(database: Database, after_s: float, upto_s: float) -> list[str]:
    """The locks with codes that start or end after `after_s` and not after `upto_s`, Unix seconds."""
    rows = database.rows(
        "SELECT lock_id FROM access_codes WHERE starts_at > ?1 AND starts_at <= ?2"
        " UNION SELECT lock_id FROM access_codes WHERE ends_at > ?1 AND ends_at <= ?2"
        " UNION SELECT lock_id FROM access_codes"
        " JOIN reported_access_codes USING (lock_id, access_code_id, gen)"
        " WHERE expires_after_first_use_s IS NOT NULL"
        " AND first_used_ms / 1000 + expires_after_first_use_s > ?1"
        " AND first_used_ms / 1000 + expires_after_first_use_s <= ?2",
        after_s,
        upto_s,
    )
    return [row["lock_id"] for row in rows]


def _stages(database: Database, lock_id: str, wall: float) -> list[dict[str, Any]]:
    confirmed_rev = reported.evidence(database, lock_id, wall).confirmed_rev
    values = {"lock_id": lock_id, "confirmed_rev": confirmed_rev, "now": wall}
    return database.connection.execute(_STAGES, values).fetchall()


def _tell_stage(database: Database, lock_id: str, row: dict[str, Any], stage: str, wall: float) -> None:
    types = door_code_events.OF_CONVERSION if row["told"] == door_code_events.UNMANAGED else _EVENT_TYPES
    fields = _failure(database, lock_id, row) if stage == "failed" else {}
    if types is _EVENT_TYPES and stage in _ON_THE_LOCK:
        fields = {"code": row["code"]}
    _record(database, types[stage], lock_id, row["access_code_id"], wall, **fields)
    _note_stage(database, row, stage)


def _note_stage(database: Database, row: dict[str, Any], stage: str) -> None:
    database.run(
        "INSERT OR REPLACE INTO told_stages VALUES (?, ?, ?)", row["access_code_id"], stage, row["version"]
    )


def _told_stage(database: Database, access_code_id: str) -> str | None:
    row = database.row("SELECT stage FROM told_stages WHERE access_code_id = ?", access_code_id)
    return None if row is None else str(row["stage"])


def _failure(database: Database, lock_id: str, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "access_code_errors": [_error(code) for code in json.loads(row["errors"] or "[]")],
        "device_errors": connections.device_errors(database, lock_id),
        "access_code_warnings": [],
        "device_warnings": [],
        "connected_account_errors": [],
        "connected_account_warnings": [],
    }


def _record(
    database: Database, event_type: str, lock_id: str, access_code_id: str, wall: float, **fields: Any
) -> None:
    event = NewEvent(
        event_type=event_type,
        lock_id=lock_id,
        occurred_ms=int(wall * 1000),
        access_code_id=access_code_id,
        fields=fields,
    )
    record(database, event, wall)


def _error(reported_error: str) -> dict[str, Any]:
    error_code, message = ERRORS.get(reported_error, UNKNOWN)
    return {"error_code": error_code, "message": message, "is_access_code_error": True}


def _shown(name: str, value: Any) -> Any:
    return iso(value) if name in ("starts_at", "ends_at") else value
