"""Verifiers that leak, each in a way that has opened real locks: a run must catch them to mean anything."""

import hmac
import random
from collections.abc import Callable, Sequence

from agent.core.verifier import tag_of
from benchmarks.leakcheck.harness import CONTROL, REFERENCE, Instance

CODES = 1_000

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


def control(compare: Compare) -> Callable[[random.Random], Instance]:
    """What makes instances of a leaky verifier: its first, middle and last code, and unknown ones."""

    def make(rng: random.Random) -> Instance:
        key = rng.randbytes(32)
        digits = [f"{number:06d}" for number in rng.sample(range(10**6), CODES + 2)]
        unknown, another, *codes = digits
        tags = [tag_of(key, each) for each in codes]
        classes = {
            REFERENCE: unknown,
            CONTROL: another,
            "first": codes[0],
            "middle": codes[CODES // 2],
            "last": codes[-1],
        }
        return Instance(lambda entry: compare(tags, tag_of(key, entry)), classes)

    return make
