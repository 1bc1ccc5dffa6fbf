"""Makes a code at a simulated door as a person would: by typing it at the keypad."""

import asyncio
from typing import Any

from cloud_sim import access_codes, code_updates, events, reported
from cloud_sim.database import Database
from cloud_sim.seam import code_view
from cloud_sim.seam.boards import NoBoard, board_of, type_at
from cloud_sim.seam.code_lookup import existing_device
from cloud_sim.seam.dispatch import Call
from cloud_sim.seam.errors import SeamError

TOLD_WITHIN_S = 10.0
"""Keys, two commits at the lock and its journal on the way take less than a second."""
LOOK_EVERY_S = 0.05
_ADDED, _REFUSED, _DENIED = "lock.code_added_at_door", "lock.programming_refused", "lock.access_denied"


async def create_unmanaged(call: Call) -> dict[str, Any]:
    """`/access_codes/simulate/create_unmanaged_access_code`: the answer is what the lock told of it."""
    lock_id = existing_device(call.database, call.given["device_id"])["lock_id"]
    address = board_of(call.cloud.boards, lock_id)
    if address is None:
        message = "this lock has no simulated keypad: only the locks of a running lock-sim have one"
        raise SeamError(400, "simulation_not_supported", message)
    programming = _programming_code(call.database, lock_id, call.wall)
    last = events.last_sequence(call.database, lock_id)
    digits = call.given["code"]
    try:
        await type_at(address, f"{programming}#1{digits}#{digits}#")
    except NoBoard as error:
        raise SeamError(400, "keypad_unreachable", str(error)) from error
    row = await _told(call.database, lock_id, last, digits)
    with call.database.transaction():
        call.database.run(
            "UPDATE access_codes SET name = ? WHERE access_code_id = ?",
            call.given["name"],
            row["access_code_id"],
        )
    named = access_codes.find(call.database, row["access_code_id"]) or row
    return {"access_code": code_view.access_code(call.database, named, call.wall)}


def _programming_code(database: Database, lock_id: str, wall: float) -> str:
    """The digits of a code with which this lock can be programmed now."""
    confirmed_rev = reported.evidence(database, lock_id, wall).confirmed_rev
    rows = database.rows(
        f"{access_codes.WITH_REPORT} WHERE lock_id = ? AND kind = 'programming' AND enabled = 1"
        " AND is_in_set = 1 AND (starts_at IS NULL OR starts_at <= ?) ORDER BY created_ms DESC",
        lock_id,
        wall,
    )
    for row in rows:
        if code_updates.is_held(row, confirmed_rev) and not access_codes.has_ended(row, wall):
            return str(row["code"])
    message = (
        "codes are made at a keypad with a programming code, and this lock holds none that opens now; create"
        ' one with POST /device-cloud/locks/<lock_id>/access_codes and "kind": "programming"'
    )
    raise SeamError(400, "simulation_not_supported", message)


async def _told(database: Database, lock_id: str, after: int, digits: str) -> dict[str, Any]:
    """The row of the code, once the lock has told of it after that event. Raises SeamError if it says no."""
    try:
        async with asyncio.timeout(TOLD_WITHIN_S):
            while True:
                for event in events.events_after(database, lock_id, after, 1000):
                    row = _made(database, event, digits)
                    if row is not None:
                        return row
                    after = event["sequence"]
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        message = (
            "the keys were typed, and the lock has told of no code; is it connected, and its keypad free?"
        )
        raise SeamError(400, "simulation_failed", message) from None


def _made(database: Database, event: dict[str, Any], digits: str) -> dict[str, Any] | None:
    if event["event_type"] in (_REFUSED, _DENIED):
        message = f"the lock refused what was typed ({event['detail'].get('reason')})"
        raise SeamError(400, "simulation_failed", message)
    if event["event_type"] != _ADDED:
        return None
    row = access_codes.find(database, str(event.get("access_code_id")))
    return row if row is not None and row["code"] == digits else None
