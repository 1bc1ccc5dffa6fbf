"""What it costs to find a code among many, or to find that it is not there."""

import time

from agent.core.access_code import AccessCode, Kind
from agent.core.verifier import CodeTable, TableRow, tag_of
from benchmarks.figures import Figure

TAG_KEY = bytes(range(32))
SIZES = (10_000, 100_000)


def measure(samples: int) -> list[Figure]:
    """One figure a table size; half of the searches find something."""
    return [_searched(size, samples) for size in SIZES]


def _searched(size: int, samples: int) -> Figure:
    table = CodeTable([_row(number) for number in range(size)])
    tags = [tag_of(TAG_KEY, f"{number * 37:08d}") for number in (1, size * 2)]
    taken = []
    for number in range(samples):
        tag = tags[number % 2]
        began = time.perf_counter()
        table.search(tag)
        taken.append((time.perf_counter() - began) * 1e6)
    return Figure(name=f"search of a table of {size:,} codes", unit="us", samples=taken)


def _row(number: int) -> TableRow:
    code = AccessCode(access_code_id=str(number), gen=1, code_rev=1, kind=Kind.STANDARD)
    return TableRow(code=code, tag=tag_of(TAG_KEY, f"{number * 37:08d}"))
