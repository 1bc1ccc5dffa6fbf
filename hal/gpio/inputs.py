"""One input pin: which way it stands, once it has stood so for a while."""

from collections.abc import Callable
from typing import Literal

from gpiozero import DigitalInputDevice

from hal.gpio.pins import claiming
from hal.gpio.poller import POLLER, Polled
from hal.ports import Device, Post

Pull = Literal["up", "down", "none"]
"""The resistor of the chip at an input; none: there is one on the board."""
Level = Literal["high", "low"]

_PULL_UP = {"up": True, "down": False, "none": None}


class Input(Polled):
    """Calls `changed(before, is_high)` on the pins' thread; `before` is None when it was not known."""

    def __init__(
        self,
        name: str,
        pin: int,
        pull: Pull,
        steady_ms: int,
        post: Post,
        changed: Callable[[bool | None, bool], None],
    ) -> None:
        """`steady_ms`: a level counts once it has lasted this long."""
        with claiming(name):
            floating = {"active_state": True} if pull == "none" else {}
            self._device = DigitalInputDevice(pin, pull_up=_PULL_UP[pull], **floating)
        self._name = name
        self._post = post
        self._steady_s = steady_ms / 1000
        self._changed = changed
        self._is_high: bool | None = None
        self._seen: bool | None = None
        self._since_s = 0.0

    def start(self) -> None:
        """Begin to look."""
        POLLER.add(self._name, self, self._post)

    def close(self) -> None:
        """Look no more. May be called twice; gpiozero gives the pin back when the process ends."""
        POLLER.remove(self._name)

    def poll(self, now_s: float) -> bool:
        """See `Polled`."""
        is_high = bool(self._device.pin.state)
        if is_high is not self._seen:
            self._seen, self._since_s = is_high, now_s
        if is_high is not self._is_high and now_s - self._since_s >= self._steady_s:
            before, self._is_high = self._is_high, is_high
            self._changed(before, is_high)
        return self._is_high is not None


class InputDevice(Device):
    """A device that is one input: whoever derives from it makes `_input`."""

    _input: Input

    def start(self) -> None:
        """See `Device`."""
        self._input.start()

    def close(self) -> None:
        """See `Device`."""
        self._input.close()
