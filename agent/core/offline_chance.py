"""How many unused offline codes open a door at a time, and so how likely a guess is one of them.

Counted start by start: where one key follows another each start has one of them, and a guess is no likelier
than before; where two are for the same starts both count.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import floor

from agent.core.offline_code import DAY_H, Q_VALUES, SLOT_S, OfflineFormat, OfflineKind, meaning_of
from agent.core.offline_policy import ALL_HOURS, LATEST_SLOT, AcceptedKey, FirstUse, Policy

GUESS_BOUND = 1e-5
"""What a lock should be set up for: a guess opens no more often than this."""
_Kinds = Counter[tuple[int, frozenset[int]]]
"""How many q there are that open, by the hours they have for it and the hours they may start at."""


@dataclass(frozen=True, slots=True)
class LiveCodes:
    """M over time: at most `worst[i]` codes open at slot `slots[i]` or later. The last day repeats."""

    slots: Sequence[int]
    worst: Sequence[int]

    def from_slot(self, slot: int) -> int:
        """The most codes that open at any moment from the beginning of `slot` on."""
        return self.worst[min(bisect_left(self.slots, slot), len(self.slots) - DAY_H)]


def live_codes(first_use: FirstUse, keys: Iterable[AcceptedKey]) -> LiveCodes:
    """M of all `keys` together, at the full hours at which it can be greatest: the tolerance lets one start
    more count there. Costs some ten milliseconds."""
    laid = [(key.first_slot, key.last_slot, _kinds(key.policy, first_use)) for key in keys]
    slots = sorted(set(_moments(first_use, laid)))
    live = [sum(_live(kinds, first_use, slot, first, last) for first, last, kinds in laid) for slot in slots]
    return LiveCodes(slots, list(accumulate(reversed(live), max))[::-1])


def _moments(first_use: FirstUse, laid: Iterable[tuple[int, int, _Kinds]]) -> Iterator[int]:
    """Around each change of keys: a day before it, until it is over, and one day more."""
    changes = {0} | {first for first, _, _ in laid} | {last + 1 for _, last, _ in laid}
    settled_h = max(first_use.within_h, DAY_H) + 2
    for change in changes:
        if change <= LATEST_SLOT:
            yield from range(change - DAY_H, change + settled_h + DAY_H)


def live_at(policy: Policy, first_use: FirstUse, at_h: float) -> int:
    """M of one key without bounds: how many different codes open if they are first typed at `at_h`, in hours
    by the clock of the slots."""
    return _live(_kinds(policy, first_use), first_use, at_h, 0, LATEST_SLOT)


def most_live(policy: Policy, first_use: FirstUse) -> int:
    """The same at its worst moment."""
    kinds = _kinds(policy, first_use)
    return max(_live(kinds, first_use, 10 * DAY_H + hour, 0, LATEST_SLOT) for hour in range(DAY_H))


def _kinds(policy: Policy, first_use: FirstUse) -> _Kinds:
    meanings = [meaning_of(q) for q in range(Q_VALUES) if policy.allows(q)]
    return Counter(
        (
            first_use.hours(one.kind, one.hours),
            policy.start_hours if one.kind is OfflineKind.TIMED else ALL_HOURS,
        )
        for one in meanings
        if one is not None and one.kind is not OfflineKind.CANCEL
    )


def _live(kinds: _Kinds, first_use: FirstUse, at_h: float, first_slot: int, last_slot: int) -> int:
    tolerance_h = first_use.tolerance_s / SLOT_S
    newest = min(floor(at_h + tolerance_h), last_slot)

    def starts(within_h: int, start_hours: frozenset[int]) -> int:
        oldest = max(floor(at_h - tolerance_h - within_h) + 1, first_slot)
        if start_hours == ALL_HOURS:
            return max(newest - oldest + 1, 0)
        return sum(slot % DAY_H in start_hours for slot in range(oldest, newest + 1))

    return sum(starts(*kind) * count for kind, count in kinds.items())


def guess_chance(
    form: OfflineFormat, first_use: FirstUse, keys: Iterable[AcceptedKey], slot: int = 0
) -> float:
    """The chance that one guess of the right length opens, at the worst moment from `slot` on: at most M
    over 10^digits. Codes used already count with the table's."""
    return float(live_codes(first_use, keys).from_slot(slot) / 10**form.digits)
