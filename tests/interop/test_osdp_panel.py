"""The control panel of PyPI's `osdp` 1.6 (Apache-2.0, written in Python by others) with our reader."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.controller.peripheral import Peripheral
from hal.osdp import records
from hal.osdp.aes import aes
from tests.hal.converter import Converter
from tests.waiting import wait_for

PYTHON = Path(sys.prefix) / "osdp-panel/bin/python"
SCRIPT = Path(__file__).with_name("osdp_panel.py")
ADDRESS = 5
MASTER_KEY = bytes(range(200, 216))

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(
        not PYTHON.with_name("..").joinpath(".installed").exists(),
        reason="PyPI's osdp 1.6 is not installed in its own environment: make test-tools",
    ),
]


class TheirPanel:
    """Their panel as a process, and our reader behind a converter."""

    def __init__(self, scbk: bytes | None) -> None:
        self.kept: list[bytes] = []
        self.challenges = 0
        self.unit = Peripheral(ADDRESS, scbk, aes, self._chance, outputs=1, inputs=2, keep_key=self._keep)
        self._converter = Converter(self.unit)
        self.events: list[dict[str, Any]] = []
        self._answers: list[dict[str, Any]] = []
        command = [str(PYTHON), str(SCRIPT), "127.0.0.1", str(self._converter.port), MASTER_KEY.hex()]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        """End both."""
        self._process.kill()
        self._process.communicate()
        self._converter.stop()

    def asked(self, do: str, **arguments: Any) -> Any:
        """What it answers."""
        assert self._process.stdin
        before = len(self._answers)
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        wait_for(lambda: len(self._answers) > before, what=f"the answer to {do}")
        assert "fault" not in self._answers[-1], self._answers[-1]
        return self._answers[-1]["answer"]

    def _chance(self, count: int) -> bytes:
        """Our reader needs chance once for each attempt at a session."""
        self.challenges += 1
        return os.urandom(count)

    def _keep(self, scbk: bytes) -> bool:
        self.kept.append(scbk)
        return True

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            said = json.loads(line)
            (self.events if "event" in said else self._answers).append(said)


@pytest.fixture(scope="module")
def theirs() -> Iterator[TheirPanel]:
    """In a session with our reader, which it has given its key."""
    with contextlib.closing(TheirPanel(None)) as theirs:
        wait_for(theirs.unit.is_secure, 20, "a session under the key that was given")
        yield theirs


def test_their_panel_gives_our_reader_without_a_key_its_own_and_then_uses_it(theirs: TheirPanel) -> None:
    assert len(theirs.kept) == 1
    assert theirs.asked("is_secure")
    with contextlib.closing(TheirPanel(theirs.kept[0])) as again:
        wait_for(again.unit.is_secure, 20, "a session under the key from before")
        assert again.kept == []


def test_their_panel_reads_keys_from_our_reader(theirs: TheirPanel) -> None:
    assert all(theirs.unit.press(key) for key in "12*#")
    wait_for(lambda: {"event": "keys", "data": b"12\x7f\x0d".hex()} in theirs.events)


def test_their_panel_hears_of_inputs_and_of_the_case_of_our_reader(theirs: TheirPanel) -> None:
    theirs.unit.set_input(1, True)
    theirs.unit.set_tampered(True)
    wait_for(lambda: {"event": "inputs", "levels": [False, True]} in theirs.events)
    wait_for(lambda: {"event": "tamper", "is_open": True} in theirs.events)
    states = theirs.asked("states")
    assert states == {"inputs": [False, True], "outputs": [False], "tamper": True}


def test_their_panel_gives_our_reader_a_release_of_thirty_seconds(theirs: TheirPanel) -> None:
    assert theirs.asked("output", control=5, tenths=300)
    assert theirs.unit.outputs.is_on(0)
    assert 29_000 < (theirs.unit.outputs.due_ms() or 0) <= 30_000
    assert theirs.asked("output", control=1, tenths=0)
    assert not theirs.unit.outputs.is_on(0)


def test_their_panel_lights_and_sounds_our_reader(theirs: TheirPanel) -> None:
    assert theirs.asked("light", colour=records.GREEN)
    assert theirs.unit.lights.shown().on == records.GREEN
    assert theirs.asked("sound") == "Ack"
    assert theirs.unit.lights.is_sounding()


def test_their_panel_learns_who_and_what_our_reader_is(theirs: TheirPanel) -> None:
    identity = theirs.asked("identity")
    assert identity["serial"] == 1
    assert identity["functions"]["OutputControl"] == 3


def test_their_panel_with_another_key_gets_no_session_with_our_reader() -> None:
    with contextlib.closing(TheirPanel(bytes(range(16)))) as theirs:
        wait_for(lambda: theirs.challenges > 0, what="an attempt at a session")
        assert not theirs.asked("is_secure")
        assert (theirs.unit.is_secure(), theirs.kept) == (False, [])
