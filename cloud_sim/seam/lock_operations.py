"""`/locks/lock_door`, `unlock_door`, `configure_auto_lock`, `simulate/...`; `/action_attempts/get`."""

import asyncio
from dataclasses import replace
from typing import Any

from cloud_sim import commands, settings_delivery, wanted_settings
from cloud_sim.seam import action_attempts, code_attempts, shapes
from cloud_sim.seam.boards import NoBoard, board_of, type_at
from cloud_sim.seam.device_operations import existing_lock
from cloud_sim.seam.dispatch import Call, operation
from cloud_sim.seam.errors import SeamError
from cloud_sim.seam.parameters import FLAG, UUID, Parameter, digits, required, whole
from cloud_sim.wanted_settings import Wanted

LONGEST_CODE = 20
_typing: set[asyncio.Task[None]] = set()
"""Held so that nobody collects them before they are done."""


def lock_door(call: Call) -> dict[str, Any]:
    """Lock now."""
    return _command(call, "LOCK_DOOR", "lock")


def unlock_door(call: Call) -> dict[str, Any]:
    """Open as for a code that was typed."""
    return _command(call, "UNLOCK_DOOR", "unlock")


def configure_auto_lock(call: Call) -> dict[str, Any]:
    """Lock again so many seconds after an opening; without a number, as the lock's own configuration says.
    That stays wanted until the lock has it. Off is refused: these locks always lock again."""
    database, wall, downlink = call.database, call.wall, call.cloud.downlink
    lock_id = existing_lock(call)["lock_id"]
    if not call.given["auto_lock_enabled"]:
        message = (
            "this lock always locks again by itself, and auto_lock_enabled cannot be false; for a door that"
            " stays unlocked there is the operating mode passage: by an action, a mode schedule or a passage"
            " code (docs/commands.md)"
        )
        raise SeamError(400, "auto_lock_not_configurable", message)
    if not commands.is_online(database, lock_id, wall) or not call.cloud.is_broker_connected():
        return _not_connected(call, "CONFIGURE_AUTO_LOCK", lock_id)
    before = wanted_settings.wanted(database, lock_id) or Wanted()
    release_s = call.given.get("auto_lock_delay_seconds")
    wanted_settings.want(database, lock_id, replace(before, release_s=release_s), wall)
    command_id = settings_delivery.deliver(database, downlink, lock_id, wall)
    if command_id is None and wanted_settings.state(database, lock_id)["status"] != "applied":
        return _not_connected(call, "CONFIGURE_AUTO_LOCK", lock_id)
    with database.transaction():
        attempt_id = action_attempts.start(database, "CONFIGURE_AUTO_LOCK", lock_id, wall, command_id)
        if command_id is None:  # the lock has it already
            action_attempts.succeed(database, attempt_id, {"was_confirmed_by_device": True}, wall)
    return _attempt(call, attempt_id)


def type_code(call: Call) -> dict[str, Any]:
    """Type a code at the keypad of a simulated door, key by key; whether it opens is the lock's to say."""
    lock_id = existing_lock(call)["lock_id"]
    address = board_of(call.cloud.boards, lock_id)
    if address is None:
        message = "this lock has no simulated keypad: only the locks of a running lock-sim have one"
        raise SeamError(400, "simulation_not_supported", message)
    attempt_id = action_attempts.start(call.database, "SIMULATE_KEYPAD_CODE_ENTRY", lock_id, call.wall)
    task = asyncio.create_task(_type(call, attempt_id, address, call.given["code"]))
    _typing.add(task)
    task.add_done_callback(_typing.discard)
    return _attempt(call, attempt_id)


def lock_at_keypad(call: Call) -> dict[str, Any]:
    """Refused: there is no key for it."""
    existing_lock(call)
    message = "the keypads of these locks have no key that locks; they lock again by themselves"
    raise SeamError(400, "simulation_not_supported", message)


def get_action_attempt(call: Call) -> dict[str, Any]:
    """How something that was asked of a lock goes."""
    return _attempt(call, call.given["action_attempt_id"])


def _attempt(call: Call, attempt_id: str) -> dict[str, Any]:
    attempt = action_attempts.shown(call.database, attempt_id)
    attempt = attempt or code_attempts.shown(call.database, attempt_id, call.wall)
    if attempt is None:
        raise SeamError(404, "action_attempt_not_found", "there is no action attempt with this id")
    return {"action_attempt": attempt}


def _command(call: Call, action_type: str, command: str) -> dict[str, Any]:
    database, wall = call.database, call.wall
    lock_id = existing_lock(call)["lock_id"]
    call.count(f"{command}s", [lock_id])
    issued = commands.issue(database, call.cloud.downlink, lock_id, command, {}, wall)
    if isinstance(issued, str):
        return _attempt(call, action_attempts.start(database, action_type, lock_id, wall, issued))
    return _not_connected(call, action_type, lock_id)


def _not_connected(call: Call, action_type: str, lock_id: str) -> dict[str, Any]:
    database, wall = call.database, call.wall
    with database.transaction():
        attempt_id = action_attempts.start(database, action_type, lock_id, wall)
        message = "the lock is not connected, and a command does not wait for it; try again when it is"
        action_attempts.fail(database, attempt_id, "device_disconnected", message, wall)
    return _attempt(call, attempt_id)


async def _type(call: Call, attempt_id: str, address: str, code: str) -> None:
    try:
        await type_at(address, f"{code}#")
    except NoBoard as error:
        with call.database.transaction():
            action_attempts.fail(call.database, attempt_id, "keypad_unreachable", str(error), call.wall)
        return
    with call.database.transaction():
        action_attempts.succeed(call.database, attempt_id, {}, call.wall)


_DEVICE = required("device_id", UUID)
_SYNC = Parameter("sync", FLAG)

LOCK_OPERATIONS = (
    operation("/locks/lock_door", "POST", lock_door, _DEVICE, _SYNC, answers=shapes.ATTEMPT),
    operation("/locks/unlock_door", "POST", unlock_door, _DEVICE, _SYNC, answers=shapes.ATTEMPT),
    operation(
        "/locks/configure_auto_lock",
        "POST",
        configure_auto_lock,
        _DEVICE,
        required("auto_lock_enabled", FLAG),
        Parameter("auto_lock_delay_seconds", whole(1, 60)),
        _SYNC,
        answers=shapes.ATTEMPT,
    ),
    operation(
        "/locks/simulate/keypad_code_entry",
        "POST",
        type_code,
        _DEVICE,
        required("code", digits(1, LONGEST_CODE)),
        answers=shapes.ATTEMPT,
    ),
    operation(
        "/locks/simulate/manual_lock_via_keypad", "POST", lock_at_keypad, _DEVICE, answers=shapes.ATTEMPT
    ),
    operation(
        "/action_attempts/get",
        "GET POST",
        get_action_attempt,
        required("action_attempt_id", UUID),
        answers=shapes.ATTEMPT,
    ),
)
