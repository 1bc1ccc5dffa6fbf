"""The keypads of a door: which way each lets people, and which light shows its answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from agent.errors import ConfigFault

Direction = Literal["in", "out"]
KEYS = ("direction", "indicator")
"""Keys of a keypad's table in the configuration that are not its driver's."""


@dataclass(frozen=True, slots=True)
class Keypad:
    """What is known of one keypad besides how it is wired."""

    direction: Direction | None = None
    """The way people go who type here; told with what becomes of their entries."""
    indicator: str | None = None
    """The device that shows its answers; None: all of them do."""


def is_keypad(driver: str) -> bool:
    """Whether devices with this driver are keypads."""
    return driver.endswith(("-keypad", "-matrix"))


def keypads(devices: Mapping[str, Mapping[str, Any]]) -> dict[str, Keypad]:
    """The keypads among `[devices.*]`. Raises ConfigFault that names the key."""
    lights = {name for name, table in devices.items() if str(table.get("driver")).endswith("-indicator")}
    return {
        name: _keypad(name, table, lights, devices)
        for name, table in devices.items()
        if is_keypad(str(table.get("driver")))
    }


def _keypad(
    name: str, table: Mapping[str, Any], lights: set[str], devices: Mapping[str, Mapping[str, Any]]
) -> Keypad:
    direction, indicator = table.get("direction"), table.get("indicator")
    if direction not in (None, *get_args(Direction)):
        raise ConfigFault(f"devices.{name}.direction: {direction!r} is neither 'in' nor 'out'")
    if indicator is not None and indicator not in lights:
        known = ", ".join(sorted(lights)) or "none"
        raise ConfigFault(
            f"devices.{name}.indicator: there is no indicator {indicator!r}; among the devices is {known}"
        )
    beside = _beside(table, lights, devices) if indicator is None and len(lights) > 1 else indicator
    if beside is None and len(lights) > 1:
        raise ConfigFault(
            f"devices.{name}: this door has several indicators; say which one shows the answers of this "
            f'keypad: indicator = "{min(lights)}"'
        )
    return Keypad(cast("Direction | None", direction), beside)


def _beside(
    table: Mapping[str, Any], lights: set[str], devices: Mapping[str, Mapping[str, Any]]
) -> str | None:
    """The one indicator on the same OSDP reader, if there is one."""
    reader = table.get("reader")
    found = [name for name in sorted(lights) if reader is not None and devices[name].get("reader") == reader]
    return found[0] if len(found) == 1 else None
