"""A door and whoever types at it: any keys at any keypad at any time, against the rules on a page."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agent.core.throttle import LengthClass
from firmware_sim.site import Site, code_row
from hal.ports import DoorMoved, KeyPressed, KeysLost, RexPressed, Signal
from tests.fuzz.doors import Doors
from tests.fuzz.target import Check, Draw, Target

CODES = {"493817": None, "2580": None, "90210": 1, "8675309": 2}
"""Digits and how often they may be used."""
ROWS = [
    code_row(
        f"{place:08x}-0000-4000-8000-000000000000", digits, **({} if uses is None else {"max_uses": uses})
    )
    for place, (digits, uses) in enumerate(CODES.items())
]
KEYPADS = ("outside", "inside", "side")
WAITS_S = (0.1, 1.0, 9.9, 10.0, 10.1, 60.0, 899.0, 900.0, 3600.0)
MOST_ACTS = 60
TIMEOUT_S = 10.0
CAPACITY = 5.0


@dataclass(slots=True)
class Typed:
    """What stands at one keypad."""

    digits: str = ""
    since_s: float = 0.0
    is_void: bool = False
    is_begun: bool = False


@dataclass(slots=True)
class Book:
    """The rules on a page: what opens, and what it costs."""

    now_s: float
    keypads: dict[str, Typed] = field(default_factory=lambda: {name: Typed() for name in KEYPADS})
    tokens: dict[LengthClass, float] = field(default_factory=lambda: dict.fromkeys(LengthClass, CAPACITY))
    at_s: float = 0.0
    uses: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CODES, 0))

    def press(self, keypad: str, key: str, now_s: float, refill_s: dict[LengthClass, float]) -> bool:
        """Whether this key opens."""
        typed = self._typed(keypad, now_s)
        if key in "*#":
            self.keypads[keypad] = Typed()
            return key == "#" and self._entered(typed, now_s, refill_s)
        is_void = typed.is_void or len(typed.digits) == 10
        self.keypads[keypad] = Typed("" if is_void else typed.digits + key, now_s, is_void, True)
        return False

    def lose(self, keypad: str, now_s: float) -> None:
        """Keys may be missing."""
        if self._typed(keypad, now_s).is_begun:
            self.keypads[keypad] = Typed("", now_s, True, True)

    def _typed(self, keypad: str, now_s: float) -> Typed:
        typed = self.keypads[keypad]
        return Typed() if typed.is_begun and now_s >= typed.since_s + TIMEOUT_S else typed

    def _entered(self, typed: Typed, now_s: float, refill_s: dict[LengthClass, float]) -> bool:
        if typed.is_void or not 4 <= len(typed.digits) <= 10:
            return False
        budget = LengthClass.SHORT if len(typed.digits) <= 8 else LengthClass.LONG
        for each in LengthClass:
            self.tokens[each] = min(CAPACITY, self.tokens[each] + (now_s - self.at_s) / refill_s[each])
        self.at_s = now_s
        if self.tokens[budget] < 1.0:
            return False
        limit = CODES.get(typed.digits, 0)
        is_right = limit is None or self.uses.get(typed.digits, 0) < limit
        if is_right:
            self.uses[typed.digits] += 1
        else:
            self.tokens[budget] -= 1.0
        return is_right


def unchanged(_: Site) -> None:
    """The door as it is."""


def check(directory: Path, weaken: Callable[[Site], None] = unchanged) -> Check:
    """`weaken`: makes of a door what is to be tried."""
    doors = Doors(directory, prepare=lambda site: site.install(*ROWS))

    def one(data: bytes) -> None:
        draw = Draw(data)
        with doors.door() as site:
            weaken(site)
            book = Book(site.clock.now_s, at_s=site.clock.now_s)
            for _ in range(MOST_ACTS):
                if not draw.is_left:
                    break
                _act(site, book, draw)
            assert not site.controller.recorder.is_failing
            told = doors.told(site)
            assert not any(digits in told for digits in CODES if len(digits) > 5), "digits in log or journal"
            granted = len(site.journal("access_granted"))
            assert granted == sum(book.uses.values()), "an opening is not in the journal"

    return one


def _act(site: Site, book: Book, draw: Draw) -> None:
    keypad = draw.of(KEYPADS)
    match draw.below(16):
        case 0:
            site.wait(draw.of(WAITS_S))
        case 1:
            site.say(KeysLost(keypad))
            book.lose(keypad, site.clock.now_s)
        case 2:
            signals: tuple[Signal, ...] = (DoorMoved(True), DoorMoved(False), RexPressed())
            site.say(draw.of(signals))
        case 3 | 4 | 5:
            _type(site, book, keypad, draw.of("0123456789*#*#"))
        case 6 | 7:
            _type(site, book, keypad, f"{draw.number(4) % 10 ** draw.of((4, 5, 6, 8, 9, 10)):04}#")
        case _:
            _type(site, book, keypad, draw.of(tuple(CODES)) + draw.of(("#", "#", "#", "", "0#", "*#")))


def _type(site: Site, book: Book, keypad: str, keys: str) -> None:
    for key in keys:
        refill_s = {each: site.controller.guesses.risks[each].refill_s for each in LengthClass}
        before = site.strike.releases
        site.say(KeyPressed(keypad, key))
        expected = book.press(keypad, key, site.clock.now_s, refill_s)
        assert site.strike.releases - before == expected, (
            f"opened {site.strike.releases - before}, not {expected}"
        )


def seeds() -> list[bytes]:
    """Some of everything."""
    right = bytes([0, 8, 0, 0])
    wrong = bytes([0, 6, 0, 0, 0, 9, 0])
    used_up = bytes([1, 9, 2, 0, 1, 9, 2, 0])
    cut = bytes([0, 8, 0, 3, 0, 0, 4, 0, 3, 11])
    lost = bytes([2, 8, 1, 3, 2, 1, 2, 3, 11])
    shut_out = wrong * 6 + right + bytes([0, 0, 7]) + right
    return [right, wrong, used_up, cut, lost, shut_out, right + bytes([0, 2, 0, 0, 2, 1]) + right, b""]


TARGET = Target(
    name="entry",
    rules="a right code that is whole, in time and within the guesses opens once, and nothing else does",
    check=check,
    seeds=seeds,
    quick=12,
)
