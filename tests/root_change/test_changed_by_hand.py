"""What another hand has changed before the root secret was replaced stays refused, and is reported."""

import sqlite3
from contextlib import closing

import pytest

from agent.emergency_code import FILE_NAME
from agent.offline_rows import NEVER_SLOT
from firmware_sim.virtual_parts import VirtualClock
from tests.controller.conftest import ANNA
from tests.controller.offline import cancel, opens, set_up, timed
from tests.controller.programming import BEN
from tests.root_change.machine import DIGITS, ROWS, Machine, faults, lived, what_opens

BY_HAND = [
    (
        "codes_changed_from_outside",
        "anna",
        f"UPDATE access_code SET code_length=9 WHERE access_code_id='{ANNA}'",
    ),
    ("codes_changed_from_outside", "once", f"UPDATE code_use SET uses=0 WHERE access_code_id='{BEN}'"),
    ("door_codes_changed_from_outside", "door", "UPDATE local_code SET code_length=9"),
    ("offline_codes_changed_from_outside", "offline once", "UPDATE offline_code SET max_uses=7"),
    ("technicians_changed_from_outside", "technician", "UPDATE technician_use SET failures=1"),
    ("settings_changed_from_outside", "", "UPDATE changed_settings SET settings='{}'"),
    ("operating_mode_changed_from_outside", "", "UPDATE operating_mode SET mode='passage'"),
]


@pytest.mark.parametrize(("fault", "code", "statement"), BY_HAND, ids=[each[2][7:40] for each in BY_HAND])
def test_what_was_false_stays_false_and_is_reported(
    machine: Machine, fault: str, code: str, statement: str
) -> None:
    site = lived(machine)
    site.command("mode", mode="vacation")
    site.command("mode", mode="normal")
    site.close()
    with closing(sqlite3.connect(machine.state / "lock.db", isolation_level=None)) as raw:
        assert raw.execute(statement).rowcount > 0
    machine.rotate()
    site = machine.start(site.clock)
    assert fault in faults(site)
    if code:
        assert what_opens(site)[code] is False
    site.close()


def test_a_floor_lowered_by_hand_closes_the_key_afterwards_too(machine: Machine) -> None:
    site = machine.start()
    set_up(site)
    site.type(f"{cancel(site.cloud_wall_s)}#")
    site.close()
    with closing(sqlite3.connect(machine.state / "lock.db", isolation_level=None)) as raw:
        assert raw.execute("UPDATE offline_floor SET slot=0").rowcount == 1
    machine.rotate()
    site = machine.start(site.clock)
    assert set(site.store.offline.floors().values()) == {NEVER_SLOT}
    assert not opens(site, timed(48))
    site.close()


def test_a_setup_that_was_changed_by_hand_is_not_sealed_anew(machine: Machine) -> None:
    lived(machine).close()
    with closing(sqlite3.connect(machine.state / "lock.db", isolation_level=None)) as raw:
        raw.execute("UPDATE offline_setup SET began_s=1")
    machine.rotate()
    site = machine.start()
    assert site.store.offline.setup() is None
    with site.store.database.transaction() as db:
        assert db.execute("SELECT sealed FROM offline_setup").fetchall() == [(b"",)]
    site.close()


def test_a_database_that_is_under_neither_secret_is_set_aside_and_a_new_one_begins(
    machine: Machine, clock: VirtualClock
) -> None:
    with closing(sqlite3.connect(machine.state / "lock.db", isolation_level=None)) as raw:
        raw.execute("DELETE FROM code_use")
    site = machine.start(clock)
    assert faults(site) == ["database_set_aside"]
    site.wait(7200)
    site.install(*ROWS)
    assert opens(site, DIGITS["anna"])
    assert site.store.database.read("SELECT * FROM former_tag_key") == []
    site.close()


def test_an_emergency_code_that_was_changed_by_hand_stays_so(machine: Machine, clock: VirtualClock) -> None:
    digits = machine.emergency_code()
    file = machine.state / FILE_NAME
    file.write_text(file.read_text().replace('"salt": "', '"salt": "00'))
    site = machine.start(clock)
    assert (opens(site, digits), site.controller.emergency.state()) == (False, "changed")
    site.close()
