"""agent/example.toml loads, and shows every key there is with the default it really has."""

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
SECTIONS = [name for name in Config.__struct_fields__ if isinstance(getattr(Config(), name), msgspec.Struct)]
WITHOUT_DEFAULT = {"control_group", "root_secret_file", "root_secret_credential"}


def keys(kind: type[Any]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(kind)}


def test_the_example_is_a_configuration() -> None:
    assert len(load_config(PATH).devices) == 7


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
    assert {table["driver"] for table in SHOWN["devices"].values()} == set(DRIVERS)
    for name, table in SHOWN["devices"].items():
        driver, options = driver_options(name, table)
        assert set(table) == {"driver", *keys(load(driver).Options)}
        for field in msgspec.structs.fields(options):
            assert field.default in (msgspec.NODEFAULT, getattr(options, field.name))
