"""A strike or a magnet on a GPIO pin: a thread of its own ends each release, whatever the agent is doing.

What the pin does once the process is gone is decided by the wiring (docs/wiring-gpio.md): a resistor at the
driver's input keeps the door safe until the next start.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import msgspec
from gpiozero import OutputDevice

from hal.gpio.pins import Pin, claiming
from hal.osdp.line import Line
from hal.ports import LinkChanged, Post, Strike, StrikeFailed

WITHIN_S = 1.0
"""A release that comes later than this after it was asked for never happens."""
SHORTEST_S = 0.1
CEILING_S = 60.0
_END_WITHIN_S = 2.0

_log = logging.getLogger(__name__)


class StrikeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "gpio-strike"` or `"gpio-maglock"`."""

    pin: Pin


@dataclass(frozen=True, slots=True)
class _Wish:
    """Until when the door shall be released; `at_s` or earlier: not at all. Both by the monotonic clock."""

    at_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class _End:
    """Leave the door locked, and end the thread."""


class GpioStrike(Strike):
    """A fail-secure strike: power releases it. The driver of the coil is switched on by a high pin."""

    Options = StrikeOptions
    high_when_released = True

    def __init__(self, name: str, options: StrikeOptions, lines: Mapping[str, Line], post: Post) -> None:
        del lines
        self._name = name
        self._post = post
        with claiming(name):
            self._output = OutputDevice(options.pin, initial_value=not self.high_when_released)
        self._wishes: SimpleQueue[_Wish | _End] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """See `Device`."""
        if self._thread is None:
            self._wishes = SimpleQueue()  # what was asked for before is not for now
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Lock. The pin is driven until the process ends, so that it does not float."""
        if self._thread is not None:
            self._wishes.put(_End())
            self._thread.join(_END_WITHIN_S)
            self._thread = None

    def unlock(self, for_s: float) -> None:
        """See `Strike`."""
        now_s = time.monotonic()
        self._wishes.put(_Wish(now_s, now_s + min(max(for_s, SHORTEST_S), CEILING_S)))

    def lock(self) -> None:
        """See `Strike`."""
        now_s = time.monotonic()
        self._wishes.put(_Wish(now_s, now_s))

    def _run(self) -> None:
        self._set(is_released=False)
        self._post(LinkChanged(self._name, True, "its pin is driven"))
        until_s: float | None = None
        while True:
            wish = self._next(until_s)
            if isinstance(wish, _End):
                self._set(is_released=False)
                return
            until_s = self._obey(wish)

    def _next(self, until_s: float | None) -> _Wish | _End | None:
        """The next wish, or None once it is time to lock."""
        try:
            return self._wishes.get(timeout=None if until_s is None else max(0.0, until_s - time.monotonic()))
        except Empty:
            return None

    def _obey(self, wish: _Wish | None) -> float | None:
        """Set the pin; returns when to lock."""
        now_s = time.monotonic()
        if wish is None or wish.until_s <= wish.at_s:
            self._set(is_released=False)
            return None
        if now_s - wish.at_s > WITHIN_S:
            self._set(is_released=False)
            self._post(StrikeFailed("the release came too late, and did not happen"))
            return None
        return wish.until_s if self._set(is_released=True) else None

    def _set(self, *, is_released: bool) -> bool:
        try:
            self._output.value = is_released == self.high_when_released
        except Exception as error:  # noqa: BLE001 - of whatever library drives the pin; the thread must live
            _log.error("the pin of %s cannot be driven: %s", self._name, error)
            self._post(StrikeFailed(f"its pin cannot be driven: {type(error).__name__}"))
            return False
        return True


class GpioMaglock(GpioStrike):
    """A fail-safe magnet: power holds the door. Whoever leaves must be able to cut that power himself."""

    high_when_released = False
