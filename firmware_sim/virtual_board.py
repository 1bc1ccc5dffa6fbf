"""Two OSDP units and the door around them: what people do to them, and what can be seen of them."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from firmware_sim.wired_unit import INSIDE, OUTSIDE, WiredUnit
from hal.osdp import records, secure
from hal.osdp.indicator import SHOWS, Show

STRIKE_OUTPUT = 0
CONTACT_INPUT = 0
REX_INPUT = 1
BOLT_INPUT = 2
CONDITION_INPUTS = {"fire": 3, "mains_failed": 4, "battery_low": 5}
"""Their contacts are closed while all is well."""

_BOUNCE_S = 0.002
_BOUNCES = 4

_COLOURS = {
    records.BLACK: "off",
    records.RED: "red",
    records.GREEN: "green",
    records.AMBER: "amber",
    records.BLUE: "blue",
}


@dataclass(slots=True)
class StrikeSeen:
    """What the relay did, in seconds since boot at the moment it did it."""

    is_released: bool = False
    released_at_s: float | None = None
    locked_at_s: float | None = None
    releases: int = 0


def _forgotten(unit: str, scbk: bytes) -> bool:
    """A board without files: a unit keeps its key for as long as the board is there."""
    del unit, scbk
    return True


class VirtualBoard:
    """Outside: keypad, light, sounder. Inside: relay, contact, REX. Time is an argument; no I/O."""

    def __init__(
        self,
        outside_scbk: bytes,
        inside_scbk: bytes,
        aes: secure.Aes,
        random_bytes: Callable[[int], bytes],
        now: float,
        keep_key: Callable[[str, bytes], bool] = _forgotten,
    ) -> None:
        """`keep_key` writes the key that a unit (`outside`, `inside`) is given; False: it cannot."""
        self.outside = WiredUnit(OUTSIDE, outside_scbk, aes, random_bytes, partial(keep_key, "outside"))
        self.inside = WiredUnit(INSIDE, inside_scbk, aes, random_bytes, partial(keep_key, "inside"))
        self.units = {"outside": self.outside, "inside": self.inside}
        self.inside.contacts[REX_INPUT].is_closed = False
        self._chance = random.Random(now)
        self._jams = False
        self._strike = StrikeSeen()
        self._is_withdrawn = False
        self._is_open = False
        self._is_rex_pressed = False
        self._rex_until_s = 0.0
        self._fingers: deque[tuple[float, str]] = deque()
        """Keys that are queued at the keypad's controller, as if its matrix had found them."""
        self._contacts: deque[tuple[float, str, bool]] = deque()
        """Keys of the matrix that close and open."""
        self._keys_queued_at_s: float | None = None
        self._keys_discarded = 0
        self.step(now)

    def receive(self, data: bytes, now: float) -> bytes:
        """Bytes from the line reach both units; returns what they answer."""
        answer = b"".join([unit.receive(data, _milliseconds(now)) for unit in self.units.values()])
        self._look(now)
        return answer

    def step(self, now: float) -> None:
        """Let time pass: relays fall, fingers press the next key."""
        while self._contacts and self._contacts[0][0] <= now:
            _, key, is_down = self._contacts.popleft()
            self.outside.step(_milliseconds(now))
            self.outside.hold(key, is_down=is_down)
        for unit in self.units.values():
            unit.step(_milliseconds(now))
        while self._fingers and self._fingers[0][0] <= now:
            self._press(self._fingers.popleft()[1], now)
        if self._is_rex_pressed and now >= self._rex_until_s:
            self._set_rex(False, now)
        self._look(now)

    def due_s(self, now: float) -> float | None:
        """Seconds until `step` has something to do."""
        due = [unit_ms / 1000 for unit in self.units.values() if (unit_ms := unit.due_ms()) is not None]
        due += [at_s - now for at_s, _ in list(self._fingers)[:1]]
        due += [at_s - now for at_s, _, _ in list(self._contacts)[:1]]
        if self._is_rex_pressed:
            due.append(self._rex_until_s - now)
        return max(0.0, min(due)) if due else None

    def type_keys(self, keys: str, interval_s: float, now: float) -> int:
        """Press keys one after the other; returns how many the keypad took, or will be given later."""
        if not interval_s and not self._fingers:
            return sum([self._press(key, now) for key in keys])
        first_s = max([now, *(at_s + interval_s for at_s, _ in self._fingers)])
        self._fingers.extend((first_s + number * interval_s, key) for number, key in enumerate(keys))
        self.step(now)
        return len(keys)

    def press_keys(self, keys: str, for_s: float, pause_s: float, bounces: bool, now: float) -> None:
        """Press keys of the matrix one after the other, with contacts that bounce if `bounces`."""
        at_s = max([now, *(each[0] + pause_s for each in list(self._contacts)[-1:])])
        for key in keys:
            for is_down, lasting_s in ((True, for_s), (False, pause_s)):
                edges = 2 * self._chance.randint(1, _BOUNCES) if bounces else 0
                for edge in range(edges + 1):
                    self._contacts.append((at_s + edge * _BOUNCE_S, key, is_down is (edge % 2 == 0)))
                at_s += edges * _BOUNCE_S + lasting_s
        self.step(now)

    def hold(self, keys: str, now: float) -> None:
        """These keys of the matrix are down from now on, and no others: stuck, or a ghost's three."""
        for key in self.outside.held():
            self.outside.hold(key, is_down=False)
        for key in keys:
            self.outside.hold(key, is_down=True)
        self.step(now)

    def jam(self, *, jams: bool, now: float) -> None:
        """The strike's bolt stays where it is, whatever its relay does."""
        self._jams = jams
        self._look(now)

    def set_condition(self, name: str, *, is_on: bool, now: float) -> None:
        """One of `CONDITION_INPUTS` becomes so, or is so no more."""
        self.inside.contacts[CONDITION_INPUTS[name]].is_closed = not is_on
        self.step(now)

    def set_power(self, unit: str, *, is_on: bool, now: float) -> None:
        """Cut the power of a unit, or give it back."""
        self.units[unit].set_power(is_on=is_on)
        self.step(now)

    def forget_key(self, unit: str, now: float) -> None:
        """Reset a unit as its maker's tool does: it starts anew, without a key."""
        self.units[unit].forget_key()
        self.step(now)

    def move_door(self, is_open: bool, now: float) -> bool:
        """Open or close the door; True if that broke it open: it was closed and its bolt held it."""
        is_forced = is_open and not self._is_open and not self._is_withdrawn
        self._is_open = is_open
        self.inside.contacts[CONTACT_INPUT].is_closed = not is_open
        self.inside.step(_milliseconds(now))
        return is_forced

    def press_rex(self, for_s: float, now: float) -> None:
        """Press the button inside and let go after `for_s`."""
        self._rex_until_s = now + for_s
        self._set_rex(True, now)

    def tamper(self, unit: str, is_open: bool, now: float) -> None:
        """Open or close the case of a unit."""
        self.units[unit].case.is_closed = not is_open
        self.units[unit].step(_milliseconds(now))

    def state(self, now: float) -> dict[str, Any]:
        """All that can be seen, and no digits."""
        strike = self._strike
        return {
            "strike": {
                "released": strike.is_released,
                "released_at_s": strike.released_at_s,
                "locked_at_s": strike.locked_at_s,
                "releases": strike.releases,
            },
            "door": {"open": self._is_open},
            "rex": {"pressed": self._is_rex_pressed},
            "tamper": {name: not unit.case.is_closed for name, unit in self.units.items()},
            "power": {name: unit.is_powered for name, unit in self.units.items()},
            "jammed": self._jams,
            "bolt": {"withdrawn": self._is_withdrawn},
            "conditions": {
                name: not self.inside.contacts[number].is_closed for name, number in CONDITION_INPUTS.items()
            },
            "indicator": self._pattern(),
            "led": self._led(),
            "sounding": self.outside.peripheral.lights.is_sounding(),
            "keys_waiting": self.outside.peripheral.keys_waiting() + len(self._fingers),
            "keys_held": len(self.outside.held()),
            "keys_discarded": self._keys_discarded,
            "keys_queued_at_s": self._keys_queued_at_s,
            "link": {name: unit.peripheral.is_secure() for name, unit in self.units.items()},
            "now_s": now,
        }

    def _press(self, key: str, now: float) -> bool:
        is_taken = self.outside.peripheral.press(key)
        if is_taken:
            self._keys_queued_at_s = now
        else:
            self._keys_discarded += 1
        return is_taken

    def _set_rex(self, is_pressed: bool, now: float) -> None:
        self._is_rex_pressed = is_pressed
        self.inside.contacts[REX_INPUT].is_closed = is_pressed
        self.inside.step(_milliseconds(now))

    def _look(self, now: float) -> None:
        is_released = self.inside.is_powered and self.inside.peripheral.outputs.is_on(STRIKE_OUTPUT)
        if not self._jams and self._is_withdrawn is not is_released:
            self._is_withdrawn = is_released
            self.inside.contacts[BOLT_INPUT].is_closed = not is_released
            self.inside.step(_milliseconds(now))
        if is_released == self._strike.is_released:
            return
        self._strike.is_released = is_released
        if is_released:
            self._strike.released_at_s = now
            self._strike.releases += 1
        else:
            self._strike.locked_at_s = now

    def _led(self) -> dict[str, Any]:
        lights = self.outside.peripheral.lights
        shown = lights.shown()
        return {
            "colour": _COLOURS.get(shown.on, "other"),
            "blinks_with": _COLOURS.get(shown.off, "other") if shown.blinks() else None,
            "momentary": lights.is_momentary(),
        }

    def _pattern(self) -> str:
        """The pattern that looks like this, or "none" for a light that no pattern has."""
        lights = self.outside.peripheral.lights
        for pattern, show in SHOWS.items():
            if _looks_like(show, lights.shown(), lights.is_momentary()):
                return pattern.value
        return "none"


def _looks_like(show: Show, light: records.Light, is_momentary: bool) -> bool:
    if bool(show.momentary_tenths) != is_momentary or show.light.blinks() != light.blinks():
        return False
    return show.light.on == light.on and (show.light.off == light.off or not light.blinks())


def _milliseconds(now: float) -> int:
    return int(now * 1000)
