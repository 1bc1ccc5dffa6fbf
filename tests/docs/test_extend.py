"""The driver that docs/extend.md writes is a driver: registered, configured and tried like all others."""

import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.config import load_config
from firmware_sim.wired_pins import wired
from hal.ports import DoorMoved, LinkChanged, Signal
from hal.registry import DRIVERS, load
from tests.docs.pages import ROOT, page
from tests.hal import test_registry as contract
from tests.waiting import wait_for

SECTION = page("extend.md").partition("## A driver")[2].partition("\n## ")[0]
SOURCE, LINE = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
(TABLE,) = re.findall(r"```toml\n(.*?)```", SECTION, re.DOTALL)
NAME, PLACE = re.findall(r'"([^"]+)"', LINE)
MODULE = PLACE.partition(":")[0]


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page's file and line, as if they were in the tree."""
    module = types.ModuleType(MODULE)
    monkeypatch.setitem(sys.modules, MODULE, module)
    exec(compile(SOURCE, f"{MODULE}.py", "exec"), module.__dict__)
    monkeypatch.setitem(DRIVERS, NAME, PLACE)
    monkeypatch.setitem(contract.OPTIONS, NAME, {"path": "/nowhere/contact"})
    with wired():
        yield


def test_what_holds_for_every_driver_holds_for_it(tmp_path: Path) -> None:
    contract.test_every_driver_has_options_that_refuse_unknown_keys(NAME)
    contract.test_every_driver_starts_and_closes_twice(NAME, tmp_path)
    contract.test_no_output_raises_or_blocks_before_its_start_or_after_its_end(NAME, tmp_path)


def test_its_table_is_the_contact_of_a_door(tmp_path: Path) -> None:
    example = (ROOT / "agent/example.toml").read_text()
    before, _, after = example.partition("[devices.contact]")
    path = tmp_path / "door.toml"
    path.write_text(before + TABLE + "\n[" + after.partition("\n[")[2])
    assert load_config(path).devices["contact"]["driver"] == NAME


def test_it_tells_the_door_what_the_file_says_and_comes_back_by_itself(tmp_path: Path) -> None:
    path, heard = tmp_path / "contact", list[Signal]()
    path.write_text("closed\n")
    kind = load(NAME)
    device = kind("contact", kind.Options(path=str(path), every_ms=10), {}, heard.append)
    device.start()
    wait_for(lambda: DoorMoved(False) in heard)
    path.unlink()
    wait_for(lambda: isinstance(heard[-1], LinkChanged) and not heard[-1].is_up)
    path.write_text("open\n")
    wait_for(lambda: heard[-1] == DoorMoved(True))
    device.close()
    links = [each.is_up for each in heard if isinstance(each, LinkChanged)]
    assert (links, len(heard)) == ([True, False, True], 5)


def test_wrong_options_are_refused_with_what_to_mend() -> None:
    kind: Any = load(NAME)
    with pytest.raises(ValueError, match="has to begin with /"):
        kind("contact", kind.Options(path="contact"), {}, lambda _: None)


def test_it_is_written_as_everything_else_here() -> None:
    for check in (["check"], ["format", "--check"]):
        said = subprocess.run(
            [sys.executable, "-m", "ruff", *check, "--stdin-filename", "hal/file_contact.py", "-"],
            cwd=ROOT,
            input=SOURCE,
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0, said.stdout + said.stderr
