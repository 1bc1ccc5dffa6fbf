"""Every driver there is: its name in the configuration, and where its class is."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from hal.osdp.line import Line
from hal.ports import Device, Post

DRIVERS: dict[str, str] = {
    "osdp-keypad": "hal.osdp.keypad:OsdpKeypad",
    "osdp-strike": "hal.osdp.strike:OsdpStrike",
    "osdp-contact": "hal.osdp.contact:OsdpContact",
    "osdp-rex": "hal.osdp.rex:OsdpRex",
    "osdp-tamper": "hal.osdp.tamper:OsdpTamper",
    "osdp-input": "hal.osdp.condition:OsdpCondition",
    "osdp-indicator": "hal.osdp.indicator:OsdpIndicator",
    "gpio-matrix": "hal.gpio.matrix:GpioMatrix",
    "gpio-strike": "hal.gpio.strike:GpioStrike",
    "gpio-maglock": "hal.gpio.strike:GpioMaglock",
    "gpio-contact": "hal.gpio.contact:GpioContact",
    "gpio-rex": "hal.gpio.rex:GpioRex",
    "gpio-tamper": "hal.gpio.tamper:GpioTamper",
    "gpio-input": "hal.gpio.condition:GpioCondition",
    "gpio-indicator": "hal.gpio.indicator:GpioIndicator",
    "wiegand-keypad": "hal.gpio.wiegand:WiegandKeypad",
    "ascii-keypad": "hal.ascii_keypad:AsciiKeypad",
}


class Driver(Protocol):
    """A driver class: its options, and how one is made. `lines` maps a reader's name to its line."""

    Options: type[Any]

    def __call__(self, name: str, options: Any, lines: Mapping[str, Line], post: Post) -> Device:
        """Make the device `name`. Wrong options raise `ValueError` with what to mend."""


class UnknownDriver(Exception):
    """The configuration names a driver that does not exist."""


def load(name: str) -> Driver:
    """The driver class called `name`; imports its module on first use."""
    if name not in DRIVERS:
        raise UnknownDriver(f"there is no driver {name!r}; known drivers are {', '.join(sorted(DRIVERS))}")
    module, _, attribute = DRIVERS[name].partition(":")
    return cast(Driver, getattr(import_module(module), attribute))
