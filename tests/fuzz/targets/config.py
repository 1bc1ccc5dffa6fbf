"""Configuration files: read whole, or refused with words that name the file."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import agent
from agent.config import Config, driver_options, load_config
from agent.errors import ConfigFault
from tests.fuzz.target import Check, Target

EXAMPLES = sorted(Path(agent.__file__).parent.glob("example*.toml"))


def check(directory: Path, load: Callable[[Path], Config] = load_config) -> Check:
    """`load`: what is to be tried."""
    path = directory / "lock-agent.toml"

    def one(data: bytes) -> None:
        path.write_bytes(_toml(data))
        try:
            config = load(path)
        except ConfigFault as fault:
            assert str(path) in str(fault), "a refusal names the file"
            assert len(str(fault)) > len(str(path)) + 3, "a refusal says what is wrong"
            return
        _is_usable(config)

    return one


def _toml(data: bytes) -> bytes:
    """The input, which is a file, or in JSON what stands in one: changes of that are still TOML."""
    if data[:1] != b"{":
        return data
    try:
        document = json.loads(data)
        return "\n".join(
            f"{json.dumps(name)} = {_written(value)}" for name, value in document.items()
        ).encode()
    except (ValueError, RecursionError):
        return data


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_written(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, float):
        return str(value)
    return '""' if value is None else json.dumps(value)


def _is_usable(config: Config) -> None:
    """What the agent relies on once a file was taken."""
    drivers = [driver_options(name, table)[0] for name, table in config.devices.items()]
    assert sum(driver.endswith(("-strike", "-maglock")) for driver in drivers) == 1
    assert any(driver.endswith(("-keypad", "-matrix")) for driver in drivers)
    assert (config.root_secret_file is None) != (config.root_secret_credential is None)
    assert 0 < config.throttle.risk_per_year <= 1
    assert 0.1 <= config.door.release_s <= 60
    assert all(reader.line in config.lines for reader in config.readers.values())
    config.modes.schedule()


def seeds() -> list[bytes]:
    """The examples, whole and without their comments, and pieces of them."""
    texts = [path.read_text() for path in EXAMPLES]
    bare = ["\n".join(line for line in text.splitlines() if line and line[0] != "#") for text in texts]
    hours = '{days = [1, 2], from = "08:00", to = "18:00", mode = "passage"}'
    modes = f'[modes]\nzone = "Europe/Berlin"\nweekly = [{hours}]\n'
    documents = [json.dumps(tomllib.loads(text)).encode() for text in texts]
    return [
        *documents,
        *(text.encode() for text in (*texts, *bare)),
        (bare[0] + "\n" + modes).encode(),
        modes.encode(),
    ]


TARGET = Target(
    name="config",
    rules="a file is taken whole, and can be used, or is refused in words that name it",
    check=check,
    seeds=seeds,
    quick=200,
)
