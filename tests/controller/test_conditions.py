"""Bolt, fire alarm, power and broken units, as the controller deals with them."""

import sqlite3
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from agent.condition_side import ConditionPolicy
from agent.core.access_code import Kind
from firmware_sim.site import Site, code_row
from hal.ports import Condition, ConditionChanged, LinkChanged, Pattern, UnitFault

ANNA = "11111111-1111-4111-8111-111111111111"


def say(site: Site, condition: Condition, is_on: bool | None) -> None:
    site.say(ConditionChanged(condition, is_on))


def kinds(site: Site) -> list[str]:
    return [row["kind"] for row in site.journal()]


def alarms(site: Site) -> list[str]:
    found: list[str] = site.uplink.statuses[-1]["alarms"]
    return found


def with_policy(tmp_path: Path, policy: ConditionPolicy) -> Site:
    site = Site(tmp_path, conditions=policy)
    site.connect()
    site.install(code_row(ANNA, "493817"))
    return site


# --- bolt --------------------------------------------------------------------------------------------


def test_a_bolt_that_moves_as_it_is_told_is_locked_only_once_it_says_so(site: Site) -> None:
    site.close_door()
    say(site, Condition.BOLT_WITHDRAWN, False)
    site.type("493817#")
    said = [site.uplink.statuses[-1]["strike"]]
    say(site, Condition.BOLT_WITHDRAWN, True)
    site.wait(5.5)
    said.append(site.uplink.statuses[-1]["strike"])
    say(site, Condition.BOLT_WITHDRAWN, False)
    said.append(site.uplink.statuses[-1]["strike"])
    assert said == ["released", "unconfirmed", "locked"]
    assert "bolt_jammed" not in kinds(site)


def test_a_bolt_that_does_not_lock_is_told_again_and_is_then_an_alarm_until_it_moves(site: Site) -> None:
    say(site, Condition.BOLT_WITHDRAWN, False)
    site.type("493817#")
    say(site, Condition.BOLT_WITHDRAWN, True)
    site.wait(5.0 + 7.0)
    standing = (alarms(site), site.indicator.pattern)
    say(site, Condition.BOLT_WITHDRAWN, False)
    assert standing == (["bolt_jammed"], Pattern.DEGRADED)
    assert (kinds(site)[-1], alarms(site)) == ("bolt_free", [])


def test_trying_again_to_unlock_prolongs_no_release(site: Site) -> None:
    say(site, Condition.BOLT_WITHDRAWN, False)
    site.type("493817#")
    site.wait(4.9)
    released = site.strike.is_released
    site.wait(0.1)
    assert (site.strike.releases, released, site.strike.is_released) == (2, True, False)
    assert site.journal("bolt_jammed")[0]["detail"] == {"why": "unlocking"}


def test_a_bolt_that_is_withdrawn_unasked_is_in_the_journal_and_the_door_is_not_called_locked(
    site: Site,
) -> None:
    site.close_door()
    say(site, Condition.BOLT_WITHDRAWN, False)
    say(site, Condition.BOLT_WITHDRAWN, True)
    assert kinds(site)[-1] == "bolt_withdrawn"
    assert site.uplink.statuses[-1]["strike"] == "unconfirmed"


def test_a_bolt_nobody_hears_of_any_more_is_no_alarm(site: Site) -> None:
    say(site, Condition.BOLT_WITHDRAWN, False)
    site.type("493817#")
    say(site, Condition.BOLT_WITHDRAWN, None)
    site.wait(60.0)
    assert alarms(site) == []


# --- fire --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["normal", "lockdown", "passage"])
def test_a_fire_alarm_frees_the_door_in_every_mode_until_it_is_over(site: Site, mode: str) -> None:
    site.command("mode", mode=mode)
    say(site, Condition.FIRE, True)
    site.wait(600.0)
    freed = (site.strike.is_released, alarms(site))
    say(site, Condition.FIRE, False)
    assert freed == (True, ["fire"])
    assert site.strike.is_released is (mode == "passage")
    assert [row["detail"]["is_on"] for row in site.journal("fire_alarm")] == [True, False]


def test_neither_a_command_nor_a_mode_locks_a_door_in_a_fire(site: Site) -> None:
    say(site, Condition.FIRE, True)
    site.command("lock")
    site.command("mode", mode="lockdown")
    assert site.strike.is_released
    assert site.results() == [("lock", "refused", "fire_alarm"), ("mode", "done", None)]


def test_a_fire_alarm_whose_wire_burns_goes_on(site: Site) -> None:
    say(site, Condition.FIRE, True)
    say(site, Condition.FIRE, None)
    site.wait(60.0)
    assert site.strike.is_released


def test_a_fire_alarm_frees_the_door_even_when_nothing_can_be_written(
    site: Site, mocker: MockerFixture
) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    mocker.patch.object(site.store.database, "_connection", mocker.Mock(**{"execute.side_effect": full}))
    say(site, Condition.FIRE, True)
    released = site.strike.is_released
    mocker.stopall()
    assert released


def test_a_fire_that_is_on_at_the_start_frees_the_door_and_no_fire_is_no_row(site: Site) -> None:
    say(site, Condition.FIRE, False)
    assert "fire_alarm" not in kinds(site)
    say(site, Condition.FIRE, True)
    assert site.strike.is_released


