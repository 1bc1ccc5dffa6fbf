"""`/devices/...` and `/locks/get`, `/locks/list`: every device is a lock, so they answer the same."""

import json
from datetime import datetime
from typing import Any

from cloud_sim import locks
from cloud_sim.seam import backup_pool, devices, shapes
from cloud_sim.seam.connection_simulation import can_simulate
from cloud_sim.seam.dispatch import Call, operation
from cloud_sim.seam.errors import SeamError, invalid_input
from cloud_sim.seam.pages import page
from cloud_sim.seam.parameters import (
    FLAG,
    OBJECT,
    TIME,
    UUID,
    Parameter,
    Wrong,
    label,
    many,
    required,
    text,
    whole,
)
from cloud_sim.seam.workspace import connected_account_id

DEFAULT_LIMIT = 500
METADATA_KEYS = 50
METADATA_KEY_LENGTH = 40
METADATA_TEXT_LENGTH = 500


def existing_lock(call: Call) -> dict[str, Any]:
    """The row of the lock that `device_id` names. Raises SeamError."""
    lock = locks.find_lock(call.database, call.given["device_id"])
    if lock is None:
        raise SeamError(404, "device_not_found", "device not found")
    return lock


def get_device(call: Call) -> dict[str, Any]:
    """One device, by its id or its name."""
    return {"device": _found(call)}


def get_lock(call: Call) -> dict[str, Any]:
    """The same under both names: older SDKs read `lock`, newer ones `device`."""
    device = _found(call)
    return {"device": device, "lock": device}


def list_devices(call: Call) -> dict[str, Any]:
    """The devices that fit, oldest first."""
    shown, pagination = _listed(call)
    return {"devices": shown, "pagination": pagination}


def list_locks(call: Call) -> dict[str, Any]:
    """The same under both names."""
    shown, pagination = _listed(call)
    return {"devices": shown, "locks": shown, "pagination": pagination}


def update(call: Call) -> dict[str, Any]:
    """Name a device, note something on it, keep backup codes for it. All of it is done, or nothing."""
    lock = existing_lock(call)
    _check_changes(call)
    metadata = _merged(devices.custom_metadata(call.database, lock["lock_id"]), call.given)
    with call.database.transaction():
        if "name" in (wanted := _with_name(call)):
            call.database.run("UPDATE locks SET name = ? WHERE lock_id = ?", wanted["name"], lock["lock_id"])
        call.database.run(
            "INSERT OR REPLACE INTO device_settings VALUES (?, ?)", lock["lock_id"], json.dumps(metadata)
        )
    _switch_pool(call, lock["lock_id"])
    return {}


def _with_name(call: Call) -> dict[str, Any]:
    """What was given, and the name also where it stands in `properties`."""
    return {**(call.given.get("properties") or {}), **call.given}


def _switch_pool(call: Call, lock_id: str) -> None:
    is_wanted = call.given.get("backup_access_code_pool_enabled")
    if is_wanted is None:
        return
    if is_wanted:
        with call.database.transaction():
            backup_pool.turn_on(call.database, lock_id, call.wall)
    else:
        backup_pool.turn_off(call.database, lock_id, call.wall)
    call.tell(lock_id)


def _found(call: Call) -> dict[str, Any]:
    if call.given.get("device_id") is not None:
        lock = existing_lock(call)
    elif call.given.get("name") is not None:
        named = [row for row in locks.all_locks(call.database) if row["name"] == call.given["name"]]
        if not named:
            raise SeamError(404, "device_not_found", "device not found")
        lock = named[0]
    else:
        raise invalid_input({"": "give device_id or name"})
    return _shown(call, lock)


def _listed(call: Call) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    every = [_shown(call, row) for row in locks.all_locks(call.database)]
    return page(call, [one for one in every if _fits(one, call)], "device_id", DEFAULT_LIMIT)


def _shown(call: Call, lock: dict[str, Any]) -> dict[str, Any]:
    return {**devices.device(call.database, lock, call.wall), **can_simulate(call)}


