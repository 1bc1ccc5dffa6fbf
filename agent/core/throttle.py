"""Guesses as a leaky budget, one for short codes and one for long ones (spec offline-codes 2.6, decisions).

An attempt is debited before anything is looked at, and the debit is durable before that; only a success
gets its own token back. Budgets refill with time since boot: time without power earns nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

CAPACITY = 5.0
YEAR_S = 31_557_600.0
FASTEST_REFILL_S = 900.0
SLOWEST_REFILL_S = 3600.0
LONG_GUESS_CHANCE = 3e-6
"""Long guesses come back no faster than rolling codes would demand, whether or not there are any."""
ALARM_FAILURES = 20
SHORTEST_CODE, LONGEST_SHORT = 4, 8
"""Digits of the codes of the table; those of the other class have more."""


class LengthClass(Enum):
    """Which budget pays for an entry; mashing short codes cannot use up the long one."""

    SHORT = "short"
    LONG = "long"


def class_of(digits: int) -> LengthClass:
    """Short: up to 8 digits (the table); long: 9 and 10 (rolling and offline codes)."""
    return LengthClass.SHORT if digits <= LONGEST_SHORT else LengthClass.LONG


@dataclass(frozen=True, slots=True)
class Budget:
    """`tokens` (0 to 5) as of `at_s` seconds since boot, and failures since the last acknowledgement."""

    tokens: float = CAPACITY
    at_s: float = 0.0
    failures: int = 0


def refilled(budget: Budget, now: float, refill_s: float) -> Budget:
    """The budget at `now`: one more token per `refill_s`, up to the capacity."""
    earned = max(0.0, now - budget.at_s) / refill_s
    return replace(budget, tokens=min(CAPACITY, budget.tokens + earned), at_s=now)


def debit(budget: Budget, now: float, refill_s: float) -> Budget | None:
    """One token and one failure less trust, or None when there is no token: then nothing may be looked at.
    The failure is taken back by `refund`, so that an attempt cut short counts as one."""
    current = refilled(budget, now, refill_s)
    if current.tokens < 1.0:
        return None
    return replace(current, tokens=current.tokens - 1.0, failures=current.failures + 1)


def refund(budget: Budget) -> Budget:
    """After a success: its own token and its own failure back, nothing else."""
    return replace(budget, tokens=min(CAPACITY, budget.tokens + 1.0), failures=budget.failures - 1)


def next_token_s(budget: Budget, now: float, refill_s: float) -> float | None:
    """When an empty budget has a token again, in seconds since boot; None while it has one."""
    current = refilled(budget, now, refill_s)
    return None if current.tokens >= 1.0 else now + (1.0 - current.tokens) * refill_s


def length_that_meets(codes: int, allowed_per_year: float, keys: int = 10) -> int | None:
    """How long so many codes of the table have to be, all of them, so that the bound is met; None where not
    even the longest are long enough."""
    for length in range(SHORTEST_CODE, LONGEST_SHORT + 1):
        if risk(LengthClass.SHORT, [length] * codes, allowed_per_year, keys).is_bound_met:
            return length
    return None


def chance_of(chance: float, guesses: float) -> float:
    """That one of so many guesses opens, each with this chance."""
    missed: float = (1.0 - min(chance, 1.0)) ** guesses
    return 1.0 - missed


@dataclass(frozen=True, slots=True)
class Risk:
    """What guessing can achieve against one class: `chance` per guess, refill, and the yearly chance."""

    chance: float
    refill_s: float
    yearly: float
    is_bound_met: bool


def risk(
    length_class: LengthClass,
    code_lengths: Iterable[int],
    allowed_per_year: float,
    keys: int = 10,
    chances: Mapping[int, float] | None = None,
) -> Risk:
    """The refill that keeps the yearly chance of guessing in under `allowed_per_year`, within its limits.

    `keys`: how many digits the keypad has; whoever guesses types no others. `chances`: by length, those of
    hitting a code that is in no table yet."""
    lengths, besides = list(code_lengths), chances or {}
    by_length = (
        lengths.count(length) / keys**length + besides.get(length, 0.0) for length in {*lengths, *besides}
    )
    chance = max(by_length, default=0.0)
    reckoned = max(chance, LONG_GUESS_CHANCE) if length_class is LengthClass.LONG else chance
    refill_s = min(max(YEAR_S * reckoned / allowed_per_year, FASTEST_REFILL_S), SLOWEST_REFILL_S)
    guesses = CAPACITY + YEAR_S / refill_s
    yearly = chance_of(chance, guesses)
    return Risk(chance, refill_s, yearly, yearly <= allowed_per_year)
