"""The pins of this computer: one factory for the process, openly chosen; gpiozero falls back silently."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Annotated

import msgspec
from gpiozero import Device
from gpiozero.exc import GPIOZeroError

Pin = Annotated[int, msgspec.Meta(ge=0, le=63)]
"""A GPIO pin by its number at the chip (BCM)."""

USUAL = "lgpio"
_GROUP = "gpiozero_pin_factories"


@contextmanager
def claiming(name: str) -> Iterator[None]:
    """Make gpiozero devices for the device `name` inside. Raises ValueError with what to mend."""
    take_factory()
    try:
        yield
    except GPIOZeroError as error:
        raise ValueError(f"device {name}: {error or type(error).__name__}") from None


def take_factory() -> None:
    """Choose where pins come from, once: `GPIOZERO_PIN_FACTORY`, else lgpio. Raises ValueError with what to
    mend. A factory that was chosen before, as tests do, stays."""
    if Device.pin_factory is not None:
        return
    name = os.environ.get("GPIOZERO_PIN_FACTORY", USUAL)
    found = [entry for entry in entry_points(group=_GROUP) if entry.name == name]
    if not found:
        raise ValueError(f"GPIOZERO_PIN_FACTORY is {name!r}, and gpiozero has no pins of that kind")
    try:
        Device.pin_factory = found[0].load()()
    except ImportError as error:
        raise ValueError(
            f"pins by {name} need a library: install '.[pi]', as in docs/install.md ({error})"
        ) from None
    except Exception as error:  # noqa: BLE001 - the libraries of pins raise what they like, without a base
        raise ValueError(
            f"no pins by {name} here ({type(error).__name__}: {error}); is this a Raspberry Pi, and may the "
            "group gpio open its gpiochip?"
        ) from None
