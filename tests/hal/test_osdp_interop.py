"""Our two ends against libosdp's, an unrelated implementation; skipped where it is not installed."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from firmware_sim.controller.peripheral import Peripheral
from hal.osdp import codec, records
from hal.osdp.aes import aes
from hal.osdp.events import Command, CommandDone, Event, LinkDown, LinkUp, Reader, Report
from hal.osdp.panel import Panel
from tests.waiting import wait_for

osdp: Any = pytest.importorskip("osdp", reason="libosdp is not installed: pip install libosdp")
pytest.importorskip("osdp_sys", reason="another package is called osdp here: pip install libosdp")

KEY = os.urandom(16)
ADDRESS = 5


class Channel(osdp.Channel):  # type: ignore[misc]  # the package has no types
    """libosdp's side of a line in memory; its thread and the test's meet here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._to_libosdp = bytearray()
        self._to_us = bytearray()

    def read(self, max_bytes: int) -> bytes:
        """Called by libosdp."""
        return self._taken(self._to_libosdp, max_bytes)

    def write(self, data: bytes) -> int:
        """Called by libosdp."""
        with self._lock:
            self._to_us += data
        return len(data)

    def flush(self) -> None:
        """Called by libosdp."""
        self._taken(self._to_libosdp, 10_000)

    def give(self, data: bytes) -> None:
        """Send to libosdp."""
        with self._lock:
            self._to_libosdp += data

    def take(self) -> bytes:
        """What libosdp sent."""
        return self._taken(self._to_us, 10_000)

    def _taken(self, buffer: bytearray, size: int) -> bytes:
        with self._lock:
            data = bytes(buffer[:size])
            del buffer[:size]
        return data


class OurPanel:
    """Our control panel against a reader of libosdp."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._channel = Channel()
        capabilities = [(osdp.Capability.OutputControl, 1, 1), (osdp.Capability.LEDControl, 1, 1)]
        info = osdp.PDInfo(ADDRESS, self._channel, scbk=KEY, flags=[osdp.LibFlag.EnforceSecure])
        self.theirs = osdp.PeripheralDevice(info, osdp.PDCapabilities(capabilities))
        self.panel = Panel([Reader("theirs", ADDRESS, KEY)], 0.02, aes, os.urandom)
        self.theirs.start()

    def until(self, condition: Callable[[], bool]) -> None:
        """Carry bytes until it holds."""
        wait_for(lambda: self._turned(condition))

    def _turned(self, condition: Callable[[], bool]) -> bool:
        now = time.monotonic()
        self.panel.receive(self._channel.take(), now)
        self._channel.give(self.panel.step(now))
        self.events += self.panel.take_events()
        return condition()


@pytest.fixture
def ours() -> Iterator[OurPanel]:
    """Our control panel, online."""
    ours = OurPanel()
    ours.until(lambda: LinkUp("theirs") in ours.events)
    yield ours
    ours.theirs.stop()


def test_our_panel_reads_keys_from_their_reader(ours: OurPanel) -> None:
    ours.theirs.submit_event({"event": osdp.Event.KeyPress, "reader_no": 0, "data": b"1234\x7f\x0d"})
    ours.until(lambda: any(isinstance(event, Report) for event in ours.events))
    [report] = [event for event in ours.events if isinstance(event, Report)]
    assert records.keys(report.data) == list("1234*#")


def test_their_reader_is_given_a_release_of_thirty_seconds(ours: OurPanel) -> None:
    data = records.output(0, records.OUTPUT_TIMED_ON, 300)
    ours.panel.submit("theirs", Command(codec.OUT, data, time.monotonic() + 5, print))
    ours.until(lambda: any(isinstance(event, CommandDone) for event in ours.events))
    command = ours.theirs.get_command()
    assert (command["control_code"], command["timer_count"]) == (5, 300)


def test_a_command_their_reader_does_not_know_leaves_the_session_up(ours: OurPanel) -> None:
    ours.panel.submit("theirs", Command(0xA9, b"", time.monotonic() + 5, print))
    ours.until(lambda: any(isinstance(event, CommandDone) for event in ours.events))
    assert not [event for event in ours.events if isinstance(event, LinkDown)]


class TheirPanel:
    """A control panel of libosdp against our reader."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._channel = Channel()
        self.ours = Peripheral(ADDRESS, KEY, aes, os.urandom, outputs=1, inputs=2)
        info = osdp.PDInfo(ADDRESS, self._channel, scbk=KEY, flags=[osdp.LibFlag.EnforceSecure])
        self.panel = osdp.ControlPanel([info], event_handler=self._heard)
        self.panel.start()

    def until(self, condition: Callable[[], bool]) -> None:
        """Carry bytes until it holds."""
        wait_for(lambda: self._turned(condition))

    def _heard(self, number: int, event: dict[str, Any]) -> int:
        self.events.append(event)
        return number

    def _turned(self, condition: Callable[[], bool]) -> bool:
        now_ms = int(time.monotonic() * 1000)
        self._channel.give(self.ours.receive(self._channel.take(), now_ms))
        return condition()


@pytest.fixture
def theirs() -> Iterator[TheirPanel]:
    """Their control panel, online."""
    theirs = TheirPanel()
    theirs.until(lambda: bool(theirs.panel.is_sc_active(ADDRESS)))
    yield theirs
    theirs.panel.stop()


def test_their_panel_reads_keys_and_inputs_from_our_reader(theirs: TheirPanel) -> None:
    for key in "12*#":
        theirs.ours.press(key)
    theirs.ours.set_input(1, True)
    theirs.until(lambda: len(theirs.events) >= 2)
    told = {event["event"]: event.get("data", event.get("report")) for event in theirs.events}
    assert told == {osdp.Event.KeyPress: b"12\x7f\x0d", osdp.Event.Status: b"\x00\x01"}


def test_their_panel_moves_our_relay(theirs: TheirPanel) -> None:
    theirs.panel.submit_command(
        ADDRESS, {"command": osdp.Command.Output, "output_no": 0, "control_code": 5, "timer_count": 50}
    )
    theirs.until(lambda: theirs.ours.outputs.is_on(0))
