"""Operating modes at a whole door: what opens, how passage is kept up, and what a restart makes of it."""

from pathlib import Path

import pytest

from agent.core.modes import Mode
from firmware_sim.site import Site
from firmware_sim.virtual_parts import VirtualClock
from hal.ports import LinkChanged, StrikeFailed
from tests.controller.conftest import ANNA
from tests.controller.test_commands import restarted

#        code   command REX: does it open?
TABLE = {
    Mode.NORMAL: (True, True, True),
    Mode.VACATION: (False, True, True),
    Mode.PRIVACY: (False, False, True),
    Mode.NO_REMOTE: (True, False, True),
    Mode.LOCKDOWN: (False, False, True),
}


def opens(site: Site) -> bool:
    """Whether the strike was released since the last question; then it has locked again."""
    was_released = site.strike.is_released
    site.wait(10.0)
    return was_released


@pytest.mark.parametrize("mode", TABLE)
def test_each_mode_opens_for_whom_it_should(site: Site, mode: Mode) -> None:
    site.command("mode", mode=mode.value)
    site.type("493817#")
    by_code = opens(site)
    site.command("unlock")
    by_command = opens(site)
    site.press_rex()
    assert (by_code, by_command, opens(site)) == TABLE[mode]


@pytest.mark.parametrize("mode", Mode)
def test_the_mode_is_reported_and_journalled(site: Site, mode: Mode) -> None:
    site.command("mode", mode=mode.value)
    assert site.uplink.statuses[-1]["mode"] == mode.value
    assert [row["detail"] for row in site.journal("mode")] == [{"mode": mode.value, "why": "command"}]


def test_a_right_code_in_the_wrong_mode_is_named_and_costs_no_guess(site: Site) -> None:
    site.command("mode", mode="lockdown")
    for _ in range(7):
        site.type("493817#")
    assert set(site.reasons()) == {"blocked_by_mode"}
    assert {row["detail"]["access_code_id"] for row in site.journal("access_denied")} == {ANNA}


def test_a_wrong_code_in_the_wrong_mode_still_costs_one(site: Site) -> None:
    site.command("mode", mode="lockdown")
    for _ in range(6):
        site.type("111111#")
    assert site.reasons() == ["unknown_code"] * 5 + ["throttled"]


def test_a_mode_says_nothing_about_a_code_at_the_keypad(site: Site) -> None:
    site.command("mode", mode="lockdown")
    shown = []
    for entry in ("493817#", "111111#"):
        start = site.clock.now_s
        before = len(site.indicator.shown)
        site.type(entry)
        site.wait(5.0)
        shown.append([(round(at - start, 3), pattern) for at, pattern in site.indicator.shown[before:]])
    assert shown[0] == shown[1] != []


# --- lockdown and privacy -------------------------------------------------------------------------------


def test_lockdown_lets_everybody_out_and_stays(site: Site) -> None:
    site.command("mode", mode="lockdown")
    site.press_rex()
    assert site.strike.is_released
    site.wait(6.0)
    site.type("493817#")
    assert site.reasons() == ["blocked_by_mode"]


def test_privacy_ends_when_somebody_leaves_by_the_exit_button(site: Site, tmp_path: Path) -> None:
    site.command("mode", mode="privacy")
    site.press_rex()
    assert [row["detail"] for row in site.journal("mode")][1:] == [{"mode": "normal", "why": "rex"}]
    assert restarted(site, tmp_path).controller.commands.mode is Mode.NORMAL


def test_privacy_cannot_begin_while_the_door_is_open_or_released(site: Site) -> None:
    site.command("unlock")
    site.command("mode", mode="privacy")
    site.wait(6.0)
    site.open_door()
    site.command("mode", mode="privacy")
    refused = ("mode", "refused", "door_not_shut")
    assert site.results()[1:] == [refused, refused]


# --- passage --------------------------------------------------------------------------------------------


def test_passage_keeps_the_door_free_by_short_releases(site: Site) -> None:
    site.command("mode", mode="passage")
    for _ in range(100):
        site.wait(3.0)
        assert site.strike.is_released
    assert site.strike.releases == 31, "once at the beginning, then every ten seconds"


def test_a_free_strike_that_nobody_tells_any_more_locks_by_itself(site: Site) -> None:
    site.command("mode", mode="passage")
    site.wait(9.0)
    site.clock.now_s += 21.0  # the agent hangs
    assert not site.strike.is_released


def test_a_strike_that_is_away_during_passage_is_one_row_each_time(site: Site) -> None:
    site.command("mode", mode="passage")
    for _ in range(3):
        site.say(StrikeFailed("no answer"))
    site.say(LinkChanged("inside", True, "secure session"))
    site.say(StrikeFailed("no answer"))
    assert len(site.journal("strike_failed")) == 2


def test_in_passage_an_open_door_is_neither_forced_nor_held(site: Site) -> None:
    site.command("mode", mode="passage")
    site.open_door()
    site.wait(120.0)
    site.close_door()
    site.wait(5.0)
    assert (site.journal("door_forced", "door_held", "relocked"), site.strike.is_released) == ([], True)


def test_neither_code_nor_exit_button_shortens_passage(site: Site) -> None:
    site.command("mode", mode="passage")
    site.type("493817#")
    site.press_rex()
    site.wait(9.0)
    assert site.strike.is_released
    site.command("lock")
    assert site.results()[-1] == ("lock", "refused", "blocked_by_mode")


def test_the_end_of_passage_locks_and_a_door_propped_open_is_noticed(site: Site) -> None:
    site.command("mode", mode="passage")
    site.open_door()
    site.command("mode", mode="normal")
    assert not site.strike.is_released
    site.wait(31.0)
    assert site.controller.door.alarms() == ["door_held"]


# --- after a start --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.VACATION, Mode.PRIVACY, Mode.NO_REMOTE, Mode.LOCKDOWN])
def test_a_mode_that_closes_counts_from_the_first_moment_after_a_start(
    site: Site, tmp_path: Path, mode: Mode
) -> None:
    site.command("mode", mode=mode.value)
    site.close()
    again = Site(tmp_path, site.clock)
    assert again.controller.commands.mode is mode
    assert again.journal("mode")[-1]["detail"] == {"mode": mode.value, "why": "start"}
    again.close()


def test_passage_comes_back_after_a_restart_once_the_units_at_the_door_answer(
    site: Site, tmp_path: Path
) -> None:
    site.command("mode", mode="passage")
    again = restarted(site, tmp_path)
    assert again.strike.is_released
    assert again.journal("mode")[-1]["detail"] == {"mode": "passage", "why": "start"}


def test_after_a_power_cut_without_a_clock_a_door_in_passage_stays_locked_until_the_time_is_known(
    site: Site, tmp_path: Path
) -> None:
    site.command("mode", mode="passage")
    site.close()
    clock: VirtualClock = site.clock
    clock.boot, clock.now_s = "boot-2", 5.0
    again = Site(tmp_path, clock)
    again.say(LinkChanged("inside", True, "secure session"))
    again.wait(60.0)
    assert (again.strike.releases, again.uplink.statuses[-1]["mode"]) == (0, "normal")
    again.connect()
    assert again.strike.is_released
    again.close()


def test_a_mode_written_into_the_database_by_hand_opens_nothing(site: Site, tmp_path: Path) -> None:
    site.command("mode", mode="lockdown")
    with site.store.database.transaction() as db:
        db.execute("UPDATE operating_mode SET mode='passage'")
    again = restarted(site, tmp_path)
    assert (again.strike.releases, again.controller.commands.mode) == (0, Mode.NORMAL)
    assert [row["detail"] for row in again.journal("fault")] == [
        {"what": "operating_mode_changed_from_outside"}
    ]
