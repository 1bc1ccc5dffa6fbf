"""What holds for every driver in the registry, now and later."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware_sim.wired_pins import wired
from hal.osdp.line import Line, Reader
from hal.ports import Device, Indicator, Pattern, Strike
from hal.registry import DRIVERS, UnknownDriver, load
from tests.hal.board_process import OPTIONS as OSDP

GPIO: dict[str, dict[str, Any]] = {
    "gpio-matrix": {"rows": (5, 6, 13, 19), "columns": (12, 16, 20)},
    "gpio-indicator": {"red": 23, "green": 24},
    "gpio-strike": {"pin": 26},
    "gpio-maglock": {"pin": 26},
    "gpio-contact": {"pin": 17},
    "gpio-rex": {"pin": 27},
    "gpio-tamper": {"pin": 22},
    "gpio-input": {"pin": 4, "means": "bolt_withdrawn"},
    "wiegand-keypad": {"data0": 14, "data1": 15},
}
OPTIONS = OSDP | GPIO | {"ascii-keypad": {"port": "/dev/nothing"}}


@pytest.fixture(autouse=True)
def _pins() -> Iterator[None]:
    with wired():
        yield


def made(driver: str, tmp_path: Path, options: dict[str, Any]) -> Device:
    """A device of this driver on a line whose port does not exist."""
    readers = [Reader("outside", 0, bytes(16)), Reader("inside", 1, bytes(range(16)))]
    line = Line(str(tmp_path / "none"), 115200, 0.02, readers, lambda _: None)
    kind = load(driver)
    return kind("it", kind.Options(**options), {"outside": line, "inside": line}, lambda _: None)


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_driver_has_options_that_refuse_unknown_keys(driver: str) -> None:
    options = {**OPTIONS[driver], "colour": "pink"}
    with pytest.raises(msgspec.ValidationError, match="colour"):
        msgspec.convert(options, load(driver).Options)


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_driver_starts_and_closes_twice(driver: str, tmp_path: Path) -> None:
    device = made(driver, tmp_path, OPTIONS[driver])
    for _ in range(2):
        device.start()
        device.close()
        device.close()


@pytest.mark.parametrize("driver", DRIVERS)
def test_no_output_raises_or_blocks_before_its_start_or_after_its_end(driver: str, tmp_path: Path) -> None:
    device = made(driver, tmp_path, OPTIONS[driver])
    for act in (device.close, device.start, device.close):
        act()
        if isinstance(device, Strike):
            device.lock()
            device.unlock(5)
        if isinstance(device, Indicator):
            device.show(Pattern.DENIED)
    device.close()


@pytest.mark.parametrize("driver", OSDP)
def test_every_driver_on_an_unknown_reader_names_the_known_ones(driver: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside, outside"):
        made(driver, tmp_path, {**OPTIONS[driver], "reader": "attic"})


def test_an_unknown_driver_is_refused_with_the_known_names() -> None:
    with pytest.raises(UnknownDriver, match="osdp-keypad"):
        load("osdp-cat-flap")
