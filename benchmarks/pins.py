"""A door on GPIO pins: what looking at them costs, and the way from a key that closes to the strike's pin."""

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent import __version__
from agent.assemble import make_devices
from agent.config import Config, convert
from agent.controller import AnySignal, Controller, Stop
from agent.core.door import Timings
from agent.host_clock import HostClock
from agent.inbox import Inbox
from agent.settings import Settings
from agent.store import Store
from benchmarks.entry import DEVICE_ID, ROW_KEY, TAG_KEY, digits_of, fill, no_emergency_code
from benchmarks.figures import Figure, milliseconds
from firmware_sim.enrolled import key_ring
from firmware_sim.nets import Switch
from firmware_sim.wired_pins import Board, wired

ROWS, COLUMNS, LAYOUT = (5, 6, 13, 19), (12, 16, 20), ("123", "456", "789", "*0#")
STRIKE = 26
DEVICES = {
    "keypad": {"driver": "gpio-matrix", "rows": ROWS, "columns": COLUMNS},
    "indicator": {"driver": "gpio-indicator", "red": 23, "green": 24},
    "strike": {"driver": "gpio-strike", "pin": STRIKE},
    "contact": {"driver": "gpio-contact", "pin": 17},
    "rex": {"driver": "gpio-rex", "pin": 27},
    "tamper": {"driver": "gpio-tamper", "pin": 22},
}
IDLE_S = 5.0
"""At most: a twentieth of a second for each sample."""
DOWN_S = 0.05
"""Longer than a key needs to count, and shorter than a finger is."""
LIMIT_S = 10.0
AIM = "20 ms of debouncing + commits"


def measure(samples: int, directory: Path) -> list[Figure]:
    """On simulated pins: the library that drives real ones has costs of its own."""
    with _door(directory / f"pins-{uuid.uuid4()}.db") as board:
        keys = {
            key: board.switch(row, column)
            for row, texts in zip(ROWS, LAYOUT, strict=True)
            for column, key in zip(COLUMNS, texts, strict=True)
        }
        idle = _idle(min(IDLE_S, samples / 20))
        taken = [_key_to_strike_s(board, keys, digits_of(0)) for _ in range(max(1, samples // 10))]
    return [
        Figure(name="idle, six devices on pins looked at every 5 ms", unit="% core", samples=[idle * 100]),
        milliseconds("# closes on the matrix -> strike pin", taken, AIM),
    ]


@contextmanager
def _door(path: Path) -> Iterator[Board]:
    """A controller with the drivers for pins, in a thread of its own as it uses SQLite there alone."""
    inbox: Inbox[AnySignal] = Inbox()
    with wired() as board:
        for closed_at_rest in (17, 22):
            board.switch(closed_at_rest, is_closed=True)
        thread = threading.Thread(target=_live, args=(path, inbox), name="the controller")
        thread.start()
        _wait(lambda: STRIKE in board.pins and 17 in board.pins)
        time.sleep(1.0)  # until the scan has settled
        yield board
        inbox.post(Stop())
        thread.join()


def _live(path: Path, inbox: Inbox[AnySignal]) -> None:
    store = Store(path, device_id=DEVICE_ID, row_key=ROW_KEY, store_key=bytes(32))
    fill(store, 10)
    Controller(
        settings=Settings(device_id=DEVICE_ID, timings=Timings(release_s=0.2)),
        store=store,
        tag_key=TAG_KEY,
        clocks=HostClock(),
        inbox=inbox,
        devices=make_devices(convert({"devices": DEVICES}, Config), inbox.post),
        version=__version__,
        ring=key_ring(path.parent),
        emergency=no_emergency_code(store),
    ).run()


def _idle(for_s: float) -> float:
    """The share of one core that this process takes while nobody is at the door."""
    before, began = time.process_time(), time.monotonic()
    time.sleep(for_s)
    return (time.process_time() - before) / (time.monotonic() - began)


def _wait(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > ends_at:
            raise RuntimeError("the door on pins does not do what it should")
        time.sleep(0.0002)


def _key_to_strike_s(board: Board, keys: dict[str, Switch], digits: str) -> float:
    """Open once, and wait until the strike is locked again."""
    for key in digits:
        board.set(keys[key], True)
        time.sleep(DOWN_S)
        board.set(keys[key], False)
        time.sleep(DOWN_S)
    # Looks at the pins come every 5 ms; fingers do not know when.
    time.sleep(random.uniform(0.0, 0.01))
    began = time.perf_counter()
    board.set(keys["#"], True)
    _wait(lambda: bool(board.pins[STRIKE].state))
    taken = time.perf_counter() - began
    board.set(keys["#"], False)
    _wait(lambda: not board.pins[STRIKE].state)
    return taken
