"""docs/architecture.md names only what exists."""

import importlib
import re
from functools import reduce

import pytest

from tests.docs.pages import ROOT, page

NAMED = sorted(set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)*:[A-Za-z_.]+)`", page("architecture.md"))))


def test_the_trace_is_long_enough_to_be_one() -> None:
    assert len(NAMED) > 50


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_exists(name: str) -> None:
    module, _, qualified = name.partition(":")
    found = reduce(getattr, qualified.split("."), importlib.import_module(module))
    assert callable(found)


def test_the_trace_goes_from_the_keypad_to_the_journal_of_the_cloud_in_order() -> None:
    trace = page("architecture.md").partition("## One key press")[2].partition("\n## ")[0]
    stations = [
        "Peripheral.press",
        "OsdpKeypad._heard",
        "Entries.key_pressed",
        "Store.debit",
        "decision:decide",
        "Store.record_grant",
        "OsdpStrike.unlock",
        "Signer.sign",
        "Fleet.received",
        "cloud_sim.journal:store",
    ]
    places = [trace.index(station) for station in stations]
    assert places == sorted(places)


def test_the_folders_of_the_page_exist() -> None:
    table = page("architecture.md").partition("## Folders")[2].partition("\n## ")[0]
    folders = re.findall(r"^\| `([a-z_/]+)/` \|", table, re.MULTILINE)
    assert len(folders) == 6
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []
