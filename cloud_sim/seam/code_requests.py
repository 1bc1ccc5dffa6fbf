"""What requests about access codes may carry, and what of it is refused whatever the code."""

from typing import Any

from cloud_sim.access_codes import Taken
from cloud_sim.answers import iso
from cloud_sim.offline_issuing import ROUNDINGS_S
from cloud_sim.seam import connections
from cloud_sim.seam.code_windows import Window
from cloud_sim.seam.dispatch import Call
from cloud_sim.seam.errors import SeamError, invalid_input
from cloud_sim.seam.parameters import FLAG, TIME, Parameter, choice, digits, label, whole

NAME = Parameter("name", label())
CODE = Parameter("code", digits(4, 12))
WINDOW = (Parameter("starts_at", TIME), Parameter("ends_at", TIME))
SYNC = Parameter("sync", FLAG)
"""Taken, and of no effect: the attempt in the answer is the newest there is."""

RULES = (
    NAME,
    CODE,
    *WINDOW,
    Parameter("allow_external_modification", FLAG),
    Parameter("is_external_modification_allowed", FLAG),
    Parameter("attempt_for_offline_device", FLAG),
    Parameter("preferred_code_length", whole(1, 20)),
    Parameter("prefer_native_scheduling", FLAG),  # every window is on the lock: there is no other way here
    Parameter("is_offline_access_code", FLAG),
    Parameter("use_offline_access_code", FLAG),
    Parameter("is_one_time_use", FLAG),
    Parameter("max_time_rounding", choice(*ROUNDINGS_S)),  # offline codes; other windows are exact
    Parameter("use_backup_access_code_pool", FLAG),
)
"""What create, create_multiple and update share."""


def check(call: Call) -> None:
    """Refuse what contradicts itself."""
    aliases = ("allow_external_modification", "is_external_modification_allowed")
    if None not in (said := [call.given.get(name) for name in aliases]) and said[0] != said[1]:
        raise invalid_input({aliases[0]: "Differs from is_external_modification_allowed, its other name"})


def allows_external_modification(call: Call, otherwise: bool = False) -> bool:
    """The flag under either of its names."""
    for name in ("is_external_modification_allowed", "allow_external_modification"):
        if call.given.get(name) is not None:
            return bool(call.given[name])
    return otherwise


def check_reachable(call: Call, device_id: str) -> None:
    """Refuse to leave a change for later where the client wants it now or never."""
    is_there = connections.is_connected(call.database, device_id)
    if call.given.get("attempt_for_offline_device") is False and not is_there:
        message = "the device is not connected; leave attempt_for_offline_device out to have it done later"
        raise SeamError(400, "device_offline", message, {"device_id": device_id})


def duplicate(name: str | None, window: Window, taken: Taken, device_id: str) -> SeamError:
    """409: the digits are those of another code."""
    named = "" if name is None else f" named {name}"
    starts_at, ends_at = iso(window[0]), iso(window[1])
    period = "" if starts_at is None and ends_at is None else f" for period {starts_at}-{ends_at}"
    message = (
        f"Cannot set duplicate access code{named}{period}: access code {taken.access_code_id} of this device"
        " has these digits and has not ended; choose others, or leave code out to be given some"
    )
    data: dict[str, Any] = {"device_id": device_id, "access_code_id": taken.access_code_id}
    return SeamError(409, "duplicate_access_code", message, data)


def no_space() -> SeamError:
    """400: the lock holds no more codes."""
    return SeamError(400, "no_space_for_access_code_on_device", "the device is full; delete a code first")