def _fits(device: dict[str, Any], call: Call) -> bool:
    given = call.given
    account = connected_account_id(call.database)
    wanted = (
        (given.get("device_ids"), device["device_id"]),
        (given.get("device_types"), device["device_type"]),
        (_one(given.get("device_type")), device["device_type"]),
        (_one(given.get("manufacturer")), devices.MANUFACTURER),
        (_one(given.get("connected_account_id")), account),
        (given.get("connected_account_ids"), account),
    )
    if any(allowed is not None and value not in allowed for allowed, value in wanted):
        return False
    # There are no spaces, customers and webviews here, so nothing is in one.
    if any(given.get(name) is not None for name in _OF_NOBODY):
        return False
    flags = {name for name, value in device.items() if value is True}
    if not flags.issuperset(given.get("include_if") or ()) or flags.intersection(
        given.get("exclude_if") or ()
    ):
        return False
    return _was_there(device, given.get("created_before")) and _matches(device, given)


def _one(value: str | None) -> tuple[str, ...] | None:
    return None if value is None else (value,)


def _was_there(device: dict[str, Any], before: datetime | None) -> bool:
    return before is None or datetime.fromisoformat(device["created_at"]) < before


def _matches(device: dict[str, Any], given: Any) -> bool:
    search: str = (given.get("search") or "").casefold()
    noted = given.get("custom_metadata_has") or {}
    mine = {key: _text(value) for key, value in device["custom_metadata"].items()}
    has_all = all(mine.get(key) == _text(value) for key, value in noted.items())
    return has_all and (search in device["display_name"].casefold() or search == device["device_id"])


def _text(value: Any) -> str:
    """As a query writes it: there `true` may be either."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_changes(call: Call) -> None:
    issues: dict[str, str] = {}
    try:
        if (name := _with_name(call).get("name")) is not None:
            label().check(name)
    except Wrong as wrong:
        issues["properties"] = str(wrong)
    if call.given.get("is_managed") is False:
        issues["is_managed"] = "Locks of this cloud are always managed"
    for key, value in (call.given.get("custom_metadata") or {}).items():
        if not 1 <= len(key) <= METADATA_KEY_LENGTH or "." in key:
            issues["custom_metadata"] = f"Keys must have 1 to {METADATA_KEY_LENGTH} characters and no period"
        if not isinstance(value, str | bool | None) or len(str(value)) > METADATA_TEXT_LENGTH:
            issues["custom_metadata"] = (
                f"Values must be true, false or up to {METADATA_TEXT_LENGTH} characters"
            )
    if issues:
        raise invalid_input(issues)


def _merged(noted: dict[str, Any], given: Any) -> dict[str, Any]:
    """Null and the empty string take a key away."""
    merged = {**noted, **(given.get("custom_metadata") or {})}
    kept = {key: value for key, value in merged.items() if value not in (None, "")}
    if len(kept) > METADATA_KEYS:
        raise invalid_input({"custom_metadata": f"Must have at most {METADATA_KEYS} keys"})
    return kept


_OF_NOBODY = ("space_id", "customer_key", "connect_webview_id", "user_identifier_key", "unstable_location_id")
_BY_ID_OR_NAME = (Parameter("device_id", UUID), Parameter("name", text(1)))
_FILTERS = (
    Parameter("device_ids", many(UUID)),
    Parameter("device_type", text()),
    Parameter("device_types", many(text())),
    Parameter("manufacturer", text()),
    Parameter("connected_account_id", UUID),
    Parameter("connected_account_ids", many(UUID)),
    Parameter("created_before", TIME),
    Parameter("custom_metadata_has", OBJECT),
    Parameter("search", text(0, 200)),
    Parameter("include_if", many(text())),
    Parameter("exclude_if", many(text())),
    Parameter("limit", whole(1, 10_000)),
    Parameter("page_cursor", text(1, 200)),
    *(Parameter(name, text()) for name in _OF_NOBODY),
)

DEVICE_OPERATIONS = (
    operation("/devices/get", "GET POST", get_device, *_BY_ID_OR_NAME, answers=shapes.DEVICE),
    operation("/devices/list", "GET POST", list_devices, *_FILTERS, answers=shapes.DEVICES | shapes.PAGES),
    operation("/locks/get", "GET POST", get_lock, *_BY_ID_OR_NAME, answers=shapes.DEVICE | shapes.LOCK),
    operation(
        "/locks/list", "GET POST", list_locks, *_FILTERS, answers=shapes.DEVICES | shapes.LOCKS | shapes.PAGES
    ),
    operation(
        "/devices/update",
        "POST PATCH",
        update,
        required("device_id", UUID),
        Parameter("name", label()),
        Parameter("properties", OBJECT),
        Parameter("custom_metadata", OBJECT),
        Parameter("is_managed", FLAG),
        Parameter("backup_access_code_pool_enabled", FLAG),
    ),
)
