"""What leaks for certain: a run must catch it to mean anything.

Verifiers that leak each in a way that has opened real locks, and a leak of our own in what is under test, as
small as one can be that has to be found there.
"""

import hmac
import random
import time
from collections.abc import Callable, Sequence
from itertools import repeat

from agent.core.verifier import tag_of
from benchmarks.leakcheck.harness import CONTROL, REFERENCE, Instance, Make

CODES = 1_000
PLANTED = "planted"

Compare = Callable[[Sequence[bytes], bytes], object]


def early_exit(tags: Sequence[bytes], tag: bytes) -> bool:
    """Ends at the first that is equal: the earlier the code, the faster."""
    return any(each == tag for each in tags)


def constant_compare_early_exit(tags: Sequence[bytes], tag: bytes) -> bool:
    """Each comparison takes constant time, the loop does not."""
    return any(hmac.compare_digest(each, tag) for each in tags)


def short_circuit(tags: Sequence[bytes], tag: bytes) -> int:
    """Looks whether it is there, then where: a hit costs a second look."""
    return tags.index(tag) if tag in tags else -1


def early_return(tags: Sequence[bytes], tag: bytes) -> str:
    """Searches everything, and then does more for some codes than for others."""
    row = b"".join(tags).find(tag)
    if row < 0:
        return "unknown"
    if row % 2:
        return str([row] * 8)
    return "known"


CONTROLS: dict[str, Compare] = {
    "early exit": early_exit,
    "constant compare, early exit": constant_compare_early_exit,
    "short circuit": short_circuit,
    "early return": early_return,
}
"""By name."""


def planted(make: Make, extra_ns: float) -> Make:
    """The verifiers that `make` makes, but half of their entries of `CONTROL` (there are several) take
    `extra_ns` longer."""

    def plant(rng: random.Random) -> Instance:
        instance = make(rng)
        one, another = instance.entries[REFERENCE], instance.entries[CONTROL]
        slow = frozenset(another[::2])
        turns = (0, round(extra_ns / _turn_ns()))

        def verify(entry: str) -> None:
            instance.verify(entry)
            for _ in repeat(None, turns[entry in slow]):
                pass

        return Instance(verify, {REFERENCE: one, CONTROL: another[1::2], PLANTED: another[::2]})

    return plant


def _turn_ns() -> float:
    """What one turn of an empty loop takes here and now: the fastest of some."""
    turns, taken = 500, []
    for _ in range(50):
        began = time.perf_counter_ns()
        for _ in repeat(None, turns):
            pass
        taken.append(time.perf_counter_ns() - began)
    return min(taken) / turns


def control(compare: Compare) -> Make:
    """What makes instances of a leaky verifier: its first, middle and last code, and unknown ones."""

    def make(rng: random.Random) -> Instance:
        key = rng.randbytes(32)
        digits = [f"{number:06d}" for number in rng.sample(range(10**6), CODES + 2)]
        unknown, another, *codes = digits
        tags = [tag_of(key, each) for each in codes]
        entries = {
            REFERENCE: [unknown],
            CONTROL: [another],
            "first": [codes[0]],
            "middle": [codes[CODES // 2]],
            "last": [codes[-1]],
        }
        return Instance(lambda entry: compare(tags, tag_of(key, entry)), entries)

    return make
