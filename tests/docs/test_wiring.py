"""The picture of docs/wiring-gpio.md shows the pins of agent/example-gpio.toml."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from tests.docs.pages import ROOT, page


def pins(value: Any, key: str = "") -> Iterator[int]:
    """Every number of a device that names a pin."""
    match value:
        case dict():
            for name, each in value.items():
                yield from pins(each, name)
        case list():
            for each in value:
                yield from pins(each, key)
        case int() if not isinstance(value, bool) and not re.search(r"_(s|ms|us|hz)$", key):
            yield value


def test_the_picture_shows_the_pins_of_the_example() -> None:
    devices = tomllib.loads((ROOT / "agent" / "example-gpio.toml").read_text())["devices"]
    texts = re.findall(r">([0-9 ]+)</text>", page("wiring-gpio.svg"))
    shown = [int(number) for text in texts for number in text.split()]
    assert sorted(shown) == sorted(pins(devices))
