"""`/devices/simulate/...`: takes a lock's way to the broker away and gives it back, where a broker obeys.

The lock is not told anything: it loses its connection as to a broken cable, and finds back by itself."""

from typing import Any

from cloud_sim import cut_off
from cloud_sim.seam import shapes
from cloud_sim.seam.code_lookup import existing_device
from cloud_sim.seam.dispatch import Call, Operation, operation
from cloud_sim.seam.errors import SeamError
from cloud_sim.seam.parameters import UUID, required


def disconnect(call: Call) -> dict[str, Any]:
    """Break the lock's connection, and every one it tries to make, until `connect`. Again is harmless."""
    lock_id, others = _lock_and_others(call)
    return _cut(call, others | {lock_id})


def connect(call: Call) -> dict[str, Any]:
    """Let the lock through again. One that nobody cut off is let alone."""
    _, others = _lock_and_others(call)
    return _cut(call, others)


def can_simulate(call: Call) -> dict[str, bool]:
    """The flags of a device that say whether the above is possible."""
    is_possible = cut_off.read(call.cloud.cut_off) is not None
    return {"can_simulate_connection": is_possible, "can_simulate_disconnection": is_possible}


def refuse(call: Call) -> dict[str, Any]:
    """There are no hubs, and who removes a lock must come to its door to enrol it again."""
    existing_device(call.database, call.given["device_id"])
    message = "locks of this cloud have no hub, and are removed at the door; simulate/disconnect cuts one off"
    raise SeamError(400, "simulation_not_supported", message)


def _lock_and_others(call: Call) -> tuple[str, frozenset[str]]:
    """(the lock's id, the ids of all others that are cut off)."""
    lock_id = str(existing_device(call.database, call.given["device_id"])["lock_id"])
    now = cut_off.read(call.cloud.cut_off)
    if now is None:
        message = (
            "only the built-in broker of lock-sim can be told to cut a lock off;"
            " stop or start the lock's agent or its network instead"
        )
        raise SeamError(400, "simulation_not_supported", message)
    return lock_id, now - {lock_id}


def _cut(call: Call, lock_ids: frozenset[str]) -> dict[str, Any]:
    if call.cloud.cut_off is not None:
        cut_off.write(call.cloud.cut_off, lock_ids)
    return {}


def _operation(what: str, answer: Any) -> Operation:
    return operation(
        f"/devices/simulate/{what}", "POST", answer, required("device_id", UUID), answers=shapes.NOTHING
    )


CONNECTION_OPERATIONS = (
    _operation("connect", connect),
    _operation("disconnect", disconnect),
    *(_operation(what, refuse) for what in ("remove", "connect_to_hub", "disconnect_from_hub")),
)