def test_where_a_fire_alarm_is_only_told_the_door_stays_as_it_is(tmp_path: Path) -> None:
    site = with_policy(tmp_path, ConditionPolicy(fire_releases=False))
    say(site, Condition.FIRE, True)
    assert (site.strike.releases, alarms(site)) == (0, ["fire"])
    site.close()


# --- power -------------------------------------------------------------------------------------------


def test_failed_mains_and_a_low_battery_are_told_shown_and_over(site: Site) -> None:
    shown = []
    for condition, is_on in (
        (Condition.MAINS_FAILED, True),
        (Condition.BATTERY_LOW, True),
        (Condition.BATTERY_LOW, False),
        (Condition.MAINS_FAILED, False),
    ):
        say(site, condition, is_on)
        shown.append(site.indicator.pattern)
    assert shown == [Pattern.DEGRADED, Pattern.LOW_BATTERY, Pattern.DEGRADED, Pattern.READY]
    assert kinds(site)[-4:] == ["mains_failed", "battery_low", "battery_restored", "mains_restored"]
    assert alarms(site) == []


def test_power_that_is_as_it_should_be_at_the_start_is_no_row(site: Site) -> None:
    before = len(site.journal())
    say(site, Condition.MAINS_FAILED, False)
    say(site, Condition.BATTERY_LOW, False)
    assert len(site.journal()) == before


def test_with_a_low_battery_the_door_opens_unless_it_is_told_to_stay_shut(site: Site) -> None:
    say(site, Condition.BATTERY_LOW, True)
    site.type("493817#")
    assert site.strike.releases == 1


def test_a_door_that_spares_its_battery_lets_nobody_in_and_everybody_out(tmp_path: Path) -> None:
    site = with_policy(tmp_path, ConditionPolicy(low_battery_opens=False))
    say(site, Condition.BATTERY_LOW, True)
    site.type("493817#")
    site.command("unlock")
    releases = [site.strike.releases]
    site.press_rex()
    releases.append(site.strike.releases)
    say(site, Condition.BATTERY_LOW, False)
    site.wait(10.0)
    site.type("493817#")
    assert [*releases, site.strike.releases] == [0, 1, 2]
    assert (site.reasons(), site.results()) == (["battery_low"], [("unlock", "refused", "battery_low")])


def test_a_right_code_at_a_door_that_spares_its_battery_costs_no_guess(tmp_path: Path) -> None:
    site = with_policy(tmp_path, ConditionPolicy(low_battery_opens=False))
    say(site, Condition.BATTERY_LOW, True)
    for _ in range(20):
        site.type("493817#")
    assert set(site.reasons()) == {"battery_low"}
    site.close()


def test_passage_rests_while_the_battery_is_low_and_a_fire_does_not(tmp_path: Path) -> None:
    site = with_policy(tmp_path, ConditionPolicy(low_battery_opens=False))
    site.command("mode", mode="passage")
    say(site, Condition.BATTERY_LOW, True)
    released = [site.strike.is_released]
    say(site, Condition.FIRE, True)
    released.append(site.strike.is_released)
    say(site, Condition.FIRE, False)
    released.append(site.strike.is_released)
    say(site, Condition.BATTERY_LOW, False)
    assert [*released, site.strike.is_released] == [False, True, False, True]
    site.close()


def test_a_passage_code_frees_no_door_that_spares_its_battery(tmp_path: Path) -> None:
    site = with_policy(tmp_path, ConditionPolicy(low_battery_opens=False))
    site.install(code_row(ANNA, "493817", kind=Kind.PASSAGE.value))
    say(site, Condition.BATTERY_LOW, True)
    site.type("493817#")
    assert (site.strike.releases, site.reasons()) == (0, ["battery_low"])
    site.close()


# --- units -------------------------------------------------------------------------------------------


def test_a_broken_unit_is_an_alarm_and_everything_else_goes_on(site: Site) -> None:
    site.say(UnitFault("keypad", "a key has been down for 20 s", True))
    standing = (alarms(site), site.indicator.pattern)
    site.type("493817#")
    site.say(UnitFault("keypad", "no key is stuck any more", False))
    site.wait(10.0)
    assert standing == (["fault_keypad"], Pattern.DEGRADED)
    assert (site.strike.releases, alarms(site), site.indicator.pattern) == (1, [], Pattern.READY)
    assert [row["detail"]["is_faulty"] for row in site.journal("unit_fault")] == [True, False]


def test_the_same_fault_twice_is_one_row_and_a_sound_unit_is_none(site: Site) -> None:
    for is_faulty in (False, True, True):
        site.say(UnitFault("keypad", "a key has been down for 20 s", is_faulty))
    assert len(site.journal("unit_fault")) == 1


def test_a_unit_that_is_away_shows_at_the_keypad_that_is_there(site: Site) -> None:
    site.say(LinkChanged("inside", False, "no answer"))
    shown = site.indicator.pattern
    site.say(LinkChanged("inside", True, "secure session"))
    assert (shown, site.indicator.pattern) == (Pattern.DEGRADED, Pattern.READY)
