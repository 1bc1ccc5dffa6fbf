"""Our two ends on a line in memory with libosdp's, an unrelated implementation (Apache-2.0, written in C)."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from firmware_sim.controller.peripheral import Peripheral
from hal.osdp import records
from hal.osdp.aes import aes
from hal.osdp.events import Command, CommandDone, Event, LinkUp, Reader, Report
from hal.osdp.panel import Panel
from tests.waiting import wait_for

osdp: Any = pytest.importorskip("osdp", reason="libosdp is not installed: pip install libosdp")
pytest.importorskip("osdp_sys", reason="another package is called osdp here: pip install libosdp")

KEY = os.urandom(16)
ADDRESS = 5
QUIET = osdp.LogLevel.Emergency
CAN = (
    (osdp.Capability.ContactStatusMonitoring, 1, 2),
    (osdp.Capability.OutputControl, 3, 1),
    (osdp.Capability.LEDControl, 4, 1),
    (osdp.Capability.AudibleControl, 2, 1),
)
"""What their reader says that it can."""


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
    """Our control panel against a reader of libosdp. `flags` and `scbk` are the reader's."""

    def __init__(
        self, scbk: bytes | None = KEY, flags: tuple[Any, ...] = (osdp.LibFlag.EnforceSecure,)
    ) -> None:
        self.events: list[Event] = []
        self.line: Callable[[bytes], bytes] = bytes
        """What becomes of what our panel sends."""
        self.commands: list[dict[str, Any]] = []
        self._channel = Channel()
        info = osdp.PDInfo(ADDRESS, self._channel, scbk=scbk, flags=list(flags))
        can = osdp.PDCapabilities(list(CAN))
        self.theirs = osdp.PeripheralDevice(info, can, log_level=QUIET, command_handler=self._told)
        self.panel = Panel([Reader("theirs", ADDRESS, KEY)], 0.02, aes, os.urandom)
        self.theirs.start()

    def until(self, condition: Callable[[], bool]) -> None:
        """Carry bytes until it holds."""
        wait_for(lambda: self._turned(condition))

    def close(self) -> None:
        """End their thread."""
        self.theirs.stop()

    def up(self) -> "OurPanel":
        """Once the session is up."""
        self.until(lambda: LinkUp("theirs") in self.events)
        return self

    def does(self, code: int, data: bytes) -> str:
        """Have a command carried out; why not, or ""."""
        self.panel.submit("theirs", Command(code, data, time.monotonic() + 5, lambda _: None))
        before = len(self._done())
        self.until(lambda: len(self._done()) > before)
        return self._done()[-1].failure

    def told(self, report: int) -> list[bytes]:
        """The data of the reports of this kind."""
        return [one.data for one in self.events if isinstance(one, Report) and one.code == report]

    def keys(self) -> str:
        """What was typed at their reader."""
        return "".join(key for data in self.told(0x53) for key in records.keys(data) or "?")

    def _done(self) -> list[CommandDone]:
        return [event for event in self.events if isinstance(event, CommandDone)]

    def _told(self, command: dict[str, Any]) -> tuple[int, None]:
        self.commands.append(command)
        return 0, None

    def _turned(self, condition: Callable[[], bool]) -> bool:
        now = time.monotonic()
        self.panel.receive(self._channel.take(), now)
        self._channel.give(self.line(self.panel.step(now)))
        self.events += self.panel.take_events()
        return condition()


class TheirPanel:
    """A control panel of libosdp against our reader. `flags` and `scbk` are the panel's."""

    def __init__(self, ours: Peripheral, scbk: bytes | None = KEY, enforces: bool = True) -> None:
        self.events: list[dict[str, Any]] = []
        self.done: list[int] = []
        self._channel = Channel()
        self.ours = ours
        flags = [osdp.LibFlag.EnforceSecure] if enforces else []
        info = osdp.PDInfo(ADDRESS, self._channel, scbk=scbk, flags=flags)
        self.panel = osdp.ControlPanel(
            [info], log_level=QUIET, event_handler=self._heard, command_completion_handler=self._ended
        )
        self.panel.start()

    def until(self, condition: Callable[[], bool]) -> None:
        """Carry bytes until it holds."""
        wait_for(lambda: self._turned(condition))

    def close(self) -> None:
        """End their thread."""
        self.panel.stop()

    def up(self) -> "TheirPanel":
        """Once the session is up."""
        self.until(lambda: bool(self.panel.is_sc_active(ADDRESS)))
        return self

    def does(self, **command: Any) -> bool:
        """Have a command carried out; whether it was."""
        before = len(self.done)
        assert self.panel.submit_command(ADDRESS, command)
        self.until(lambda: len(self.done) > before)
        return self.done[-1] == 0

    def told(self, event: int) -> list[Any]:
        """What came with events of this kind."""
        return [one.get("data", one.get("report")) for one in self.events if one["event"] == event]

    def _heard(self, number: int, event: dict[str, Any]) -> int:
        self.events.append(event)
        return number

    def _ended(self, address: int, command: dict[str, Any], status: int) -> None:
        del address, command
        self.done.append(status)

    def _turned(self, condition: Callable[[], bool]) -> bool:
        now_ms = int(time.monotonic() * 1000)
        self._channel.give(self.ours.receive(self._channel.take(), now_ms))
        self.ours.step(now_ms)
        return condition()
