"""A whole door that follows a mode schedule: boundaries, people between them, restarts, and clocks."""

import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent import questions
from agent.core.mode_schedule import ModeSchedule
from agent.core.mode_schedule_fields import mode_schedule_of
from agent.core.modes import Mode
from agent.core.timekeeping import MAX_BOUND_S
from agent.errors import StorageFault
from agent.zones import zone_named
from firmware_sim.enrolled import ROOT
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON
from hal.ports import LinkChanged
from tests.controller.conftest import ANNA
from tests.controller.test_commands import restarted

HOUR, DAY = 3600.0, 86400.0
EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]


def entry(begins: str, ends: str, mode: str) -> dict[str, Any]:
    return {"days": EVERY_DAY, "from": begins, "to": ends, "mode": mode}


def fields(*weekly: dict[str, Any]) -> dict[str, Any]:
    return {"weekly": list(weekly), "zone": "UTC"}


# A site begins at 14:13:20 UTC.
AFTERNOON = fields(entry("15:00", "16:00", "passage"))
UNTIL_1500, UNTIL_1600 = 46 * 60 + 40.0, 106 * 60 + 40.0


def of_file(schedule: dict[str, Any] = AFTERNOON) -> ModeSchedule:
    return mode_schedule_of(schedule, zone_named)


def whys(site: Site) -> list[tuple[str, str]]:
    return [(row["detail"]["mode"], row["detail"]["why"]) for row in site.journal("mode")]


@pytest.fixture
def scheduled(site: Site) -> Site:
    """A door at 14:13 that is to be free from 15:00 to 16:00."""
    site.command("config", mode_schedule=AFTERNOON)
    return site


def test_the_door_is_free_from_boundary_to_boundary_and_wakes_for_each(scheduled: Site) -> None:
    scheduled.wait(UNTIL_1500 - 1)
    assert not scheduled.strike.is_released
    scheduled.wait(2)
    assert scheduled.strike.is_released
    scheduled.wait(HOUR - 3)
    assert scheduled.strike.is_released
    scheduled.wait(2)
    assert not scheduled.strike.is_released
    assert whys(scheduled) == [("normal", "schedule"), ("passage", "schedule"), ("normal", "schedule")]
    moved = [row["wall_ms"] / 1000 - NOON for row in scheduled.journal("mode")[1:]]
    assert moved == pytest.approx([UNTIL_1500, UNTIL_1600], abs=1.1)


def test_nothing_is_done_between_boundaries(scheduled: Site) -> None:
    scheduled.wait(DAY)
    assert len(scheduled.journal("mode")) == 3


def test_a_schedule_counts_from_the_moment_it_comes(site: Site) -> None:
    site.command("config", mode_schedule=fields(entry("14:00", "15:00", "passage")))
    assert site.strike.is_released
    site.command("config", mode_schedule=None)
    assert not site.strike.is_released
    assert site.results() == [("config", "done", None)] * 2


def test_the_same_schedule_again_changes_nothing(scheduled: Site) -> None:
    scheduled.wait(UNTIL_1500 + 1)
    scheduled.command("mode", mode="normal")
    scheduled.command("config", mode_schedule=AFTERNOON, release_s=7)
    assert not scheduled.strike.is_released


def test_a_mode_set_by_command_lasts_until_the_next_boundary(scheduled: Site) -> None:
    scheduled.command("mode", mode="passage")
    scheduled.wait(UNTIL_1500 + 60)
    scheduled.command("mode", mode="no_remote")
    scheduled.wait(HOUR - 120)
    seen = [scheduled.controller.commands.mode]
    scheduled.wait(120)
    assert [*seen, scheduled.controller.commands.mode] == [Mode.NO_REMOTE, Mode.NORMAL]


@pytest.mark.parametrize("mode", ["lockdown", "privacy", "vacation"])
def test_a_person_who_closed_the_door_is_not_overruled_and_the_journal_says_so(
    scheduled: Site, mode: str
) -> None:
    scheduled.command("mode", mode=mode)
    scheduled.wait(DAY)
    assert scheduled.strike.releases == 0
    assert whys(scheduled)[1:] == [(mode, "command"), (mode, "kept"), (mode, "kept")]


def test_after_lockdown_the_schedule_goes_on_at_its_next_boundary(scheduled: Site) -> None:
    scheduled.command("mode", mode="lockdown")
    scheduled.wait(UNTIL_1500 + 60)
    scheduled.command("mode", mode="normal")
    scheduled.wait(60)
    assert not scheduled.strike.is_released
    scheduled.wait(DAY)
    assert scheduled.strike.is_released


