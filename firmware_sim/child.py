"""One program of a simulated site: a child process with a log that ends when lock-sim ends, even by -9."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from firmware_sim.faults import NotInTime, SimFault

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal the kernel sends when the parent ends."""
POLL_S = 0.02
TAIL_LINES = 15
_libc = ctypes.CDLL(None)

T = TypeVar("T")


class Child:
    """Runs from construction on, in a session of its own, so that Ctrl-C reaches lock-sim alone."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        """Start `command`; what it prints is appended to `log`. `SimFault` when there is no such program."""
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._log_start = output.tell()
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=_ends_with(os.getpid()),
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                )
            except OSError as error:
                raise SimFault(f"cannot start {name} ({command[0]}): {error.strerror}") from error

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """It is gone, for whatever reason."""
        return self._process.poll() is not None

    def output(self) -> str:
        """What it printed since it was started."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def check(self) -> None:
        """`SimFault` with the end of its log if it ended."""
        if self.has_ended:
            tail = "\n".join(f"    {line}" for line in self.output().splitlines()[-TAIL_LINES:])
            ended = f"{self.name} ended {_how(self._process.returncode)}"
            raise SimFault(f"{ended}; the end of its log {self.log}:\n{tail or '    (it said nothing)'}")

    def ready_line(self, timeout_s: float) -> str:
        """What follows `ready` in the line it prints once it answers."""

        def is_ready() -> str | None:
            lines = self.output().splitlines(keepends=True)
            return next((line for line in lines if line.startswith("ready") and line.endswith("\n")), None)

        line = until(is_ready, timeout_s, f"{self.name} to get ready (log: {self.log})", [self])
        return line.removeprefix("ready").strip()

    def terminate(self) -> None:
        """Ask it to end."""
        if not self.has_ended:
            self._process.terminate()

    def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def wait(self, deadline: float) -> None:
        """Wait until it is gone; one that is not by `deadline` (monotonic seconds) is killed."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()


def until(condition: Callable[[], T | None], timeout_s: float, what: str, children: Sequence[Child]) -> T:
    """The first truthy value of `condition`; `SimFault` when a child ends, `NotInTime` when time is up."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        for child in children:
            child.check()
        if time.monotonic() > deadline:
            raise NotInTime(f"waited {timeout_s:.0f} s in vain for {what}")
        time.sleep(POLL_S)


def _ends_with(parent: int) -> Callable[[], None]:
    """Runs in the child, before the program: ask for SIGTERM when lock-sim ends, even by SIGKILL."""

    def ask() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)

    return ask


def _how(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
