"""The decision on the table under test, alone: it is short, so that little shows in it."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from agent.core.access_code import AccessCode, Kind
from agent.core.decision import decide
from agent.core.lifetime import History
from agent.core.schedule import Schedule
from agent.core.tag_keys import TagKeys
from agent.core.timekeeping import ClockReading, Trust
from agent.core.verifier import CodeTable, TableRow
from benchmarks.leakcheck.harness import CONTROL, REFERENCE, Instance

NOW_S = 1_800_000_000
CLOCK = ClockReading(Trust.TRUSTED, float(NOW_S), 0.5, NOW_S - 60)
NIGHTS = Schedule(zone_name="UTC", zone=UTC)

FATES: Mapping[str, Mapping[str, Any]] = {
    "expired": {"starts_at": NOW_S - 900, "ends_at": NOW_S - 600},
    "early": {"starts_at": NOW_S + 600, "ends_at": NOW_S + 900},
    "used up": {"max_uses": 1, "history": History(uses=1, first_used_at=NOW_S - 60)},
    "revoked": {"is_revoked": True},
    "disabled": {"enabled": False},
    "non-access": {"kind": Kind.NON_ACCESS},
    "remote only": {"kind": Kind.REMOTE_ONLY},
    "outside its hours": {"schedule": NIGHTS},
    "first use missed": {"starts_at": NOW_S - 900, "first_use_within_s": 600},
    "duress": {"kind": Kind.DURESS},
    "in its window": {"starts_at": NOW_S - 600, "ends_at": NOW_S + 600},
}
"""Class -> rules, history and revocation of its codes. Those of the row's own are taken out by `_row`."""
PLACES = ("first", "middle", "last")
"""Classes of a plain code, by where it stands in the table."""
LEAST_CODES = 2 * len(FATES)
LENGTHS = (4, 8, 9, 10)
"""Lengths of further unknown codes; all codes of the table have six digits."""
SEVERAL = 4
"""So many unknown codes are one class, where all others are compared with it."""


def decision(codes: int, keys: int = 1) -> Callable[[random.Random], Instance]:
    """What makes tables of `codes` codes (`LEAST_CODES` or more), each with its own `keys`."""

    def make(rng: random.Random) -> Instance:
        first, *wraps = (rng.randbytes(32) for _ in range(keys))
        tag_keys = TagKeys(first, tuple(wraps))
        drawn = [f"{number:06d}" for number in rng.sample(range(10**6), codes + 2 * SEVERAL)]
        digits, unknown = drawn[:codes], drawn[codes:]
        places = dict(zip(PLACES, (0, codes // 2, codes - 1), strict=True))
        free = sorted(set(range(codes)) - set(places.values()))
        fates = dict(zip(rng.sample(free, len(FATES)), FATES, strict=True))
        rows = [_row(tag_keys, each, FATES.get(fates.get(at, ""), {})) for at, each in enumerate(digits)]
        table = CodeTable(rows)
        entries = {REFERENCE: unknown[:SEVERAL], CONTROL: unknown[SEVERAL:]}
        entries |= {name: [digits[at]] for name, at in places.items()}
        entries |= {name: [digits[at]] for at, name in fates.items()}
        entries |= {f"unknown, {length} digits": unknown_of(length, rng, 1) for length in LENGTHS}
        return Instance(lambda entry: decide(table, tag_keys.tag_of(entry), CLOCK), entries)

    return make


def unknown_of(length: int, rng: random.Random, count: int = SEVERAL) -> list[str]:
    """Entries of this length, which no table of six digits knows."""
    return [f"{number:0{length}d}" for number in rng.sample(range(10**length), count)]


def _row(tag_keys: TagKeys, digits: str, fate: Mapping[str, Any]) -> TableRow:
    rules = dict(fate)
    history, is_revoked = rules.pop("history", History()), rules.pop("is_revoked", False)
    kept: dict[str, Any] = {"access_code_id": digits, "gen": 1, "code_rev": 1, "kind": Kind.STANDARD}
    code = AccessCode(**(kept | rules))
    return TableRow(code=code, tag=tag_keys.tag_of(digits), history=history, is_revoked=is_revoked)
