"""What the cloud, or a technician, can tell the lock to do: typed, checked, and judged for freshness.

Pure. Whatever is unknown, out of range or too old is a reason to refuse, never a guess at what was meant.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from agent.core.modes import Mode
from agent.core.throttle import LengthClass
from agent.core.timekeeping import ClockReading, Trust
from agent.messages import CommandReceived

LIFE_S = 30
"""Longest a command may be valid, from its `iat` to its `exp`."""
IDS_AT_ONCE = 500
AccessCodeId = Annotated[str, Meta(min_length=1, max_length=64)]

LocalCommandType = Literal[
    "unlock", "lock", "mode", "revoke", "resync", "acknowledge", "identify", "config", "forget"
]
"""What a technician may be allowed, too."""
CommandType = Literal[LocalCommandType, "renew_keys"]
COMMAND_TYPES: tuple[CommandType, ...] = get_args(CommandType)


class _Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Arguments of one type. An argument we do not know might restrict what we would do without it."""


class Unlock(_Command, frozen=True):
    """Release the strike once, for `for_s` seconds; without it, as long as for a code."""

    for_s: Annotated[float, Meta(ge=1, le=60)] | None = None


class Lock(_Command, frozen=True):
    """End a release."""


class SetMode(_Command, frozen=True):
    """Go into another operating mode, until told otherwise."""

    mode: Mode


class Revoke(_Command, frozen=True):
    """Refuse these access codes from now on, until a code set of revision `rev` decides; without it, one that
    is newer than any the lock knows."""

    ids: Annotated[list[AccessCodeId], Meta(max_length=IDS_AT_ONCE)]
    rev: Annotated[int, Meta(ge=1, le=2**62)] | None = None


class Resync(_Command, frozen=True):
    """Read the table from the disk again and compare it with the cloud's."""


class Acknowledge(_Command, frozen=True):
    """Somebody has seen the failed guesses and the door that was forced: count from zero, and end its alarm
    once it is closed. Gives no guess back."""

    length_class: LengthClass | None = None
    """None: both, and the door."""


class Identify(_Command, frozen=True):
    """Show and sound which door this is."""


class Configure(_Command, frozen=True):
    """Count these settings instead of the configuration file's: all of them or none. None: the file's again;
    unset: as it is."""

    mode_schedule: dict[str, Any] | UnsetType | None = UNSET
    """See `agent.core.mode_schedule_fields`."""
    release_s: Annotated[int, Meta(ge=1, le=60)] | UnsetType | None = UNSET


class Forget(_Command, frozen=True):
    """Delete these codes that were made at the door. Others are none of this command's business: they are
    gone already, or the cloud's."""

    ids: Annotated[list[AccessCodeId], Meta(min_length=1, max_length=IDS_AT_ONCE)]


class RenewKeys(_Command, frozen=True):
    """Make other keys of the lock's own, and propose them to the cloud; the same ones each time a renewal is
    asked for again. It changes nothing at the door, and nothing at all before the cloud has agreed."""

    renewal_id: Annotated[str, Meta(min_length=1, max_length=64)]


Command = Unlock | Lock | SetMode | Revoke | Resync | Acknowledge | Identify | Configure | Forget | RenewKeys

_SHAPES: Mapping[str, type[Command]] = {
    "unlock": Unlock,
    "lock": Lock,
    "mode": SetMode,
    "revoke": Revoke,
    "resync": Resync,
    "acknowledge": Acknowledge,
    "identify": Identify,
    "config": Configure,
    "forget": Forget,
    "renew_keys": RenewKeys,
}
NEEDS_TIME = frozenset({"unlock", "mode"})
"""From afar only with a known clock: what opens must not be able to come late."""


def parse(kind: str, args: Mapping[str, Any]) -> Command | str:
    """The command, or why there is none: `unknown_type` or `bad_args`."""
    shape = _SHAPES.get(kind)
    if shape is None:
        return "unknown_type"
    try:
        return msgspec.convert(args, shape)
    except (msgspec.ValidationError, ValueError):
        return "bad_args"


def staleness(received: CommandReceived, sid: str, clock: ClockReading, now: float) -> str | None:
    """Why a command cannot be meant for this moment, or None.

    `sid` is the session's; a command of another one is dead even when nobody knows the time. With the clock
    known `exp` decides, else how long ago it came in (`now` in seconds since boot)."""
    if not 0 < received.exp - received.iat <= LIFE_S:
        return "too_long_valid"
    if received.sid != sid:
        return "other_session"
    if now - received.arrived_s >= LIFE_S:
        return "expired"
    if clock.trust is Trust.UNKNOWN:
        return None
    if received.exp <= clock.wall_s:
        return "expired"
    return "from_the_future" if received.iat > clock.wall_s + clock.bound_s + LIFE_S else None
