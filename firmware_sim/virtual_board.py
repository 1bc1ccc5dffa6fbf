"""Two OSDP units and the door around them: what people do to them, and what can be seen of them."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firmware_sim.controller.peripheral import Peripheral
from hal.osdp import records, secure
from hal.osdp.indicator import SHOWS, Show

STRIKE_OUTPUT = 0
CONTACT_INPUT = 0
REX_INPUT = 1
OUTSIDE_ADDRESS = 0
INSIDE_ADDRESS = 1

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


class VirtualBoard:
    """Outside: keypad, light, sounder. Inside: relay, contact, REX. Time is an argument; no I/O."""

    def __init__(
        self,
        outside_scbk: bytes,
        inside_scbk: bytes,
        aes: secure.Aes,
        random_bytes: Callable[[int], bytes],
        now: float,
    ) -> None:
        self.outside = Peripheral(OUTSIDE_ADDRESS, outside_scbk, aes, random_bytes)
        self.inside = Peripheral(INSIDE_ADDRESS, inside_scbk, aes, random_bytes, outputs=1, inputs=2)
        self.units = {"outside": self.outside, "inside": self.inside}
        self._tampered = dict.fromkeys(self.units, False)
        self._strike = StrikeSeen()
        self._is_open = False
        self._is_rex_pressed = False
        self._rex_until_s = 0.0
        self._fingers: deque[tuple[float, str]] = deque()
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
        for unit in self.units.values():
            unit.step(_milliseconds(now))
        while self._fingers and self._fingers[0][0] <= now:
            self._press(self._fingers.popleft()[1], now)
        if self._is_rex_pressed and now >= self._rex_until_s:
            self._set_rex(False)
        self._look(now)

    def due_s(self, now: float) -> float | None:
        """Seconds until `step` has something to do."""
        due = [unit_ms / 1000 for unit in self.units.values() if (unit_ms := unit.due_ms()) is not None]
        due += [at_s - now for at_s, _ in list(self._fingers)[:1]]
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

    def move_door(self, is_open: bool) -> bool:
        """Open or close the door; True if that broke it open: it was closed and locked."""
        is_forced = is_open and not self._is_open and not self._strike.is_released
        self._is_open = is_open
        self.inside.set_input(CONTACT_INPUT, is_open)
        return is_forced

    def press_rex(self, for_s: float, now: float) -> None:
        """Press the button inside and let go after `for_s`."""
        self._rex_until_s = now + for_s
        self._set_rex(True)

    def tamper(self, unit: str, is_open: bool) -> None:
        """Open or close the case of a unit."""
        self._tampered[unit] = is_open
        self.units[unit].set_tampered(is_open)

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
            "tamper": dict(self._tampered),
            "indicator": self._pattern(),
            "led": self._led(),
            "sounding": self.outside.lights.is_sounding(),
            "keys_waiting": self.outside.keys_waiting() + len(self._fingers),
            "keys_discarded": self._keys_discarded,
            "keys_queued_at_s": self._keys_queued_at_s,
            "link": {name: unit.is_secure() for name, unit in self.units.items()},
            "now_s": now,
        }

    def _press(self, key: str, now: float) -> bool:
        is_taken = self.outside.press(key)
        if is_taken:
            self._keys_queued_at_s = now
        else:
            self._keys_discarded += 1
        return is_taken

    def _set_rex(self, is_pressed: bool) -> None:
        self._is_rex_pressed = is_pressed
        self.inside.set_input(REX_INPUT, is_pressed)

    def _look(self, now: float) -> None:
        is_released = self.inside.outputs.is_on(STRIKE_OUTPUT)
        if is_released == self._strike.is_released:
            return
        self._strike.is_released = is_released
        if is_released:
            self._strike.released_at_s = now
            self._strike.releases += 1
        else:
            self._strike.locked_at_s = now

    def _led(self) -> dict[str, Any]:
        lights = self.outside.lights
        shown = lights.shown()
        return {
            "colour": _COLOURS.get(shown.on, "other"),
            "blinks_with": _COLOURS.get(shown.off, "other") if shown.blinks() else None,
            "momentary": lights.is_momentary(),
        }

    def _pattern(self) -> str:
        """The pattern that looks like this, or "none" for a light that no pattern has."""
        lights = self.outside.lights
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
