"""Offline codes: any digits at any time under any policy, against a slow reading of the rules."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from agent.core.offline_code import EPOCH_S, LAST_ERA, IssuerKey, Meaning, OfflineFormat, OfflineKind, issue
from agent.core.offline_policy import DECODES, Accepted, AcceptedKey, FirstUse, OfflineVerifier, Policy
from tests.core.ff1_by_the_book import decrypted
from tests.fuzz.target import Check, Draw, Target

NOON = 1_790_000_000
DEVICE = "9d5a1c30-0000-4000-8000-000000000001"
_KINDS = (OfflineKind.TIMED, OfflineKind.ONCE, OfflineKind.CANCEL)
MOST_TRIES = 12
_EDGES_S = (0, 0, 0, 0, 0, 3600, -3600, 86_400, -86_400, 2 * 86_400, 3 * 86_400)
_HOURS = (1, 2, 23, 24, 25, 71, 72, 73, 671, 672, 673, 696, 1000, 8784, 8808)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a lock is set up with, around the time `near_s`."""

    form: OfflineFormat
    first_use: FirstUse
    keys: tuple[AcceptedKey, ...]
    floors: Mapping[tuple[int, int], int]
    denied: frozenset[tuple[int, int, int, int]]
    near_s: float


@dataclass(frozen=True, slots=True)
class Try:
    """What is typed when."""

    digits: str
    now_s: float


def setup(draw: Draw) -> Setup:
    """A lock with up to three keys."""
    form = OfflineFormat(DEVICE, draw.of((10, 10, 9, 8)), draw.of((0, 0, 900, 1800, 2700)))
    first_use = FirstUse(draw.of((24, 1, 48, 72)), draw.of((300, 0, 1800)))
    near_s = NOON + (draw.number(4) - 2**31) // draw.of((1000, 10, 1))
    keys = {key.name: key for key in [_key(draw, form, near_s) for _ in range(draw.of((1, 2, 3, 0)))]}
    slot = form.slot_at(near_s)
    floors = {name: slot + draw.below(5) - 2 for name in keys if not draw.below(4)}
    denied = frozenset((*name, slot, draw.number(2) % 4096) for name in keys if draw.below(2))
    return Setup(form, first_use, tuple(keys.values()), floors, denied, near_s)


def tries(draw: Draw, given: Setup) -> Iterator[Try]:
    """Most of them are about a code that was really issued, near one of its ends."""
    for _ in range(MOST_TRIES):
        if not draw.is_left:
            return
        edge_s = draw.of(_EDGES_S) + draw.of((0, 0, 0.5, -1, 1, 300, -300, 1800, -1800))
        yield Try(_digits(draw, given), given.near_s + edge_s)


def _key(draw: Draw, form: OfflineFormat, now_s: float) -> AcceptedKey:
    policy = Policy(
        draw.of((4, 4, 4, 0, 1, 2)),
        draw.of((48, 48, 48, 0, 1, 5)),
        draw.of((8808, 8808, 8808, 8808, 0, 1, 24, 672, 700)),
        frozenset(range(24)) - frozenset({draw.below(25), draw.below(25)}),
        draw.below(4) > 0,
    )
    slot = form.slot_at(now_s)
    first, last = draw.of((*[(0, 2**40)] * 8, (slot, slot), (slot - 30, slot), (slot + 1, 2**40), (1, 0)))
    kid, issuer = draw.below(2), draw.below(3)
    return AcceptedKey(IssuerKey(kid, issuer, bytes([kid, issuer]) * 16), policy, max(0, first), max(0, last))


def _digits(draw: Draw, given: Setup) -> str:
    form = given.form
    typed = f"{draw.number(5) % 10**form.digits:0{form.digits}d}"
    if not given.keys or not draw.below(6):
        return typed[: draw.of((10, 4, 8, 9))]
    key, kind = draw.of(given.keys), draw.of(_KINDS)
    serial = draw.below(4 if kind is OfflineKind.TIMED else 48)
    start_s = given.near_s + draw.of((0, 0, 3600, -3600, -86_400))
    if start_s < EPOCH_S + form.phase_s or form.slot_at(start_s) // form.era_slots > LAST_ERA:
        return typed
    return issue(form, key.key, start_s, Meaning(kind, draw.of(_HOURS), serial))


