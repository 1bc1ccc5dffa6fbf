"""The examples load, and show every key there is with the default it really has."""

import tomllib
from typing import Any

import msgspec
import pytest

from agent.config import Config, driver_options, load_config
from hal.registry import DRIVERS, load
from tests.docs.pages import ROOT

PATH = ROOT / "agent" / "example.toml"
TEXT = PATH.read_text()
SHOWN: dict[str, Any] = tomllib.loads(TEXT)
OTHERS = [PATH.with_name("example-gpio.toml"), PATH.with_name("example-legacy.toml")]
TEXTS = "".join(path.read_text() for path in (PATH, *OTHERS))
DEVICES = [
    device for path in (PATH, *OTHERS) for device in tomllib.loads(path.read_text())["devices"].items()
]
AS_ANOTHER = {"gpio-maglock": "gpio-strike"}
"""Drivers with the keys of another one, which is shown."""
SECTIONS = [name for name in Config.__struct_fields__ if isinstance(getattr(Config(), name), msgspec.Struct)]
WITHOUT_DEFAULT = {"control_group", "root_secret_file", "root_secret_credential"}


def keys(kind: type[Any]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(kind)}


def test_the_examples_are_configurations() -> None:
    assert len(load_config(PATH).devices) == 8
    assert [len(load_config(path).devices) for path in OTHERS] == [7, 3]


def test_every_key_at_the_top_is_shown() -> None:
    missing = keys(Config) - set(SHOWN)
    assert [name for name in missing if f"# {name} = " not in TEXT] == []


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_of_a_section_is_shown_with_its_default(section: str) -> None:
    default = getattr(Config(), section)
    assert set(SHOWN[section]) == keys(type(default))
    assert getattr(load_config(PATH), section) == default


def test_what_is_shown_at_the_top_is_the_default() -> None:
    example, default = load_config(PATH), Config()
    single = set(Config.__struct_fields__) - set(SECTIONS) - {"lines", "readers", "devices"} - WITHOUT_DEFAULT
    assert {name: getattr(example, name) for name in single} == {
        name: getattr(default, name) for name in single
    }


@pytest.mark.parametrize("table", ["lines", "readers"])
def test_every_key_of_a_line_and_of_a_reader_is_shown(table: str) -> None:
    for name, section in getattr(load_config(PATH), table).items():
        assert set(SHOWN[table][name]) == keys(type(section))
        for field in msgspec.structs.fields(section):
            assert field.default in (msgspec.NODEFAULT, getattr(section, field.name))


def test_every_driver_is_shown_with_all_its_keys_and_their_defaults() -> None:
    assert {table["driver"] for _, table in DEVICES} == set(DRIVERS) - set(AS_ANOTHER)
    for name, table in DEVICES:
        driver, options = driver_options(name, table)
        missing = keys(load(driver).Options) - set(table)
        assert [key for key in missing if f"# {key} = " not in TEXTS] == []
        for field in msgspec.structs.fields(options):
            assert field.default in (msgspec.NODEFAULT, getattr(options, field.name))


@pytest.mark.parametrize(("driver", "shown"), AS_ANOTHER.items())
def test_a_driver_with_the_keys_of_another_is_named_beside_it(driver: str, shown: str) -> None:
    assert load(driver).Options is load(shown).Options
    assert f'driver = "{driver}"' in TEXTS
