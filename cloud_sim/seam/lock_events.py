"""What clients of the Seam-compatible API are told of what happened at a door."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cloud_sim.database import Database
from cloud_sim.seam import action_attempts
from cloud_sim.seam.event_log import NewEvent

Teller = Callable[[Database, Mapping[str, Any]], tuple[str, dict[str, Any]]]

_WHY_DENIED = {
    "unknown_code": "no access code of this lock has these digits",
    "impossible_length": "no access code of this lock has so many digits",
    "not_yet_valid": "the access code is typed before its start",
    "expired": "the access code has ended",
    "used_up": "the access code has been used as often as it may be",
    "revoked": "the access code is withdrawn",
    "disabled": "the access code is disabled",
    "outside_schedule": "the access code is not for this time of the week",
    "first_use_missed": "the access code was not used in time",
    "blocked_by_mode": "the lock is in a mode in which codes do not open it",
    "not_for_keypad": "the access code is not for the keypad",
    "clock_unknown": "the lock does not know the time, and the access code depends on it",
    "throttled": "too many wrong codes were typed; the keypad waits",
    "battery_low": "the battery of the lock is nearly empty, and it opens for nobody then",
    "interrupted": "the lock lost power while it decided",
    "stale": "the lock has not heard its cloud for too long, and is to take no codes then",
}


def told(database: Database, event: Mapping[str, Any]) -> NewEvent | None:
    """The event for one of the device cloud's events, with the same id; None for what only operators need.

    Kinds are admitted by name: a silent alarm of a newer lock is not given away."""
    kind = str(event["event_type"])
    if kind == "lock.tamper" and event["detail"].get("is_tampered") is not True:
        return None
    if kind not in _TELLERS:
        return None
    event_type, fields = _TELLERS[kind](database, event)
    return NewEvent(
        event_id=event["event_id"],
        event_type=event_type,
        lock_id=event["lock_id"],
        occurred_ms=round(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1000),
        access_code_id=event.get("access_code_id"),
        fields=fields,
    )


def _unlocked(database: Database, event: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    code = database.row(
        "SELECT code, is_managed FROM access_codes WHERE access_code_id = ?1"
        " UNION ALL SELECT code, 1 FROM offline_codes WHERE access_code_id = ?1",
        event.get("access_code_id", ""),
    )
    known: dict[str, Any] = {}
    if code is not None:
        known = {"access_code_is_managed": bool(code["is_managed"])} | (
            {"code": code["code"]} if code["code"] else {}
        )
    asked = action_attempts.of_command(database, str(event.get("action_id")))
    by_whom = {} if asked is None else {"action_attempt_id": asked["action_attempt_id"]}
    return "lock.unlocked", {"method": event.get("method", "keycode"), **known, **by_whom, **_whence(event)}


def _locked(_database: Database, event: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    is_remote = event["detail"].get("why") == "command"
    return "lock.locked", {"method": "remote" if is_remote else "automatic"}


def _denied(_database: Database, event: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    message = _WHY_DENIED.get(str(event.get("reason")), f"the lock says {event.get('reason')}")
    return "lock.access_denied", {
        "reason": {"reason_code": event["reason_code"], "message": message},
        **_whence(event),
    }


def _whence(event: Mapping[str, Any]) -> dict[str, Any]:
    """From where: a keypad by its name, the cloud, or `lockctl`. Events stored by older clouds do not say."""
    return {name: event[name] for name in ("source", "keypad", "direction") if event.get(name) is not None}


def _tampered(_database: Database, event: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "device.tampered", {"unit": event["detail"].get("unit")}


def _low_battery(_database: Database, _event: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    # How much is left the lock is not told.
    return "device.low_battery", {}


def _as_it_is(_database: Database, event: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return str(event["event_type"]), {"detail": event["detail"]}


_TELLERS: dict[str, Teller] = {
    "lock.unlocked": _unlocked,
    "lock.relocked": _locked,
    "lock.access_denied": _denied,
    "lock.tamper": _tampered,
    "lock.battery_low": _low_battery,
    **dict.fromkeys(
        (
            "lock.door_opened",
            "lock.door_closed",
            "lock.door_forced",
            "lock.door_held",
            "lock.door_held_over",
            "lock.door_forced_over",
            "lock.throttle_alarm",
        ),
        _as_it_is,
    ),
}

TOLD = frozenset(
    {"lock.unlocked", "lock.locked", "lock.access_denied", "device.tampered", "device.low_battery"}
) | {kind for kind, teller in _TELLERS.items() if teller is _as_it_is}
"""The types of all events that are made here."""
