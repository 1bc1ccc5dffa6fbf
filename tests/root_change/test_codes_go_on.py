"""The root secret of a lock is replaced, and with it every key that is made from it; nothing else changes."""

import pytest

from firmware_sim.site import code_row
from firmware_sim.virtual_parts import VirtualClock
from tests.controller.offline import cancel, opens, set_up, timed
from tests.controller.programming import NEW, add
from tests.controller.test_technicians import fail, shown, technicians, type_now
from tests.root_change.machine import DIGITS, MAY, OFFLINE, ROWS, STILL, Machine, faults, lived, what_opens


@pytest.mark.parametrize("times", [1, 3])
def test_what_opened_opens_and_what_was_refused_is_refused(machine: Machine, times: int) -> None:
    site = lived(machine)
    emergency = machine.emergency_code()
    budgets, floors = site.store.budgets(0.0), site.store.offline.floors()
    for _ in range(times):
        site.close()
        machine.rotate()
        site = machine.start(site.clock, permissions=MAY)
    assert (site.store.budgets(0.0), site.store.offline.floors()) == (budgets, floors)
    assert (what_opens(site), faults(site)) == (STILL, [])
    assert site.controller.door.release_s == 9
    assert (opens(site, emergency), opens(site, emergency)) == (True, False)
    assert len(site.journal("root_secret_changed")) == times
    site.close()


def test_codes_that_come_and_are_made_afterwards_are_found_and_old_digits_are_known(
    machine: Machine, clock: VirtualClock
) -> None:
    site = machine.start(clock)
    site.install(*ROWS, code_row("55555555-5555-4555-8555-555555555555", "310975"))
    assert opens(site, "310975")
    assert add(site, "310976")
    assert opens(site, "310976")
    assert [add(site, DIGITS["anna"]), add(site, NEW)] == [None, None]
    site.close()


def test_a_rolling_code_of_before_opens_no_second_time(machine: Machine) -> None:
    site = lived(machine)
    digits = shown(site.cloud_wall_s)
    assert opens(site, shown(site.cloud_wall_s + 900))
    site.close()
    machine.rotate()
    site = machine.start(site.clock)
    site.type(f"{digits}#")
    site.type(f"{shown(site.cloud_wall_s)}#")
    assert site.strike.releases == 0
    site.close()


def test_failures_of_a_technician_go_on_counting(machine: Machine) -> None:
    site = machine.start()
    set_up(site, keys=[], technicians=technicians())
    fail(site, 5)
    site.close()
    machine.rotate()
    site = machine.start(site.clock)
    fail(site, 5)
    assert not type_now(site)
    assert site.reasons()[-1] == "technician_off"
    site.close()


def test_a_cancellation_at_the_keypad_stays(machine: Machine) -> None:
    site = machine.start()
    set_up(site)
    assert opens(site, OFFLINE)
    site.wait(3600)
    site.type(f"{cancel(site.cloud_wall_s)}#")
    assert site.journal("offline_codes_cancelled")
    site.close()
    machine.rotate()
    site = machine.start(site.clock)
    assert not opens(site, OFFLINE)
    assert not opens(site, timed(48, serial=2))
    site.close()


def test_a_set_that_is_only_staged_is_moved_as_well(machine: Machine) -> None:
    site = machine.start()
    site.install(*ROWS)
    rows = [*ROWS, code_row("55555555-5555-4555-8555-555555555555", "310975")]
    site.offer(rows)
    site.say(site.bucket(rows, 0, 1))
    assert site.store.revision().applied_rev == 2
    site.close()
    machine.rotate()
    again = machine.start(site.clock)
    assert opens(again, "310975")
    again.close()


def test_the_journal_says_how_many_rows_were_moved_and_nothing_about_keys(
    machine: Machine, clock: VirtualClock
) -> None:
    site = machine.start(clock)
    (row,) = site.journal("root_secret_changed")
    assert row["detail"].keys() == {"rows"}
    assert row["detail"]["rows"] > 10
    site.close()
