"""The program around the unit: its files, its line, and what a power cut leaves of them."""

import importlib
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from firmware_sim.nets import Machine, Nets
from hal.osdp import codec, records
from hal.osdp.aes import aes
from hal.osdp.events import Command, Event, LinkUp, Reader
from hal.osdp.panel import Panel

KEY, NEW_KEY = bytes(range(16)), bytes(range(16, 32))
SETTINGS = {"address": 0, "line": {"uart": 1, "baud": 9600, "tx": 4, "rx": 5, "direction": 6}}


class PowerCut(Exception):
    """The program ends here."""


class Chip:
    """What `machine` and `utime` are on a microcontroller, with a panel at the other end of its UART."""

    def __init__(self, directory: Path) -> None:
        self.now_ms = 0
        self.bauds: list[int] = []
        self.panel = Panel([Reader("unit", 0, KEY)], 0.02, aes, os.urandom)
        self.events: list[Event] = []
        self.outcome: list[str] = []
        self._directory = directory

    def install(self) -> None:
        """Open the window in which the unit is given its key."""
        self.panel.install("unit", Command(codec.KEYSET, records.keyset(KEY), 60, self.outcome.append), 0)

    def submit(self, code: int, data: bytes) -> None:
        """Have a command sent."""
        self.panel.submit("unit", Command(code, data, self.now_ms / 1000 + 2, self.outcome.append))

    def run(self, monkeypatch: pytest.MonkeyPatch, for_ms: int = 1000) -> str:
        """Power for a while; how it ended."""
        self._end_ms = self.now_ms + for_ms
        machine = SimpleNamespace(
            UART=self._uart, Pin=Machine(Nets()).Pin, WDT=self._watchdog, reset=self._reset
        )
        utime = SimpleNamespace(ticks_ms=lambda: self.now_ms, sleep_ms=self._sleep)
        monkeypatch.setitem(sys.modules, "machine", machine)
        monkeypatch.setitem(sys.modules, "utime", utime)
        monkeypatch.delitem(sys.modules, "firmware_sim.controller.main", raising=False)
        monkeypatch.chdir(self._directory)
        with pytest.raises(PowerCut) as end:
            importlib.import_module("firmware_sim.controller.main").run()
        return str(end.value)

    # What the program calls.

    def feed(self) -> None:
        """The watchdog is content."""

    def read(self) -> bytes:
        """What has come in at the UART."""
        frame = self.panel.step(self.now_ms / 1000)
        self.events += self.panel.take_events()
        return frame

    def write(self, data: bytes) -> None:
        """What goes out of it."""
        self.panel.receive(data, self.now_ms / 1000)

    def flush(self) -> None:
        """It has gone out."""

    def _uart(self, number: int, baud: int, tx: int, rx: int) -> "Chip":
        assert (number, tx, rx) == (1, 4, 5)
        self.bauds.append(baud)
        return self

    def _watchdog(self, timeout: int) -> "Chip":
        assert timeout <= 8388  # the longest that an RP2040 takes
        return self

    def _reset(self) -> None:
        raise PowerCut("reset")

    def _sleep(self, ms: int) -> None:
        self.now_ms += ms
        if self.now_ms >= self._end_ms:
            raise PowerCut("power")


@pytest.fixture
def chip(tmp_path: Path) -> Chip:
    """With settings on its flash, and no key."""
    (tmp_path / "unit.json").write_text(json.dumps(SETTINGS))
    return Chip(tmp_path)


def test_a_unit_without_a_key_gets_one_and_has_it_after_a_power_cut(
    chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip.install()
    assert chip.run(monkeypatch) == "power"
    assert (tmp_path / "scbk").read_text() == KEY.hex()
    again = Chip(tmp_path)
    again.run(monkeypatch)
    assert LinkUp("unit") in again.events


def test_a_unit_moves_to_another_baud_rate_by_a_restart_after_it_has_said_so(
    chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scbk").write_text(KEY.hex())
    chip.submit(codec.COMSET, records.comset(3, 115200))
    assert chip.run(monkeypatch) == "reset"
    settings = json.loads((tmp_path / "unit.json").read_text())
    assert (settings["address"], settings["line"]["baud"]) == (3, 115200)
    chip.run(monkeypatch, 10)
    assert chip.bauds == [9600, 115200]


def test_a_flash_that_takes_nothing_keeps_the_old_key(
    chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scbk").write_text(KEY.hex())
    (tmp_path / "scbk.new").mkdir()
    chip.submit(codec.KEYSET, records.keyset(NEW_KEY))
    chip.run(monkeypatch)
    assert (tmp_path / "scbk").read_text() == KEY.hex()
    assert chip.events.count(LinkUp("unit")) == 1


@pytest.mark.parametrize("text", ["", "00" * 15, "00" * 17])
def test_a_key_file_that_holds_no_key_stops_the_unit_instead_of_making_it_wait_for_one(
    chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "scbk").write_text(text)
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        chip.run(monkeypatch)
