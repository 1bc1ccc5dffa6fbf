"""Runs a target on input after input: what became of it, and the limit within which each must end."""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

LONGEST_S = 10.0
"""Of processor time for one input, so that a busy machine makes no difference. More is a hang."""


class Hang(Exception):
    """An input took too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run found: `finding` is the input that broke a rule, `why` the traceback."""

    inputs: int
    finding: bytes | None = field(default=None, repr=False)
    why: str = ""
    coverage: str = ""
    """In the engine's words; empty where it counts none."""


@contextmanager
def limited(seconds: float = LONGEST_S) -> Iterator[Callable[[], None]]:
    """Inside, Hang is raised once the process has worked for so long since the last call of what it yields.
    Main thread only."""

    def too_long(_: int, __: FrameType | None) -> None:
        raise Hang(f"one input took more than {seconds} s")

    before = signal.signal(signal.SIGPROF, too_long)

    def begin() -> None:
        signal.setitimer(signal.ITIMER_PROF, seconds)

    try:
        yield begin
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def memory() -> str | None:
    """A directory whose files never wait for a disk, if there is one: no rule here is about power cuts."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def keep(finding: bytes, directory: Path) -> Path:
    """Write a finding where it is found again; its file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"found-{hashlib.sha256(finding).hexdigest()[:12]}"
    path.write_bytes(finding)
    return path
