"""Runs lock-sim as a person does: a process, a state directory, a ready file."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.waiting import wait_for

READY_TIMEOUT_S = 90.0
COMMAND = [sys.executable, "-m", "firmware_sim"]
PATH_WITH_COMMANDS = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


class LockSim:
    """A lock-sim that was started and has written its ready file."""

    def __init__(self, state_dir: Path, process: subprocess.Popen[str], ready_file: Path) -> None:
        self.state_dir = state_dir
        self.process = process
        self.ready_file = ready_file
        self.ready: dict[str, Any] = json.loads(ready_file.read_text())

    def verb(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run one of the small verbs at this site."""
        verb, *rest = args
        return lock_sim(verb, "--state-dir", str(self.state_dir), *rest)

    def lockctl(self, door: int, *args: str) -> subprocess.CompletedProcess[str]:
        """Ask the agent of a door (from 1)."""
        socket = self.ready["doors"][door - 1]["control_socket"]
        command = [sys.executable, "-m", "agent.cli.lockctl", "--socket", socket, *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    def strike(self, door: int) -> dict[str, Any]:
        """What the strike of a door physically does."""
        strike: dict[str, Any] = json.loads(self.verb("state", str(door)).stdout)["strike"]
        return strike

    def stop(self, number: int = signal.SIGINT) -> int:
        """Stop it as Ctrl-C does (or with another signal); the exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)


def lock_sim(*args: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run lock-sim to its end."""
    command = [*COMMAND, *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


@contextmanager
def running(state_dir: Path, *args: str) -> Iterator[LockSim]:
    """A running site; killed with everything it started if the test leaves it running."""
    ready_file = state_dir.with_suffix(".ready")
    ready_file.unlink(missing_ok=True)  # one that was killed could not remove it
    command = [*COMMAND, "run", "--state-dir", str(state_dir), "--ready-file", str(ready_file), *args]
    output = state_dir.with_suffix(".out")
    with output.open("a") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, text=True)
    try:
        wait_for(lambda: ready_file.exists() or process.poll() is not None, READY_TIMEOUT_S, "the ready file")
        assert process.poll() is None, output.read_text()
        yield LockSim(state_dir, process, ready_file)
    finally:
        process.kill()
        process.wait()
        wait_for(lambda: not processes_of(state_dir), 20, "the processes of the site to end")


def processes_of(state_dir: Path, kind: str = "") -> list[int]:
    """The ids of all processes, lock-sim apart, that were started for a state directory; or of those whose
    command line holds `kind`."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it ended meanwhile
            continue
        if f"{state_dir}/" in line and kind in line:
            found.append(int(file.parent.name))
    return found
