"""An access code as the lock knows it, in the seeds' words, and how a definition becomes one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from agent.core import code_set, schedule_fields
from agent.core.schedule import Schedule
from agent.core.schedule_fields import ZoneNamed

LATEST_S = 2**40
"""No window may reach past this Unix time: a number of milliseconds is a mistake, not a date."""


class Kind(Enum):
    """What a code does when it is right."""

    STANDARD = "standard"
    DURESS = "duress"
    """Opens like any other, and raises an alarm that nobody at the door can see."""
    NON_ACCESS = "non_access"
    """Is recognised and never opens: an alarm code, a code that counts rounds."""
    REMOTE_ONLY = "remote_only"
    """Belongs to somebody who opens from afar; the keypad does not take it."""
    PASSAGE = "passage"
    """Lets everybody through from now on, or no longer: see `modes.after_passage_code`."""
    PROGRAMMING = "programming"
    """Never opens: lets codes be made and removed at the keypad, see `agent.core.programming`."""

    @property
    def admits(self) -> bool:
        """Whether guessing it gets somebody in, be it by a code that he then makes for himself."""
        return self not in (Kind.NON_ACCESS, Kind.REMOTE_ONLY)


class CodeError(Enum):
    """Why the lock holds a definition but not a usable code; reported per code, never blocks the others."""

    DUPLICATE_CODE = "duplicate_code"
    CODE_LENGTH = "code_length"
    CODE_WEAK = "code_weak"
    DIGITS_NOT_ON_KEYPAD = "digits_not_on_keypad"
    WINDOW_INVALID = "window_invalid"
    SCHEDULE_INVALID = "schedule_invalid"
    CAPACITY_FULL = "capacity_full"
    SCHEMA_UNSUPPORTED = "schema_unsupported"
    MAC_FAILED = "mac_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessCode:
    """One access code without its digits. The window is half-open, `[starts_at, ends_at)`, Unix seconds."""

    access_code_id: str
    gen: int
    """Raised when the same id is issued anew; uses are counted per (id, gen)."""
    code_rev: int
    """Raised when the digits change."""
    kind: Kind
    starts_at: int | None = None
    ends_at: int | None = None
    max_uses: int | None = None
    """1 for a one-time code; None for any number."""
    works_without_clock: bool = False
    """Waives the window while the clock is unknown; never a schedule, which nobody could keep then."""
    is_external_modification_allowed: bool = False
    """Whether a removal at the door is for good; otherwise the cloud's word is restored."""
    enabled: bool = True
    """False refuses the code and leaves all other rules as they are."""
    extended_release: bool = False
    """For somebody who needs longer at the door: released and open for longer (`door.Timings`)."""
    expires_after_first_use_s: int | None = None
    first_use_within_s: int | None = None
    """The first use must come this soon after `starts_at`, or after the lock came to know the code."""
    schedule: Schedule | None = None

    @property
    def is_time_ruled(self) -> bool:
        """Whether the clock has a say."""
        rules = (self.starts_at, self.ends_at, self.expires_after_first_use_s, self.first_use_within_s)
        return self.schedule is not None or any(rule is not None for rule in rules)


WIRE_FIELDS = frozenset(AccessCode.__slots__) - {"schedule"} | schedule_fields.FIELDS
"""What a definition may hold besides digits and name."""


def parse_definition(definition: Mapping[str, object], zone_named: ZoneNamed) -> AccessCode | CodeError:
    """Read one definition. A field this version does not know may be a restriction, so it is refused
    (`schema_unsupported`) rather than ignored: ignoring it could open a door too often."""
    present = {
        key: value
        for key, value in definition.items()
        if key not in code_set.NOT_IN_DIGEST and value is not None
    }
    try:
        code = _typed(present)
    except (KeyError, ValueError, TypeError):
        return CodeError.SCHEMA_UNSUPPORTED
    try:
        code = replace(code, schedule=schedule_fields.schedule_of(present, zone_named))
    except ValueError:
        return CodeError.SCHEDULE_INVALID
    if code.starts_at is not None and code.ends_at is not None and code.ends_at <= code.starts_at:
        return CodeError.WINDOW_INVALID
    return code


def _typed(present: Mapping[str, object]) -> AccessCode:
    if not WIRE_FIELDS.issuperset(present):
        raise ValueError("unknown field")
    access_code_id = present["access_code_id"]
    if not isinstance(access_code_id, str):
        raise TypeError("not a string")
    return AccessCode(
        access_code_id=access_code_id,
        gen=_integer(present["gen"], 1),
        code_rev=_integer(present["code_rev"], 1),
        kind=Kind(present["kind"]),
        starts_at=_optional(present, "starts_at", 0),
        ends_at=_optional(present, "ends_at", 0),
        max_uses=_optional(present, "max_uses", 1),
        works_without_clock=_flag(present, "works_without_clock", absent=False),
        is_external_modification_allowed=_flag(present, "is_external_modification_allowed", absent=False),
        enabled=_flag(present, "enabled", absent=True),
        extended_release=_flag(present, "extended_release", absent=False),
        expires_after_first_use_s=_optional(present, "expires_after_first_use_s", 1),
        first_use_within_s=_optional(present, "first_use_within_s", 1),
    )


def _flag(present: Mapping[str, object], key: str, *, absent: bool) -> bool:
    value = present.get(key, absent)
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


def _integer(value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LATEST_S:
        raise ValueError("not an integer in range")
    return value


def _optional(present: Mapping[str, object], key: str, least: int) -> int | None:
    return _integer(present[key], least) if key in present else None
