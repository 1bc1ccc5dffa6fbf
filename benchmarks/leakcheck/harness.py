"""Times classes of entries against each other, and says which of them can be told apart."""

import gc
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from statistics import fmean, median

from benchmarks.leakcheck.statistics import middle_mean, segment_t, strongest_t

REFERENCE = "unknown"
CONTROL = "another unknown"
"""A second unknown code, not the same one twice: what is timed more often is faster for that alone."""

T_LEAST = 10.0
T_CONTROL_MOST = 50.0
FLOOR_NS = 100.0
FLOOR_SHARE = 0.01

Timer = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Instance:
    """One keyed verifier, and entries of each class; `REFERENCE` and `CONTROL` must be among them.

    Each entry takes a time of its own besides, which hangs on its tag and tells nothing to whoever lacks the
    key. Over several entries of a class it averages out."""

    verify: Callable[[str], object]
    entries: Mapping[str, Sequence[str]]


Make = Callable[[random.Random], Instance]
"""Makes an instance with keys of its own."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. With fewer than 500 blocks leaks of a microsecond go unseen."""

    blocks: int
    instances: int = 6
    needed: int = 5
    """In so many instances a leak must show, with the same sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One class against the reference, in one instance. Times in nanoseconds."""

    effect_ns: float
    t: float
    median_ns: float
    floor_ns: float
    t_limit: float

    @property
    def sign(self) -> int:
        """Which way it leaks: 1 slower, -1 faster, 0 not at all."""
        if self.t <= self.t_limit or abs(self.effect_ns) <= self.floor_ns:
            return 0
        return 1 if self.effect_ns > 0 else -1


@dataclass(frozen=True, slots=True)
class Finding:
    """One class in all instances."""

    name: str
    differences: Sequence[Difference]
    needed: int

    @property
    def leaks_in(self) -> int:
        """In how many instances it leaks the same way."""
        signs = [each.sign for each in self.differences]
        return max(signs.count(1), signs.count(-1))

    @property
    def is_leak(self) -> bool:
        """Whether this class can be told from an unknown code."""
        return self.leaks_in >= self.needed


def findings(
    make: Make, effort: Effort, rng: random.Random, timer: Timer = time.perf_counter_ns
) -> list[Finding]:
    """Time `effort.instances` verifiers of `make`, and compare all their classes with the reference."""
    compared: dict[str, list[Difference]] = {}
    with _quiet():
        for _ in range(effort.instances):
            times = _timed(make(rng), effort.blocks, rng, timer)
            for name, difference in _differences(times):
                compared.setdefault(name, []).append(difference)
    return [Finding(name, differences, effort.needed) for name, differences in compared.items()]


def leaks(
    make: Make, effort: Effort, rng: random.Random, timer: Timer = time.perf_counter_ns
) -> tuple[list[Finding], set[str]]:
    """All findings of a first run, and the classes that leak in it and in a second one."""
    first = findings(make, effort, rng, timer)
    suspects = {each.name for each in first if each.is_leak}
    if not suspects:
        return first, set()
    second = {each.name for each in findings(make, effort, rng, timer) if each.is_leak}
    return first, suspects & second


def least_ns(usual_ns: float) -> float:
    """The smallest effect that counts, on a quiet machine, where an entry takes `usual_ns`."""
    return max(FLOOR_NS, FLOOR_SHARE * usual_ns)


Times = dict[str, list[list[int]]]
"""Of each entry of each class, by block."""


def _timed(instance: Instance, blocks: int, rng: random.Random, timer: Timer) -> Times:
    """Randomised complete blocks: each times every entry once, in an order of its own, so that none is colder
    than another in the caches of the processor."""
    times: Times = {name: [[] for _ in entries] for name, entries in instance.entries.items()}
    order = [
        (digits, of)
        for name, entries in instance.entries.items()
        for digits, of in zip(entries, times[name], strict=True)
    ]
    verify = instance.verify
    for block in range(-min(50, blocks // 10), blocks):  # the first ones warm up
        rng.shuffle(order)
        for digits, of in order:
            entry = "".join(list(digits))  # a fresh object each time, as a keypad makes it
            began = timer()
            verify(entry)
            took = timer() - began
            if block >= 0:
                of.append(took)
    return times


def _differences(times: Times) -> Iterator[tuple[str, Difference]]:
    reference = times[REFERENCE]
    control_effect, control_t = _effect(times[CONTROL], reference)
    usual_ns = median(chain.from_iterable(reference))
    floor_ns = max(least_ns(usual_ns), 2 * abs(control_effect))
    t_limit = max(T_LEAST, 1.5 * min(control_t, T_CONTROL_MOST))
    for name, ours in times.items():
        if name != REFERENCE:
            effect_ns, t = _effect(ours, reference)
            median_ns = median(chain.from_iterable(ours))
            yield (
                name,
                Difference(effect_ns=effect_ns, t=t, median_ns=median_ns, floor_ns=floor_ns, t_limit=t_limit),
            )


def _effect(ours: Sequence[Sequence[int]], theirs: Sequence[Sequence[int]]) -> tuple[float, float]:
    """The effect is the mean of those of each of our entries against each of theirs: times of several entries
    thrown together would be wider, which looks like an effect. For |t| they are thrown together: of a single
    entry it would be that of its key."""
    pairs = [[a - b for a, b in zip(one, other, strict=True)] for one in ours for other in theirs]
    t = strongest_t(list(chain.from_iterable(ours)), list(chain.from_iterable(theirs)))
    in_all = [sum(each) for each in zip(*pairs, strict=True)]
    return fmean(map(middle_mean, pairs)), max(t, abs(segment_t(in_all)))


@contextmanager
def _quiet() -> Iterator[None]:
    """One processor, and no collection of garbage while times are taken."""
    before = os.sched_getaffinity(0)
    was_enabled = gc.isenabled()
    os.sched_setaffinity(0, {max(before)})
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        if was_enabled:
            gc.enable()
