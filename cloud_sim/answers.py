"""Locks and access codes as the HTTP API shows them: wanted and reported side by side, never mixed."""

import json
from datetime import UTC, datetime
from typing import Any

from joserfc.jwk import OKPKey

from cloud_sim import access_codes, code_rules, code_sets, code_updates, wanted_renewals, wanted_settings
from cloud_sim.database import Database
from cloud_sim.reported import ONLINE_FOR_S, Evidence


def iso(seconds: float | None) -> str | None:
    """ISO 8601 with milliseconds and `Z`."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_ms(milliseconds: int | None) -> str | None:
    """The same from milliseconds, exactly."""
    return None if milliseconds is None else iso(milliseconds / 1000)


def access_code(row: dict[str, Any], proof: Evidence, owner_id: str, wall: float) -> dict[str, Any]:
    """One code. `status`: pending until the lock holds it, then active, at last ended. `state`: what the
    lock's reports prove. Digits are in it, if they are known: only for the bearer of the token."""
    return {
        "access_code_id": row["access_code_id"],
        "lock_id": row["lock_id"],
        "owner_id": owner_id,
        "name": row["name"],
        "person_id": row["person_id"],
        "code": row["code"] or None,
        "starts_at": iso(row["starts_at"]),
        "ends_at": iso(row["ends_at"]),
        "is_offline_access_code": False,
        "is_one_time_use": row["max_uses"] == 1,
        "works_without_clock": bool(row["works_without_clock"]),
        **code_rules.shown(row),
        "is_managed": bool(row["is_managed"]),
        "status": _status(row, proof, wall),
        "state": _state(row, proof),
        "errors": [_error(code) for code in json.loads(row["errors"] or "[]")],
        "created_at": iso_ms(row["made_ms"] or row["created_ms"]),
    }


def _status(row: dict[str, Any], proof: Evidence, wall: float) -> str:
    if row["deleted_ms"] is not None:
        return "pending"
    if access_codes.has_ended(row, wall):
        return "ended"
    is_held = code_updates.is_held(row, proof.confirmed_rev) or not row["is_managed"]
    return "active" if is_held else "pending"


def _state(row: dict[str, Any], proof: Evidence) -> str:
    if proof.is_silent or proof.has_other_set:
        return "unknown"
    is_confirmed = proof.confirmed_rev >= row["changed_rev"]
    if row["is_at_door"] and not row["is_in_set"]:
        return "set" if row["deleted_ms"] is None else "removing"
    if not row["is_in_set"]:
        return "unset" if is_confirmed else "removing"
    if not is_confirmed or row["removed_at_door_ms"] is not None:
        return "setting"
    return str(row["state"] or "set")


_ERROR_TEXTS = {
    "duplicate_code": "the lock holds these digits for another code; delete one of the two",
    "code_length": "the lock does not take codes of this length; use one that it does",
    "digits_not_on_keypad": "the keypad of this lock cannot type this code; choose other digits",
    "window_invalid": "the lock does not understand the window of this code; check starts_at and ends_at",
    "schedule_invalid": "the lock cannot keep these hours; check weekly, holidays, and whether it knows zone",
    "code_weak": "the lock takes no code of one digit throughout and no run like 3456 or 8765; choose others",
    "capacity_full": "the lock holds no more codes; delete some",
    "schema_unsupported": "the agent on the lock is too old for this kind of code; update it",
    "mac_failed": "the lock found its copy of this code altered; it asks for a new one by itself",
    "storage_error": "the lock could not store this code; look at its storage with lockctl doctor",
}


def error_text(error_code: str) -> str:
    """What a lock means by an error of a code, and what to do."""
    return _ERROR_TEXTS.get(error_code, "reported by the lock")


def _error(error_code: str) -> dict[str, str]:
    return {"error_code": error_code, "message": error_text(error_code)}


def lock(database: Database, row: dict[str, Any], wall: float) -> dict[str, Any]:
    """One lock: identity, connection and newest readings, then the wanted set and the reported one."""
    lock_id = row["lock_id"]
    seen = database.row("SELECT * FROM reported_status WHERE lock_id = ?", lock_id)
    status = json.loads(seen["status"]) if seen else {}
    last_seen_ms = seen["last_seen_ms"] if seen else None
    is_recent = last_seen_ms is not None and wall - last_seen_ms / 1000 <= ONLINE_FOR_S
    codes = _reported_codes(database, lock_id)
    applied_rev = codes["rev"] if codes else status.get("applied_rev", 0)
    return {
        "lock_id": lock_id,
        "name": row["name"],
        "owner_id": database.owner_id,
        "created_at": iso_ms(row["created_ms"]),
        **_keys(database, lock_id),
        "key_renewal": _key_renewal(database, lock_id),
        "online": bool(seen and seen["is_online"] and is_recent),
        "last_seen_at": iso_ms(last_seen_ms),
        "door": status.get("door"),
        "strike": status.get("strike"),
        "mode": status.get("mode"),
        "release_s": status.get("release_s"),
        "settings": _settings(database, lock_id),
        "clock": status.get("clock"),
        "device_time": iso(status.get("device_time")),
        "alarms": status.get("alarms", []),
        "links": status.get("links", {}),
        "agent_version": status.get("agent_version"),
        "applied_rev": applied_rev,
        "head_rev": row["head_rev"],
        "desired": {
            "set_epoch": row["set_epoch"],
            "rev": row["head_rev"],
            "count": code_sets.count(database, lock_id),
        },
        "reported": codes,
        "journals": database.rows(
            "SELECT journal_epoch, upto, broken_seq FROM journals WHERE lock_id = ?", lock_id
        ),
        "refused_messages": refused(database, lock_id),
    }


def _settings(database: Database, lock_id: str) -> dict[str, Any]:
    """What the lock is to use instead of its configuration file, and whether it does."""
    wish = wanted_settings.wanted(database, lock_id)
    return {"wanted": wish.args if wish else None, **wanted_settings.state(database, lock_id)}


def refused(database: Database, device_id: str) -> list[dict[str, Any]]:
    """Messages in the name of a lock that were not believed, by stream and reason."""
    rows = database.rows(
        "SELECT stream, reason, count, last_ms FROM refused_messages WHERE device_id = ? ORDER BY last_ms",
        device_id,
    )
    return [
        {"stream": r["stream"], "reason": r["reason"], "count": r["count"], "last_at": iso_ms(r["last_ms"])}
        for r in rows
    ]


def _reported_codes(database: Database, lock_id: str) -> dict[str, Any] | None:
    row = database.row("SELECT codes, is_our_root FROM reported_codes WHERE lock_id = ?", lock_id)
    if row is None:
        return None
    return {**json.loads(row["codes"]), "is_wanted_set": bool(row["is_our_root"])}


def _key_renewal(database: Database, lock_id: str) -> dict[str, Any]:
    state = wanted_renewals.state(database, lock_id)
    return {**state, "asked_at": iso_ms(state["asked_at"]), "ended_at": iso_ms(state["ended_at"])}


def _keys(database: Database, lock_id: str) -> dict[str, Any]:
    row = database.row("SELECT identity, sealing, pinned_ms FROM device_keys WHERE lock_id = ?", lock_id)
    if row is None:
        return {"enrolled": False, "enrolled_at": None, "keys": None}
    keys = {name: OKPKey.import_key(json.loads(row[name])).thumbprint() for name in ("identity", "sealing")}
    return {"enrolled": True, "enrolled_at": iso_ms(row["pinned_ms"]), "keys": keys}
