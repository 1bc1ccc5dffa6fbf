"""The door as the controller runs it: relock, alarms, REX, links, storage that fails."""

import sqlite3
from pathlib import Path

from pytest_mock import MockerFixture

from firmware_sim.site import Site, code_row
from hal.ports import LinkChanged, Pattern, StrikeFailed, TamperChanged


def test_a_visit_is_in_the_journal_from_grant_to_relock(site: Site) -> None:
    site.close_door()
    site.type("493817#")
    site.open_door()
    site.wait(2.0)
    site.close_door()
    site.wait(1.0)
    kinds = [row["kind"] for row in site.journal()]
    assert kinds[-4:] == ["access_granted", "door_opened", "door_closed", "relocked"]
    assert not site.strike.is_released


def test_a_restart_during_an_unlock_leaves_the_strike_locked_without_a_pulse(
    site: Site, tmp_path: Path
) -> None:
    site.type("493817#")
    site.close()
    again = Site(tmp_path, site.clock)
    again.wait(10.0)
    assert (again.strike.is_released, again.strike.releases) == (False, 0)
    again.close()


def test_a_forced_door_is_an_alarm_in_journal_and_status(site: Site) -> None:
    site.close_door()
    site.open_door()
    site.wait(1.0)
    assert site.journal("door_forced")
    assert "door_forced" in site.uplink.statuses[-1]["alarms"]


def test_the_alarm_of_a_forced_door_ends_when_the_cloud_acknowledges_it(site: Site) -> None:
    site.close_door()
    site.open_door()
    site.wait(1.0)
    site.close_door()
    assert "door_forced" in site.uplink.statuses[-1]["alarms"]
    site.command("acknowledge", length_class="short")
    assert "door_forced" in site.uplink.statuses[-1]["alarms"]
    site.command("acknowledge")
    assert "door_forced" not in site.uplink.statuses[-1]["alarms"]
    assert site.journal("door_forced_over")


def test_a_door_held_open_is_warned_of_and_shows_at_the_keypad_until_it_closes(site: Site) -> None:
    site.type("493817#")
    site.open_door()
    shown = []
    for seconds in (15.0, 10.0, 10.0):
        site.wait(seconds)
        shown.append(site.indicator.pattern)
    site.close_door()
    assert [*shown, site.indicator.pattern] == [
        Pattern.READY,
        Pattern.PRE_ALARM,
        Pattern.HELD,
        Pattern.READY,
    ]


def test_a_request_to_exit_opens_even_when_nothing_can_be_written(site: Site, mocker: MockerFixture) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    mocker.patch.object(site.store.database, "_connection", mocker.Mock(**{"execute.side_effect": full}))
    site.press_rex()
    released = site.strike.is_released
    mocker.stopall()
    assert released


def test_when_nothing_can_be_written_no_code_opens_and_the_keypad_says_fault(
    site: Site, mocker: MockerFixture
) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    mocker.patch.object(
        site.store.database, "_connection", mocker.Mock(in_transaction=False, **{"execute.side_effect": full})
    )
    site.type("493817#")
    pattern = site.indicator.pattern
    mocker.stopall()
    assert (site.strike.releases, pattern) == (0, Pattern.FAULT)


def test_once_it_can_be_written_again_the_door_works_again(site: Site, mocker: MockerFixture) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    mocker.patch.object(
        site.store.database, "_connection", mocker.Mock(in_transaction=False, **{"execute.side_effect": full})
    )
    site.type("493817#")
    mocker.stopall()
    site.type("493817#")
    site.wait(10.0)
    assert (site.strike.releases, site.indicator.pattern) == (1, Pattern.READY)


def test_an_outcome_that_took_too_long_to_become_durable_opens_nothing(site: Site) -> None:
    """A card that stalls for six seconds at each commit."""

    def stall(statement: str) -> None:
        site.clock.now_s += 6.0 if statement == "COMMIT" else 0.0

    site.store.database._connection.set_trace_callback(stall)
    site.type("493817#")
    assert (site.strike.releases, site.indicator.pattern) == (0, Pattern.FAULT)
    assert site.journal("access_granted")


def test_tamper_lost_links_and_a_dead_strike_are_journalled_and_shown_as_alarms(site: Site) -> None:
    site.say(TamperChanged("outside", True))
    site.say(LinkChanged("inside", False, "silent"))
    site.say(StrikeFailed("not confirmed within 1 s"))
    assert site.uplink.statuses[-1]["alarms"] == ["tamper_outside", "link_inside"]
    assert [row["kind"] for row in site.journal()][-3:] == ["tamper", "link_lost", "strike_failed"]


def test_a_code_with_an_extended_release_keeps_the_strike_released_for_longer(site: Site) -> None:
    site.install(code_row("1" * 8 + "-1111-4111-8111-111111111111", "493817", extended_release=True))
    site.type("493817#")
    site.wait(14.9)
    released = site.strike.is_released
    site.wait(0.1)
    assert (released, site.strike.is_released) == (True, False)


def test_a_grant_that_nobody_takes_is_in_the_journal(site: Site) -> None:
    site.close_door()
    site.type("493817#")
    site.wait(6.0)
    assert [row["kind"] for row in site.journal()][-3:] == ["access_granted", "relocked", "access_not_taken"]
