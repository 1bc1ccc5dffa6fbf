"""Once the root secret was replaced, the one of before opens nothing that is left on the disk."""

import os
import sqlite3
from contextlib import closing

import pytest

from agent.core.verifier import tag_of
from agent.enrolment import load_enrolment
from agent.secrets import Purpose, SecretFault
from firmware_sim.virtual_parts import VirtualClock
from tests.controller.programming import NEW
from tests.root_change.machine import DIGITS, Machine, bytes_below, every_tag, lived


def leave_deleted_rows(machine: Machine) -> None:
    """As a program does that does not overwrite what it deletes."""
    with closing(sqlite3.connect(machine.state / "lock.db", isolation_level=None)) as raw:
        for statement in (
            "PRAGMA secure_delete=OFF",
            "CREATE TABLE was AS SELECT tag FROM access_code",
            "DROP TABLE was",
        ):
            raw.execute(statement)


def test_the_old_root_secret_opens_nothing_of_the_whole_disk(machine: Machine) -> None:
    site = lived(machine)
    site.close()
    leave_deleted_rows(machine)
    (machine.state / "lock.db.set-aside-1").write_bytes((machine.state / "lock.db").read_bytes())
    (machine.state / "lock.db.set-aside-1.wal").write_bytes(b"and its log")
    old, before = machine.root, every_tag(machine)
    assert tag_of(old.derive("tag"), DIGITS["anna"]) in before
    machine.rotate()
    machine.start(site.clock).close()
    left = bytes_below(machine.directory)
    assert [tag for tag in before if tag in left] == []
    assert every_tag(machine).isdisjoint(tag_of(old.derive("tag"), each) for each in (*DIGITS.values(), NEW))
    with pytest.raises(SecretFault):
        load_enrolment(machine.state, old)
    purposes: tuple[Purpose, ...] = ("tag", "row", "store", "tls", "emergency")
    keys = [old.derive(each) for each in purposes]
    assert [key for key in keys if key in left or key.hex().encode() in left] == []
    assert sorted(path.name for path in machine.secret.parent.iterdir()) == ["root-secret"]
    assert not list(machine.state.glob("*.old")) + list(machine.state.glob("*.set-aside*"))


def test_the_secret_of_before_is_overwritten_where_it_lay(machine: Machine, clock: VirtualClock) -> None:
    del clock
    before = os.open(machine.secret, os.O_RDONLY)
    machine.settle()
    assert set(os.read(before, 100)) == {0}
    os.close(before)