def test_a_scheduled_lockdown_refuses_codes_and_lets_out(site: Site) -> None:
    site.command("config", mode_schedule=fields(entry("14:00", "15:00", "lockdown")))
    site.type("493817#")
    assert (site.reasons(), site.strike.releases) == (["blocked_by_mode"], 0)
    site.press_rex()
    assert site.strike.is_released
    site.wait(HOUR)
    site.type("493817#")
    assert site.strike.is_released


def test_a_key_pressed_right_after_a_boundary_is_judged_by_the_new_mode(site: Site) -> None:
    site.command("config", mode_schedule=fields(entry("15:00", "16:00", "lockdown")))
    site.wait(UNTIL_1500 - 10)
    site.clock.now_s += 60  # the process did not get its turn in time
    site.type("493817#")
    assert site.reasons() == ["blocked_by_mode"]


def test_a_passage_code_closes_early_and_the_next_boundary_counts_again(scheduled: Site) -> None:
    scheduled.install(code_row(ANNA, "493817", kind="passage"))
    scheduled.wait(UNTIL_1500 + 60)
    scheduled.type("493817#")
    scheduled.wait(60)
    assert not scheduled.strike.is_released
    scheduled.wait(DAY)
    assert scheduled.strike.is_released


# --- restarts -----------------------------------------------------------------------------------------


def test_scheduled_passage_goes_on_after_a_restart_and_still_ends(scheduled: Site, tmp_path: Path) -> None:
    scheduled.wait(UNTIL_1500 + 60)
    again = restarted(scheduled, tmp_path)
    assert again.strike.is_released
    again.wait(HOUR)
    assert not again.strike.is_released
    assert whys(again)[-2:] == [("passage", "schedule"), ("normal", "schedule")]


def test_a_boundary_that_passed_while_the_agent_was_down_is_caught_up_with(
    scheduled: Site, tmp_path: Path
) -> None:
    scheduled.wait(UNTIL_1500 + 60)
    scheduled.clock.now_s += HOUR
    again = restarted(scheduled, tmp_path)
    assert (again.strike.releases, again.controller.commands.mode) == (0, Mode.NORMAL)


def test_a_command_between_boundaries_survives_a_restart(scheduled: Site, tmp_path: Path) -> None:
    scheduled.wait(UNTIL_1500 + 60)
    scheduled.command("mode", mode="normal")
    again = restarted(scheduled, tmp_path)
    again.wait(60)
    assert again.strike.releases == 0


def test_the_configuration_file_has_a_schedule_too_until_the_cloud_gives_another(tmp_path: Path) -> None:
    site = Site(tmp_path, mode_schedule=of_file())
    site.connect()
    site.say(LinkChanged("inside", True, "secure session"))
    site.wait(UNTIL_1500 + 1)
    assert site.strike.is_released
    site.command("config", mode_schedule=fields(entry("18:00", "19:00", "vacation")))
    assert not site.strike.is_released
    site.command("config", mode_schedule=None)
    assert site.strike.is_released
    site.close()


def test_a_schedule_taken_out_of_the_file_leaves_no_door_free(tmp_path: Path) -> None:
    site = Site(tmp_path, mode_schedule=of_file())
    site.connect()
    site.wait(UNTIL_1500 + 1)
    assert site.strike.is_released
    again = restarted(site, tmp_path)
    assert (again.strike.releases, again.controller.commands.mode) == (0, Mode.NORMAL)


def test_a_mode_that_an_older_agent_kept_still_counts(site: Site, tmp_path: Path) -> None:
    mac = hmac.digest(ROOT.derive("row"), b"operating_mode|lockdown", "sha256")[:16]
    with site.store.database.transaction() as db:
        db.execute("INSERT INTO operating_mode (id, mode, mac) VALUES (1, 'lockdown', ?)", (mac,))
    again = restarted(site, tmp_path)
    assert (again.controller.commands.mode, again.journal("fault")) == (Mode.LOCKDOWN, [])


# --- clocks -------------------------------------------------------------------------------------------


def test_without_a_clock_no_schedule_opens_and_with_one_it_does(scheduled: Site, tmp_path: Path) -> None:
    scheduled.wait(UNTIL_1500 + 60)
    scheduled.close()
    scheduled.clock.boot, scheduled.clock.now_s = "boot-2", 5.0
    again = Site(tmp_path, scheduled.clock)
    again.cloud_wall_s = NOON + UNTIL_1500 + 120
    again.wait(60)
    assert (again.strike.releases, again.controller.commands.mode) == (0, Mode.NORMAL)
    again.connect()
    assert again.strike.is_released
    again.close()


