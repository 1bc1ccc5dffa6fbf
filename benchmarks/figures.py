"""Measured figures, and the table they are printed in together with the machine they come from."""

import math
import os
import platform
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table: all samples of one quantity, in `unit`."""

    name: str
    unit: str
    samples: Sequence[float]
    aim: str = ""

    def share(self, share: float) -> float:
        """The smallest sample that `share` (0 to 1) of all samples do not exceed."""
        ordered = sorted(self.samples)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def milliseconds(name: str, seconds: Sequence[float], aim: str = "") -> Figure:
    """A figure of durations that were taken in seconds."""
    return Figure(name=name, unit="ms", samples=[each * 1000 for each in seconds], aim=aim)


HEAD = f"{'figure':<58}{'n':>6}{'p50':>10}{'p99':>10}{'max':>10}  {'unit':<6}aim"


def line(figure: Figure) -> str:
    """The figure as a line under `HEAD`."""
    shown = [figure.share(0.5), figure.share(0.99), max(figure.samples)]
    numbers = "".join(f"{each:>10.4g}" for each in shown)
    return f"{figure.name:<58}{len(figure.samples):>6}{numbers}  {figure.unit:<6}{figure.aim}"


def machine(directory: Path) -> str:
    """What the figures were measured on; `directory` is where the databases were."""
    fsyncs = milliseconds("", _fsyncs(directory, 100))
    return (
        f"{os.cpu_count()} cores ({_cpu()}), Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, Linux {platform.release()}\n"
        f"fsync of 4 KiB in {directory}: p50 {fsyncs.share(0.5):.2g} ms, p99 {fsyncs.share(0.99):.2g} ms"
    )


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (each.partition(": ")[2] for each in lines if each.startswith("model name")), platform.machine()
    )


def _fsyncs(directory: Path, count: int) -> list[float]:
    """How long this disk takes to promise something: every entry waits for two of these."""
    path, taken = directory / "fsync-probe", []
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    for _ in range(count):
        began = time.perf_counter()
        os.write(handle, bytes(4096))
        os.fsync(handle)
        taken.append(time.perf_counter() - began)
    os.close(handle)
    path.unlink()
    return taken
