"""Rolling codes of technicians: a slot of three digits, then six of RFC 6238 (SHA-1, 30 s), nine in all.

The slot is not secret. It keeps the chance of a guess at four in a million whatever the number of
technicians, since only one secret is tried. A step opens once, and after it no older one does.

Tried are three steps around what was learned of the phone's clock, and the present step: a phone whose clock
was put right must not be shut out by what was learned of the wrong one.
"""

import hmac
from dataclasses import dataclass, field, replace
from enum import Enum

STEP_S = 30
SLOT_DIGITS = 3
CODE_DIGITS = 6
ENTRY_DIGITS = SLOT_DIGITS + CODE_DIGITS
SLOTS = 10**SLOT_DIGITS
SECRET_BYTES = 20
MOST_DRIFT = 4
"""Steps that a phone's clock may be learned to be off; a larger difference needs somebody online."""
MOST_FAILURES = 10
"""In a row; then the technician is off until somebody online says otherwise (SP 800-63B-4)."""
STEPS = (-1, 0, 1)
"""Around the step that a phone is thought to be at."""
_NEVER = -(2**40)
FOREVER = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Technician:
    """Somebody with an authenticator app. `slot` is 0 to 999; valid in [starts_at, ends_at), Unix seconds."""

    slot: int
    secret: bytes = field(repr=False)
    starts_at: int = 0
    ends_at: int = FOREVER
    is_revoked: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.slot < SLOTS:
            raise ValueError(f"the slot of a technician is 0 to {SLOTS - 1}, not {self.slot}")
        if len(self.secret) < 16:
            raise ValueError("the secret of a technician has at least 16 bytes (RFC 4226)")


@dataclass(frozen=True, slots=True)
class Progress:
    """What the lock remembers of a technician: the newest step that opened, how many steps the phone is
    ahead, failures since the last success."""

    last_step: int = _NEVER
    drift: int = 0
    failures: int = 0


class TotpRefusal(Enum):
    """Why nine digits do not open."""

    UNKNOWN = "unknown"
    """No such technician, or wrong digits."""
    REVOKED = "revoked"
    OUTSIDE_WINDOW = "outside_window"
    TOO_MANY_FAILURES = "too_many_failures"
    USED = "used"
    """Right, but this step or a later one has opened already."""

    __hash__ = object.__hash__
    """Enum's is written in Python, that of None is not: looked up, a code that opens would take less time."""


@dataclass(frozen=True, slots=True)
class TotpOutcome:
    """What became of an entry: `refusal` is None if it opens. `progress` is to be durable before anything
    shows; None if there is no technician of that slot."""

    slot: int
    refusal: TotpRefusal | None
    progress: Progress | None


def hotp(secret: bytes, counter: int) -> int:
    """RFC 4226: a number below 10^6."""
    mac = hmac.digest(secret, counter.to_bytes(8), "sha1")
    place = mac[-1] & 15
    return int((int.from_bytes(mac[place : place + 4]) & 0x7FFFFFFF) % 10**CODE_DIGITS)


def step_at(unix_s: float) -> int:
    """The number of the 30 seconds that `unix_s` is in."""
    return int(unix_s // STEP_S)


_NOBODY = Technician(slot=0, secret=bytes(SECRET_BYTES), is_revoked=True)

(_KNOWN, _RIGHT, _NOT_REVOKED, _IN_WINDOW, _FEW_FAILURES, _UNUSED) = (1 << bit for bit in range(6))


def _refusal(facts: int) -> TotpRefusal | None:
    order = (
        (_KNOWN, TotpRefusal.UNKNOWN),
        (_RIGHT, TotpRefusal.UNKNOWN),
        (_NOT_REVOKED, TotpRefusal.REVOKED),
        (_IN_WINDOW, TotpRefusal.OUTSIDE_WINDOW),
        (_FEW_FAILURES, TotpRefusal.TOO_MANY_FAILURES),
        (_UNUSED, TotpRefusal.USED),
    )
    return next((refusal for bit, refusal in order if not facts & bit), None)


_REFUSALS = tuple(_refusal(facts) for facts in range(64))
_TRIED = len(STEPS) + 1
_FIRST = tuple(next((place for place in range(_TRIED) if mask >> place & 1), 0) for mask in range(2**_TRIED))
"""The first of four steps that may open, by the mask of those that may."""


class Technicians:
    """All technicians of a lock, and what it remembers of them. Controller thread only."""

    __slots__ = ("_of_slot", "_progress", "hotps")

    def __init__(self, known: dict[int, tuple[Technician, Progress]] | None = None) -> None:
        """By slot."""
        self._of_slot = {slot: one for slot, (one, _) in (known or {}).items()}
        self._progress = {slot: progress for slot, (_, progress) in (known or {}).items()}
        self.hotps = 0
        """How many one-time passwords were computed so far: four for every entry."""

    def __len__(self) -> int:
        return len(self._of_slot)

    def __repr__(self) -> str:
        return f"Technicians({len(self)})"

    def look(self, digits: str, now_s: float) -> TotpOutcome:
        """What an entry of at most ten digits is at `now_s`: the same work whatever they are, on the
        technician of that slot or on nobody. Changes nothing; see `keep`."""
        slot, typed = divmod(int(digits) % 10**ENTRY_DIGITS, 10**CODE_DIGITS)
        technician = self._of_slot.get(slot, _NOBODY)
        progress = self._progress.get(slot, Progress())
        present = max(step_at(now_s), 1)
        center = max(present + progress.drift, 1)
        steps = (*(center + offset for offset in STEPS), present)
        self.hotps += _TRIED
        right = [hotp(technician.secret, step) == typed for step in steps]
        newer = [step > progress.last_step for step in steps]
        unused = [is_right & is_newer for is_right, is_newer in zip(right, newer, strict=True)]
        is_one = (len(digits) == ENTRY_DIGITS) & (slot in self._of_slot)
        facts = (
            is_one * _KNOWN
            | any(right) * _RIGHT
            | (not technician.is_revoked) * _NOT_REVOKED
            | ((technician.starts_at <= now_s) & (now_s < technician.ends_at)) * _IN_WINDOW
            | (progress.failures < MOST_FAILURES) * _FEW_FAILURES
            | any(unused) * _UNUSED
        )
        refusal = _REFUSALS[facts]
        step = steps[_FIRST[sum(one << place for place, one in enumerate(unused))]]
        learned = progress.drift + min(max(step - center, -1), 1)
        opened = Progress(step, _bounded(learned), 0)
        failed = replace(progress, failures=progress.failures + 1)
        return TotpOutcome(slot, refusal, ((failed, opened)[refusal is None], None)[not is_one])

    def keep(self, slot: int, progress: Progress) -> None:
        """What is durable now."""
        self._progress[slot] = progress


def _bounded(drift: int) -> int:
    return min(max(drift, -MOST_DRIFT), MOST_DRIFT)