def test_scheduled_passage_ends_when_nobody_knows_the_time_any_more(site: Site) -> None:
    site.command("config", mode_schedule=fields(entry("00:00", "00:00", "passage")))
    assert site.strike.is_released
    keeper = site.controller.clock.keeper
    assert keeper.anchor is not None
    unknown_in_s = (MAX_BOUND_S - keeper.anchor.bound_s) / (keeper.ppm * 1e-6)
    site.uplink.requests.clear()
    site.clock.now_s += unknown_in_s + 1
    site.wait(60)
    assert not site.strike.is_released
    assert whys(site)[-1] == ("normal", "clock_unknown")
    site.cloud_wall_s += unknown_in_s + 1
    site.connect()
    assert site.strike.is_released
    assert whys(site)[-1] == ("passage", "schedule")


def test_a_scheduled_lockdown_stays_without_a_clock(site: Site, tmp_path: Path) -> None:
    site.command("config", mode_schedule=fields(entry("14:00", "15:00", "lockdown")))
    site.close()
    site.clock.boot, site.clock.now_s = "boot-2", 5.0
    again = Site(tmp_path, site.clock)
    again.wait(DAY)
    again.type("493817#")
    assert again.reasons() == ["blocked_by_mode"]
    again.close()


def test_scheduled_passage_waits_for_the_units_at_the_door(scheduled: Site) -> None:
    scheduled.say(LinkChanged("inside", False, "no answer"))
    scheduled.wait(UNTIL_1500 + 60)
    assert (scheduled.strike.releases, scheduled.controller.commands.mode) == (0, Mode.NORMAL)
    scheduled.say(LinkChanged("inside", True, "secure session"))
    assert scheduled.strike.is_released
    assert whys(scheduled)[1:] == [("passage", "schedule")]


@pytest.mark.parametrize("jump_s", [-60.0, 60.0, -250.0])
def test_a_corrected_clock_neither_flaps_nor_misses_a_boundary(scheduled: Site, jump_s: float) -> None:
    scheduled.wait(UNTIL_1500 + 30)
    scheduled.cloud_wall_s += jump_s
    scheduled.connect()
    scheduled.wait(HOUR - 30 - jump_s - 10)
    assert scheduled.strike.is_released
    scheduled.wait(20)
    assert not scheduled.strike.is_released
    assert whys(scheduled)[1:] == [("passage", "schedule"), ("normal", "schedule")]


# --- storage ------------------------------------------------------------------------------------------


@pytest.fixture
def broken(scheduled: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Breaks the disk under the door's feet."""

    def fail(*_arguments: object) -> None:
        raise StorageFault("disk I/O error")

    return lambda: monkeypatch.setattr(scheduled.store.database, "transaction", fail)


def test_passage_that_cannot_be_made_durable_does_not_begin(
    scheduled: Site, broken: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken()
    scheduled.wait(UNTIL_1500 + 60)
    assert scheduled.strike.releases == 0
    monkeypatch.undo()
    scheduled.wait(10)
    assert scheduled.strike.is_released


def test_passage_ends_also_when_that_cannot_be_made_durable(
    scheduled: Site, broken: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled.wait(UNTIL_1500 + 60)
    broken()
    scheduled.wait(HOUR)
    assert (scheduled.strike.is_released, scheduled.controller.commands.mode) == (False, Mode.NORMAL)
    monkeypatch.undo()
    scheduled.wait(10)
    assert whys(scheduled)[-1] == ("normal", "schedule")


# --- what shows, and what is changed by hand ------------------------------------------------------------


@pytest.mark.parametrize("change", ["set_by='schedule'", "boundary_s=boundary_s+1", "schedule=''"])
def test_what_set_the_mode_cannot_be_changed_by_hand_either(
    scheduled: Site, tmp_path: Path, change: str
) -> None:
    scheduled.wait(UNTIL_1500 + 60)
    scheduled.command("mode", mode="lockdown")
    with scheduled.store.database.transaction() as db:
        db.execute(f"UPDATE operating_mode SET {change}")
    again = restarted(scheduled, tmp_path)
    assert [row["detail"] for row in again.journal("fault")] == [
        {"what": "operating_mode_changed_from_outside"}
    ]


def test_status_says_in_which_mode_the_door_is_why_and_until_when(scheduled: Site) -> None:
    scheduled.wait(UNTIL_1500 + 60)
    seen = questions.status(scheduled.controller)
    assert (seen["mode"], seen["mode_by"]) == ("passage", "schedule")
    assert seen["mode_until_s"] == NOON + UNTIL_1600
    scheduled.command("mode", mode="lockdown")
    seen = questions.status(scheduled.controller)
    assert (seen["mode"], seen["mode_by"], seen["mode_until_s"]) == ("lockdown", "command", None)
