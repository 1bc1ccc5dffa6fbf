"""Which offline codes a lock accepts, and when.

The whole decision works on tables made beforehand, always looks at as many decoded codes as there may be at
most, and has no branch on what they say: whether some ten digits are tomorrow's code must not show in time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.core.offline_code import (
    DAY_H,
    LONGEST_H,
    ONCE_SERIALS,
    Q_VALUES,
    SERIALS,
    SLOT_S,
    EraCipher,
    IssuerKey,
    OfflineFormat,
    OfflineKind,
    Payload,
    meaning_of,
)

MOST_KEYS = 3
DECODES = 2 * MOST_KEYS
"""Every key in the era of now and in that of the oldest start that may still be used first."""
ALL_HOURS = frozenset(range(DAY_H))
LATEST_SLOT = 2**40
_DUMMY_KEY = IssuerKey(0, 0, bytes(32))

KeyName = tuple[int, int]
"""kid and issuer."""


@dataclass(frozen=True, slots=True)
class FirstUse:
    """When an unused code may be used first: from `tolerance_s` before its start, for its duration or
    `within_h` hours, whichever is shorter, and the tolerance. One-time codes always have 24 hours."""

    within_h: int = DAY_H
    tolerance_s: int = 300

    def __post_init__(self) -> None:
        if not 1 <= self.within_h <= 72:
            raise ValueError(f"the first use of an offline code is due within 1 to 72 h, not {self.within_h}")
        if not 0 <= self.tolerance_s <= SLOT_S // 2:
            raise ValueError(f"the tolerance for the clock is 0 to {SLOT_S // 2} s, not {self.tolerance_s}")

    def hours(self, kind: OfflineKind, hours: int) -> int:
        """For how many hours from its start a code may be used first."""
        return min(hours, self.within_h) if kind is OfflineKind.TIMED else DAY_H


@dataclass(frozen=True, slots=True)
class Policy:
    """What one issuer may issue: serials of timed codes (at most 4), serials of one-time codes (at most 48),
    the longest duration in hours, the hours of the day at which timed codes start (by the clock of the
    slots: UTC and the phase), and whether it may cancel."""

    serials: int = SERIALS
    once_serials: int = ONCE_SERIALS
    longest_h: int = LONGEST_H
    start_hours: frozenset[int] = ALL_HOURS
    may_cancel: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.serials <= SERIALS:
            raise ValueError(f"an issuer has 0 to {SERIALS} serials, not {self.serials}")
        if not 0 <= self.once_serials <= ONCE_SERIALS:
            raise ValueError(f"an issuer has 0 to {ONCE_SERIALS} one-time serials, not {self.once_serials}")
        if not 0 <= self.longest_h <= LONGEST_H:
            raise ValueError(f"the longest duration is 0 to {LONGEST_H} hours, not {self.longest_h}")
        if not self.start_hours <= ALL_HOURS:
            raise ValueError("the hours at which codes start are 0 to 23")

    def allows(self, q: int) -> bool:
        """Whether this issuer may say `q` at all; when it may start is another question."""
        meaning = meaning_of(q)
        if meaning is None:
            return False
        match meaning.kind:
            case OfflineKind.TIMED:
                return meaning.serial < self.serials and meaning.hours <= self.longest_h
            case OfflineKind.ONCE:
                return meaning.serial < self.once_serials
            case OfflineKind.CANCEL:
                return self.may_cancel


@dataclass(frozen=True, slots=True)
class AcceptedKey:
    """A key whose codes the lock takes if they start from `first_slot` to `last_slot`, both included."""

    key: IssuerKey
    policy: Policy = field(default_factory=Policy)
    first_slot: int = 0
    last_slot: int = LATEST_SLOT

    @property
    def name(self) -> KeyName:
        """By what the key is called in floors and deny lists."""
        return self.key.kid, self.key.issuer


@dataclass(frozen=True, slots=True)
class Accepted:
    """An offline code that may be used first now, and whose it is."""

    kid: int
    issuer: int
    payload: Payload


class OfflineVerifier:
    """The keys of a lock, laid out for the decision: at most three, missing ones made up of a dummy.

    `denied` are (kid, issuer, slot, q) that were revoked before their first use; `floors` are slots by kid
    and issuer: codes that start earlier were cancelled. Only the controller thread uses it. Replaced as a
    whole when one of these changes; what follows from the time, the two eras, is kept by `keep`.
    """

    __slots__ = (
        "_allowed",
        "_any_hour",
        "_ciphers",
        "_denied",
        "_eras",
        "_first_slots",
        "_first_use",
        "_floors",
        "_form",
        "_hours",
        "_keys",
        "_last_slots",
        "_start_hours",
        "decodes",
    )

    def __init__(
        self,
        form: OfflineFormat,
        first_use: FirstUse,
        keys: Sequence[AcceptedKey] = (),
        *,
        floors: Mapping[KeyName, int] | None = None,
        denied: Iterable[tuple[int, int, int, int]] = (),
    ) -> None:
        """Raises ValueError for more than three keys, or two of one name."""
        if len(keys) > MOST_KEYS:
            raise ValueError(f"a lock has at most {MOST_KEYS} keys for offline codes, not {len(keys)}")
        if len({key.name for key in keys}) < len(keys):
            raise ValueError("two keys for offline codes have the same kid and issuer")
        none = AcceptedKey(_DUMMY_KEY, Policy(0, 0, 0, frozenset(), may_cancel=False), 1, 0)
        laid = [*keys, *[none] * (MOST_KEYS - len(keys))]
        known_floors = floors or {}
        self._form, self._first_use = form, first_use
        self._keys = [one.key for one in laid]
        self._allowed = [bytes(one.policy.allows(q) for q in range(Q_VALUES)) for one in laid]
        self._start_hours = [bytes(h in one.policy.start_hours for h in range(DAY_H)) for one in laid]
        self._first_slots = [one.first_slot for one in laid]
        self._last_slots = [one.last_slot for one in laid]
        self._floors = [known_floors.get(one.name, 0) for one in laid]
        self._denied = frozenset(denied)
        meanings = [meaning_of(q) for q in range(Q_VALUES)]
        self._hours = tuple(first_use.hours(one.kind, one.hours) if one else 0 for one in meanings)
        self._any_hour = bytes(one is not None and one.kind is not OfflineKind.TIMED for one in meanings)
        self._eras = (-1, -1)
        self._ciphers: list[EraCipher] = []
        self.decodes = 0
        """How many codes were decoded so far: as many for every entry."""

    def __repr__(self) -> str:
        return f"OfflineVerifier({sum(map(any, self._allowed))} keys)"

    def keep(self, now_s: float) -> None:
        """Be ready for decisions at `now_s`: twice in an era, this lays out new ciphers."""
        tolerance_s = self._first_use.tolerance_s
        within_s = max(self._first_use.within_h, DAY_H) * SLOT_S
        oldest = self._form.era_at(now_s - tolerance_s - within_s)
        eras = (self._form.era_at(now_s + tolerance_s), oldest)
        if eras != self._eras:
            self._eras = eras
            self._ciphers = [EraCipher(self._form, key, era) for key in self._keys for era in eras]

    def look(self, digits: str, now_s: float) -> Accepted | None:
        """The offline code that `digits` are at `now_s`, if it may be used first then. At most ten digits,
        of any number; the work does not depend on them. `keep` for the same time comes before."""
        number = int(digits) % 10**self._form.digits
        found = [self._judged(place, number, now_s) for place in range(DECODES)]
        accepted = sum(is_good << place for place, (_, is_good) in enumerate(found))
        place = _LOWEST[accepted * (len(digits) == self._form.digits)]
        key = self._keys[place // 2 % MOST_KEYS]
        candidate = Accepted(key.kid, key.issuer, found[place % DECODES][0])
        return (candidate, None)[place // DECODES]

    def _judged(self, place: int, number: int, now_s: float) -> tuple[Payload, bool]:
        """One of the six: what it says, and whether that may be used first now."""
        of = place // 2
        key = self._keys[of]
        self.decodes += 1
        payload, can_be = self._ciphers[place].decode(number)
        slot, q = payload.slot, payload.q
        start_s, tolerance_s = self._form.start_of(slot), self._first_use.tolerance_s
        good = (
            can_be
            & self._allowed[of][q]
            & (self._any_hour[q] | self._start_hours[of][slot % DAY_H])
            & (self._first_slots[of] <= slot)
            & (slot <= self._last_slots[of])
            & (slot >= self._floors[of])
            & ((key.kid, key.issuer, slot, q) not in self._denied)
            & (start_s - tolerance_s <= now_s)
            & (now_s < start_s + self._hours[q] * SLOT_S + tolerance_s)
        )
        return payload, bool(good)


_LOWEST = tuple(
    next((bit for bit in range(DECODES) if mask >> bit & 1), DECODES) for mask in range(2**DECODES)
)
"""The first of six that is accepted, or six, by the mask of those that are."""
