"""What it costs to look at an entry, piece by piece and whole: the same for all, whatever was typed."""

import time
from collections.abc import Callable
from pathlib import Path

from agent.core.access_code import AccessCode, Kind
from agent.core.decision import decide
from agent.core.offline_code import IssuerKey, OfflineFormat
from agent.core.offline_policy import AcceptedKey, FirstUse, OfflineVerifier
from agent.core.timekeeping import ClockReading, Trust
from agent.core.totp import Technicians
from agent.core.verifier import CodeTable, TableRow, tag_of
from agent.store import Store
from benchmarks.entry import DEVICE_ID, TAG_KEY, TimedStrike, controller_of, digits_of, fill
from benchmarks.figures import Figure

SIZES = (100, 10_000, 100_000)
HELD = 10_000
"""What a whole lock holds at most."""
AIMS = {10_000: "50 us", 100_000: "500 us"}
NOW_S = 1_800_000_000
CLOCK = ClockReading(Trust.TRUSTED, float(NOW_S), 0.5, NOW_S)


def measure(samples: int, directory: Path) -> list[Figure]:
    """All in microseconds; half of the entries are codes of the table."""
    return [
        _timed("keyed tag of the digits", samples, lambda digits: tag_of(TAG_KEY, digits)),
        *(figure for size in SIZES for figure in _in_table(size, samples)),
        _timed("offline codes: six decodes and what each may do", samples, _offline()),
        _timed("rolling codes: four one-time passwords", samples, _rolling()),
        _whole(samples, directory / "look.db"),
    ]


def _timed(name: str, samples: int, look: Callable[[str], object], aim: str = "") -> Figure:
    entries = (digits_of(0), "9999999999")
    taken = []
    for number in range(samples):
        entry = "".join(list(entries[number % 2]))
        began = time.perf_counter()
        look(entry)
        taken.append((time.perf_counter() - began) * 1e6)
    return Figure(name=name, unit="us", samples=taken, aim=aim)


def _in_table(size: int, samples: int) -> list[Figure]:
    table = CodeTable(_row(number) for number in range(size))
    tags = {entry: tag_of(TAG_KEY, entry) for entry in (digits_of(0), "9999999999")}
    codes = f"{size:,} codes"
    return [
        _timed(f"search, {codes}", samples, lambda digits: table.search(tags[digits]), AIMS.get(size, "")),
        _timed(
            f"tag, search, window and status, {codes}",
            samples,
            lambda digits: decide(table, tag_of(TAG_KEY, digits), CLOCK),
        ),
    ]


def _row(number: int) -> TableRow:
    code = AccessCode(access_code_id=str(number), gen=1, code_rev=1, kind=Kind.STANDARD)
    return TableRow(code=code, tag=tag_of(TAG_KEY, digits_of(number)))


def _offline() -> Callable[[str], object]:
    keys = [AcceptedKey(IssuerKey(1, 0, bytes(32)))]
    verifier = OfflineVerifier(OfflineFormat(DEVICE_ID), FirstUse(), keys)
    verifier.keep(NOW_S)
    return lambda digits: verifier.look(digits, NOW_S)


def _rolling() -> Callable[[str], object]:
    technicians = Technicians()
    return lambda digits: technicians.look(digits, NOW_S)


def _whole(samples: int, path: Path) -> Figure:
    store = Store(path, device_id=DEVICE_ID, row_key=bytes(32), store_key=bytes(32))
    fill(store, HELD)
    controller = controller_of(store, TimedStrike())
    controller.start()
    now = controller.clocks.now()
    figure = _timed(
        f"all of that for one entry, {HELD:,} codes",
        samples,
        lambda digits: controller.entries.look(digits, now),
    )
    controller.close()
    return figure
