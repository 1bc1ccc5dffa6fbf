"""`python -m benchmarks [PART ...]`: measures, and prints one table with the machine it was measured on."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import entry, footprint, grants, look, pins, sealed_set, start, sync
from benchmarks.figures import HEAD, Figure, line, machine
from benchmarks.house import House, running_house

MANY = 10_000
"""What a lock holds at most."""
AFTER_MANY = 10


def _many(samples: int) -> int:
    return min(MANY, 50 + samples * 50)


def _with_many(house: House, count: int) -> Iterator[list[Figure]]:
    """Load the lock until it holds `count` codes, but for the few to come, and look again at what might
    suffer from it."""
    codes = f", {count:,} codes"
    yield sync.many_at_once(house, count - AFTER_MANY - house.codes_made)
    yield footprint.memory(house, codes)
    yield sync.one(house, AFTER_MANY, codes)
    yield start.measure(house, AFTER_MANY // 2, codes)


Part = Callable[[House, int], Iterator[list[Figure]]]
"""Measures on a running house with so many samples."""

ALONE: dict[str, Callable[[int, Path], list[Figure]]] = {
    "look": look.measure,
    "entry": entry.measure,
    "sealed": lambda samples, directory: sealed_set.measure(_many(samples), directory),
    "pins": pins.measure,
}
"""Parts that need no processes, but a directory for databases."""
PARTS: dict[str, Part] = {
    "idle": lambda house, _: iter([footprint.memory(house, ""), footprint.idle(house)]),
    "grants": lambda house, samples: iter([grants.measure(house, samples)]),
    "start": lambda house, samples: iter([start.measure(house, max(1, samples // 20), "")]),
    "sync": lambda house, samples: iter([sync.one(house, max(1, samples // 10), "")]),
    "many": lambda house, samples: _with_many(house, _many(samples)),
    "singles": lambda house, samples: iter([sync.one_by_one(house, _many(samples))]),
}
"""Parts that share one running house, in this order."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; 0 whatever the figures are."""
    options = _options(arguments)
    wanted = options.parts or [*ALONE, *PARTS]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        print(machine(Path(directory)), HEAD, sep="\n", flush=True)
        for figures in measured(wanted, options.samples, Path(directory)):
            print(*map(line, figures), sep="\n", flush=True)
    print(f"measured in {time.monotonic() - began:.0f} s")
    return 0


def measured(wanted: Sequence[str], samples: int, directory: Path) -> Iterator[list[Figure]]:
    """The figures of the parts, as they come."""
    for name, measure in ALONE.items():
        if name in wanted:
            yield measure(samples, directory)
    if not any(name in PARTS for name in wanted):
        return
    with running_house(directory) as house:
        for name, part in PARTS.items():
            if name in wanted:
                yield from part(house, samples)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [*ALONE, *PARTS]
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(names)}; all by default")
    parser.add_argument("--samples", type=int, default=200, help="how many of each figure that repeats")
    parser.add_argument("--directory", type=Path, help="where to keep databases: the disk that is measured")
    options = parser.parse_args(arguments)
    for part in options.parts:
        if part not in names:
            parser.error(f"there is no part {part!r}; there are {', '.join(names)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
