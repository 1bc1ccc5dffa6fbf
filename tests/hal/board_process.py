"""The virtual board as a real process, and a line with every OSDP driver on it."""

import json
import queue
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hal.osdp.line import Line, Reader
from hal.ports import Device, KeysLost, LinkChanged, Post, Signal
from hal.registry import load
from tests.waiting import wait_for

OPTIONS: dict[str, dict[str, Any]] = {
    "osdp-keypad": {"reader": "outside"},
    "osdp-indicator": {"reader": "outside"},
    "osdp-tamper": {"reader": "outside"},
    "osdp-strike": {"reader": "inside", "output": 0},
    "osdp-contact": {"reader": "inside", "input": 0},
    "osdp-rex": {"reader": "inside", "input": 1},
    "osdp-input": {"reader": "inside", "input": 4, "means": "mains_failed"},
}
"""How each driver hangs on the board."""


class BoardProcess:
    """One board on its own directory. `start` again after `kill` to see it come back."""

    def __init__(self, directory: Path) -> None:
        self.line = directory / "bus"
        self._directory = directory
        for unit in ("outside", "inside"):
            (directory / f"{unit}.scbk").write_text(secrets.token_hex(16) + "\n")
        config = {
            "line": str(self.line),
            **{f"{unit}_key_file": f"{unit}.scbk" for unit in ("outside", "inside")},
        }
        (directory / "board.json").write_text(json.dumps(config))
        self.start()

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        command = [sys.executable, "-m", "firmware_sim.board", "--config", "board.json"]
        self.process = subprocess.Popen(command, cwd=self._directory, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        word, self.address = self.process.stdout.readline().split()
        assert word == "ready"

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        status = self.process.wait(10)
        assert self.process.stdout
        self.process.stdout.close()
        return status

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """A control connection as a text file."""
        host, _, port = self.address.partition(":")
        with socket.create_connection((host, int(port)), 10) as connection, connection.makefile("rw") as file:
            yield file

    def ask(self, **request: Any) -> dict[str, Any]:
        """The answer to one request."""
        with self.connected() as file:
            return exchange(file, json.dumps(request))

    def readers(self) -> list[Reader]:
        """The two units with their keys."""
        keys = [
            bytes.fromhex((self._directory / f"{unit}.scbk").read_text()) for unit in ("outside", "inside")
        ]
        return [Reader("outside", 0, keys[0]), Reader("inside", 1, keys[1])]


def exchange(file: Any, line: str) -> dict[str, Any]:
    """Send one line, read one line."""
    file.write(line + "\n")
    file.flush()
    answer: dict[str, Any] = json.loads(file.readline())
    return answer


class Attached:
    """All drivers on one line, and the signals they post."""

    def __init__(self, port: str, readers: list[Reader]) -> None:
        self.signals: list[Signal] = []
        self._inbox: queue.SimpleQueue[Signal] = queue.SimpleQueue()
        post: Post = self._inbox.put
        self.line = Line(port, 115200, 0.02, readers, post)
        lines: Mapping[str, Line] = {reader.name: self.line for reader in readers}
        self.devices: dict[str, Device] = {}
        for driver, options in OPTIONS.items():
            kind = load(driver)
            name = driver.removeprefix("osdp-")
            self.devices[name] = kind(name, kind.Options(**options), lines, post)

    def heard(self) -> list[Signal]:
        """All signals so far."""
        while not self._inbox.empty():
            self.signals.append(self._inbox.get())
        return self.signals

    def wait_for(self, wanted: Signal, times: int = 1) -> None:
        """Wait until `wanted` was posted so often."""
        wait_for(lambda: self.heard().count(wanted) >= times, what=repr(wanted))

    def wait_until_down(self) -> None:
        """Wait until both sessions were lost, or never came up."""
        units = {"outside", "inside"}
        wait_for(
            lambda: units <= {h.unit for h in self.heard() if isinstance(h, LinkChanged) and not h.is_up}
        )

    def wait_until_up(self, times: int = 1) -> None:
        """Wait until both sessions came up so often."""
        for unit in ("outside", "inside"):
            self.wait_for(LinkChanged(unit, True, "secure session"), times)
        self.wait_for(KeysLost("keypad"), times)
