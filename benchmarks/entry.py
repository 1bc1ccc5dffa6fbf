"""From `#` to the call of the strike inside the controller, with a real store on a real disk."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path

from agent import __version__
from agent.code_rows import NewCode
from agent.controller import AnySignal, Controller
from agent.core import code_set
from agent.core.verifier import tag_of
from agent.emergency_code import FILE_NAME, EmergencyCode
from agent.host_clock import HostClock
from agent.inbox import Inbox
from agent.journal import Stamp
from agent.settings import Devices, Settings
from agent.store import Store
from agent.uplink_port import NoUplink, UplinkPort
from benchmarks.figures import Figure, milliseconds
from firmware_sim.enrolled import key_ring
from hal.ports import ENTER, KeyPressed, Strike

DEVICE_ID = "00000000-0000-4000-8000-000000000000"
TAG_KEY, ROW_KEY = bytes(range(32)), bytes(range(32, 64))
SIZES = (10, 1_000, 10_000)


class TimedStrike(Strike):
    """Notes when it was told to let go."""

    def __init__(self) -> None:
        self.told_at: float | None = None

    def start(self) -> None:
        """Nothing to begin."""

    def close(self) -> None:
        """Nothing to end."""

    def unlock(self, for_s: float) -> None:
        """The moment that is measured."""
        del for_s
        self.told_at = time.perf_counter()

    def lock(self) -> None:
        """Nothing is released."""


def measure(samples: int, directory: Path) -> list[Figure]:
    """One figure for each number of codes on the lock; the databases are made in `directory`."""
    return [_entries(size, samples, directory / f"{size}.db") for size in SIZES]


def _entries(size: int, samples: int, path: Path) -> Figure:
    store = Store(path, device_id=DEVICE_ID, row_key=ROW_KEY, store_key=bytes(32))
    fill(store, size)
    strike = TimedStrike()
    controller = controller_of(store, strike)
    controller.start()
    taken = [_enter(controller, strike, digits_of(number % size)) for number in range(samples)]
    controller.close()
    return milliseconds(f"# handled -> strike called, {size:,} codes", taken, "p99 5 ms")


def controller_of(
    store: Store,
    strike: Strike,
    device_id: str = DEVICE_ID,
    make_uplink: Callable[[], UplinkPort] = NoUplink,
) -> Controller:
    """The controller of a lock with this store: to be started, and closed."""
    inbox: Inbox[AnySignal] = Inbox()
    return Controller(
        settings=Settings(device_id=device_id),
        store=store,
        tag_key=TAG_KEY,
        clocks=HostClock(),
        inbox=inbox,
        devices=Devices(strike=strike, indicators={}, inputs=()),
        version=__version__,
        ring=key_ring(store.database.path.parent),
        emergency=no_emergency_code(store),
        make_uplink=make_uplink,
    )


def no_emergency_code(store: Store) -> EmergencyCode:
    """As by default: switched off."""
    path = store.database.path.with_name(FILE_NAME)
    return EmergencyCode(path, TAG_KEY, store.codes.history_of, enabled=False)


def _enter(controller: Controller, strike: TimedStrike, digits: str) -> float:
    """Seconds from when the controller takes the last key to when the strike is told."""
    strike.told_at = None
    for key in digits:
        controller.turn(KeyPressed("keypad", key))
    began = time.perf_counter()
    controller.turn(KeyPressed("keypad", ENTER))
    if strike.told_at is None:
        raise RuntimeError("a code that the lock holds did not open")
    return strike.told_at - began


def digits_of(number: int) -> str:
    """The digits of the benchmark's code `number`: all different."""
    return f"{number * 37 + 10_000:06d}"


def fill(store: Store, size: int) -> None:
    """Make `size` codes the set that decides."""
    store.accept_manifest(1, 1, "")
    store.stage(1, [], [_new_code(number) for number in range(size)])
    store.apply(1, Stamp("benchmark", 0, 0, "unknown"), [])


def _new_code(number: int) -> NewCode:
    access_code_id = str(uuid.UUID(int=number, version=4))
    rules = {"access_code_id": access_code_id, "gen": 1, "code_rev": 1, "kind": "standard"}
    digits = digits_of(number)
    return NewCode(
        access_code_id=access_code_id,
        gen=1,
        definition=code_set.canonical(rules),
        tag=tag_of(TAG_KEY, digits),
        code_length=len(digits),
        error=None,
    )
