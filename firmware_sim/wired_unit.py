"""A unit of the virtual board: the firmware's own source, on pins that are wired to keys and contacts."""

from collections.abc import Callable, Mapping
from typing import Any

from firmware_sim.controller.peripheral import Peripheral
from firmware_sim.controller.unit import Unit
from firmware_sim.nets import Machine, Nets
from hal.osdp import secure

OUTSIDE: Mapping[str, Any] = {
    "address": 0,
    "keypad": {"rows": [7, 8, 9, 10], "columns": [11, 12, 13], "layout": ["123", "456", "789", "*0#"]},
    "lamps": [16, 17, 18],
    "sounder": 19,
    "tamper": {"pin": 22, "active": "high", "steady_ms": 0},
}
INSIDE: Mapping[str, Any] = {
    "address": 1,
    "relays": [26],
    "inputs": [
        {"pin": 20, "active": "high", "steady_ms": 0},
        {"pin": 21, "active": "low", "steady_ms": 0},
        {"pin": 14, "active": "high", "steady_ms": 0},
        {"pin": 15, "active": "high", "steady_ms": 0},
        {"pin": 27, "active": "high", "steady_ms": 0},
        {"pin": 28, "active": "high", "steady_ms": 0},
    ],
    "tamper": {"pin": 22, "active": "high", "steady_ms": 0},
}
"""What `unit.json` is on a microcontroller. Contacts do not bounce here, so they count at once."""


class WiredUnit:
    """One unit and what it is wired to. It can be without power: then it hears nothing and drives nothing."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        scbk: bytes | None,
        aes: secure.Aes,
        random_bytes: Callable[[int], bytes],
        keep_key: Callable[[bytes], bool],
    ) -> None:
        """`keep_key` writes a key that it is given where it finds it again; see `Peripheral`."""
        self._settings = dict(settings)
        self._scbk = scbk
        self._aes = aes
        self._random_bytes = random_bytes
        self._write_key = keep_key
        self._nets = Nets()
        self.case = self._nets.switch(settings["tamper"]["pin"], is_closed=True)
        self.contacts = [self._nets.switch(one["pin"], is_closed=True) for one in settings.get("inputs", [])]
        self._switches = {key: self._nets.switch(*ends) for key, ends in _crossings(settings).items()}
        self._unit: Unit | None = None
        self.set_power(is_on=True)

    @property
    def is_powered(self) -> bool:
        """Whether the firmware runs."""
        return self._unit is not None

    @property
    def peripheral(self) -> Peripheral:
        """What the unit is at the line; without power one that knows nothing yet."""
        return self._unit.peripheral if self._unit else self._without_power

    def set_power(self, *, is_on: bool) -> None:
        """Cut the power, or give it back: the firmware starts anew."""
        fresh = Unit(
            Machine(self._nets),
            dict(self._settings),
            self._scbk,
            self._aes,
            self._random_bytes,
            self._keep_key,
            self._keep_place,
        )
        self._without_power = fresh.peripheral
        self._unit = fresh if is_on else None

    def forget_key(self) -> None:
        """What its maker's reset does: it has no key any more."""
        self._scbk = None
        self.set_power(is_on=True)

    def _keep_key(self, scbk: bytes) -> bool:
        is_kept = self._write_key(scbk)
        self._scbk = scbk if is_kept else self._scbk
        return is_kept

    def _keep_place(self, address: int, baud: int) -> bool:
        del baud  # a pseudo-terminal has none
        self._settings["address"] = address
        return True

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Bytes from the line; returns what to answer."""
        return self._unit.receive(data, now_ms) if self._unit else b""

    def step(self, now_ms: int) -> None:
        """Let time pass."""
        if self._unit:
            self._unit.step(now_ms)

    def due_ms(self) -> int | None:
        """Milliseconds until `step` has something to do."""
        return self._unit.due_ms() if self._unit else None

    def hold(self, key: str, *, is_down: bool) -> None:
        """Press a key of the matrix, or let it go: `step` sees it."""
        self._switches[key].is_closed = is_down

    def held(self) -> str:
        """The keys that are down."""
        return "".join(key for key, switch in self._switches.items() if switch.is_closed)


def _crossings(settings: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Which pins each key joins."""
    keypad = settings.get("keypad", {"rows": [], "columns": [], "layout": []})
    return {
        key: (row, column)
        for row, keys in zip(keypad["rows"], keypad["layout"], strict=True)
        for column, key in zip(keypad["columns"], keys, strict=True)
    }