def meaning_by_the_book(q: int) -> tuple[str, int, int] | None:
    """Kind, hours and serial by the table of the page: 4 x 1011 durations, 48 single uses, 3 for later, 1."""
    hours = [*range(1, 673), *range(29 * 24, 367 * 24 + 1, 24)]
    if q < 4 * len(hours):
        return "timed", hours[q % len(hours)], q // len(hours)
    if q < 4 * len(hours) + 48:
        return "once", 24, q - 4 * len(hours)
    return ("cancel", 24, 0) if q == 4095 else None


def accepted_by_the_book(given: Setup, tried: Try) -> set[tuple[int, int, int, int]]:
    """Every (kid, issuer, slot, q) that the digits are, and that may be used first now."""
    if len(tried.digits) != given.form.digits:
        return set()
    era_slots = 10**given.form.digits // 4096
    slot_now = int((tried.now_s - EPOCH_S - given.form.phase_s) // 3600)
    eras = {min(max((slot_now + ahead) // era_slots, 0), 255) for ahead in (1, -73, 0)}
    found = set()
    for key in given.keys:
        for era in eras:
            tweak = given.form.tweak(key.key.kid, key.key.issuer, era)
            number = int(decrypted(key.key.key, tweak, tried.digits))
            slot, q = era * era_slots + number // 4096, number % 4096
            if number // 4096 < era_slots and _may(given, tried.now_s, key, slot, q):
                found.add((*key.name, slot, q))
    return found


def _may(given: Setup, now_s: float, key: AcceptedKey, slot: int, q: int) -> bool:
    said, policy = meaning_by_the_book(q), key.policy
    if said is None or (*key.name, slot, q) in given.denied or slot < given.floors.get(key.name, 0):
        return False
    kind, hours, serial = said
    is_issued = {
        "timed": serial < policy.serials and hours <= policy.longest_h and slot % 24 in policy.start_hours,
        "once": serial < policy.once_serials,
        "cancel": policy.may_cancel,
    }[kind]
    start_s = EPOCH_S + given.form.phase_s + slot * 3600
    within_h = min(hours, given.first_use.within_h) if kind == "timed" else 24
    tolerance_s = given.first_use.tolerance_s
    is_time = start_s - tolerance_s <= now_s < start_s + within_h * 3600 + tolerance_s
    return is_issued and key.first_slot <= slot <= key.last_slot and is_time


def check(_: Path, verifier: Callable[..., OfflineVerifier] = OfflineVerifier) -> Check:
    """`verifier`: what is to be tried."""

    @lru_cache(256)  # a verifier takes some 20 ms to lay out
    def made(number: int) -> tuple[Setup, OfflineVerifier]:
        given = setup(Draw(random.Random(number).randbytes(110)))
        return given, verifier(
            given.form, given.first_use, given.keys, floors=given.floors, denied=given.denied
        )

    def one(data: bytes) -> None:
        draw = Draw(data)
        given, tried = made(draw.below(256))
        for each in tries(draw, given):
            tried.keep(each.now_s)
            before = tried.decodes
            said, expected = tried.look(each.digits, each.now_s), accepted_by_the_book(given, each)
            assert (said is None) == (not expected)
            if said is not None:
                assert (said.kid, said.issuer, said.payload.slot, said.payload.q) in expected
                assert _issued_again(given, said) == each.digits
            assert tried.decodes == before + DECODES

    return one


def _issued_again(given: Setup, said: Accepted) -> str:
    kind, hours, serial = meaning_by_the_book(said.payload.q) or ("", 0, 0)
    key = next(each.key for each in given.keys if each.name == (said.kid, said.issuer))
    meaning = Meaning(OfflineKind(kind), hours, serial)
    return issue(given.form, key, given.form.start_of(said.payload.slot), meaning)


def seeds() -> list[bytes]:
    """Any choices: most of them come to issued codes."""
    rng = random.Random(1)
    return [rng.randbytes(1 + 16 * MOST_TRIES) for _ in range(12)]


TARGET = Target(
    name="olc1",
    rules="of any digits at any time those and only those are taken that a policy allows to issue",
    check=check,
    seeds=seeds,
    quick=20,
)
