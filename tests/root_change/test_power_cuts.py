"""Killed at whatever step of the replacement, the next start ends with everything under the next secret."""

import itertools
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.emergency_code import FILE_NAME, EmergencyCode
from agent.enrolment import load_enrolment
from agent.move_rows import move_database
from agent.root_change import root_of
from agent.secrets import SecretSource, load_root_secret
from agent.store import Store
from firmware_sim.enrolled import DEVICE_ID, key_ring
from firmware_sim.virtual_parts import VirtualClock
from tests.root_change.machine import (
    DIGITS,
    ROWS,
    STAMP,
    STILL,
    Machine,
    bytes_below,
    every_tag,
    faults,
    what_opens,
)

STATEMENTS = ("BEGIN", "COMMIT", "VACUUM", "PRAGMA wal_checkpoint", "INSERT INTO journal")
CHANGING = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate"}


def changes_files(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open" and isinstance(arguments[2], int):
        return bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
    return event in CHANGING


def dies_at(number: int, act: Callable[[], object]) -> bool:
    """Do it in a process of its own, that is killed before its `number`th change of a file, or step of the
    database; whether it came to that."""
    child = os.fork()
    if child == 0:
        _act_until(number, act)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status != 0


def _act_until(number: int, act: Callable[[], object]) -> None:
    steps, really_connect = itertools.count(1), sqlite3.connect

    def step(is_step: bool) -> None:
        if is_step and next(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = really_connect(*args, **options)
        connection.set_trace_callback(lambda statement: step(statement.startswith(STATEMENTS)))
        return connection

    sqlite3.connect = connect  # type: ignore[assignment]  # this process is about to die
    sys.addaudithook(lambda event, arguments: step(changes_files(event, arguments)))
    try:
        act()
        os._exit(0)
    finally:
        os._exit(1)


@pytest.fixture
def copies(machine: Machine, clock: VirtualClock, tmp_path: Path) -> Iterator[Machine]:
    """Machines that all stand before the same start, each in a directory of its own."""
    del clock
    machine.emergency_code()
    return (
        Machine(shutil.copytree(machine.directory, tmp_path / f"copy-{number}", ignore=_no_copies))
        for number in itertools.count(1)
    )


def _no_copies(directory: str, names: list[str]) -> list[str]:
    del directory
    return [name for name in names if name.startswith("copy-")]


def test_killed_at_any_step_the_next_start_ends_with_everything_moved_and_nothing_lost(
    machine: Machine, copies: Iterator[Machine]
) -> None:
    tags = every_tag(machine)
    for number in itertools.count(1):
        copy = next(copies)
        died = dies_at(number, copy.settle)
        assert is_whole(copy, tags), number
        if not died:
            break
    assert number > 30


def is_whole(machine: Machine, tags_before: set[bytes]) -> bool:
    """Everything is under what was the next root secret, no row is false, and nothing of before is left."""
    root = machine.settle().root
    left = bytes_below(machine.directory)
    row_key, store_key = root.derive("row"), root.derive("store")
    store = Store(machine.state / "lock.db", device_id=DEVICE_ID, row_key=row_key, store_key=store_key)
    tag = store.tag_keys.with_newest(root.derive("tag")).tag_of(DIGITS["anna"])
    held = [*store.codes.with_tag(tag), *(read.held for read in store.codes.counting())]
    told = [row for row in store.journal.after(0, 1000) if row["kind"] == "root_secret_changed"]
    emergency = EmergencyCode(
        machine.state / FILE_NAME, root.derive("emergency"), store.codes.history_of, enabled=True
    )
    held += store.local_codes()
    store.close()
    return (
        (len(held), len(told), emergency.state()) == (len(ROWS) + 4, 1, "ready")
        and all(each.row for each in held)
        and load_enrolment(machine.state, root).device_id == DEVICE_ID
        and not machine.coming.exists()
        and not any(tag in left for tag in tags_before)
    )


def test_killed_again_and_again_it_ends_as_well(machine: Machine, clock: VirtualClock) -> None:
    machine.emergency_code()
    numbers = itertools.count(1)
    while dies_at(next(numbers), machine.settle):
        pass
    site = machine.start(clock)
    assert (what_opens(site), faults(site)) == (STILL, [])
    site.close()


def test_a_lock_that_is_enrolled_again_in_the_middle_goes_on_as_well(
    machine: Machine, clock: VirtualClock
) -> None:
    source, coming = SecretSource(file=machine.secret), SecretSource(file=machine.coming)
    move_database(machine.state / "lock.db", machine.root, load_root_secret(coming), STAMP)
    shutil.rmtree(machine.state / "enrolment")
    key_ring(machine.state, root_of(machine.state, source))
    site = machine.start(clock)
    assert (what_opens(site), faults(site)) == (STILL, [])
    site.close()
