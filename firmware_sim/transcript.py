"""The transcript of a demo: numbered steps, what was done, what was then seen, and how long it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

from firmware_sim.child import POLL_S
from firmware_sim.faults import SimFault

T = TypeVar("T")


class Transcript:
    """Prints as things happen. A wait that is in vain ends the demo with `SimFault`."""

    def __init__(self) -> None:
        self._step = 0
        self._done_at = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One numbered step; it ends with OK or FAILED."""
        self._step += 1
        began = time.monotonic()
        click.echo(f"\n{self._step:2}. {title}")
        try:
            yield
        except SimFault as fault:
            click.echo(f"    FAILED    {fault}")
            raise
        click.echo(f"    OK        in {time.monotonic() - began:.2f} s")

    def did(self, text: str) -> None:
        """Something was done to the site; what is seen next is timed from here."""
        click.echo(f"    do        {text}")
        self._done_at = time.monotonic()

    def saw(self, text: str) -> None:
        """Something was observed, so long after the last thing done."""
        click.echo(f"    {time.monotonic() - self._done_at:6.2f} s  {text}")

    def note(self, text: str) -> None:
        """Something worth knowing that has no time of its own."""
        click.echo(f"              {text}")

    def expect(self, what: str, condition: Callable[[], T | None], timeout_s: float = 20.0) -> T:
        """Wait until `condition` is truthy, and tell; `SimFault` when it is not so in time."""
        deadline = time.monotonic() + timeout_s
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise SimFault(f"not seen within {timeout_s:.0f} s: {what}")
            time.sleep(POLL_S)
        self.saw(what)
        return value


def require(is_so: bool, complaint: str) -> None:
    """`SimFault` with `complaint` unless `is_so`."""
    if not is_so:
        raise SimFault(complaint)
