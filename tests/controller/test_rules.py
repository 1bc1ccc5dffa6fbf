"""Rules of codes at a whole door: hours, holidays, first uses, kinds, across restarts and without a clock."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from agent.messages import UplinkChanged
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON, VirtualClock
from tests.controller.conftest import ANNA

GUEST = "22222222-2222-4222-8222-222222222222"
MONDAY = "2026-09-21"
"""NOON is 16:13:20 on that Monday in Berlin."""
HOUR, DAY = 3600, 86_400


def guest(**rules: Any) -> dict[str, Any]:
    return code_row(GUEST, "246802", **rules)


def hours(begins: str, ends: str, **rules: Any) -> dict[str, Any]:
    """A code for these hours of every day in Berlin."""
    weekly = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": begins, "to": ends}]
    return guest(weekly=weekly, zone="Europe/Berlin", **rules)


def until(local: str) -> float:
    """Seconds from NOON until a local time in Berlin, `2026-09-21T18:00`."""
    return datetime.fromisoformat(f"{local}+02:00").timestamp() - NOON


def outcomes(site: Site) -> list[str]:
    """What came of every entry, in order: `opened`, or why not."""
    rows = site.journal("access_granted", "access_denied")
    return [row["detail"].get("reason", "opened") for row in rows]


def restarted(site: Site, boot: str = "boot-1") -> Site:
    """The same door after a restart of its agent, or of the machine if `boot` is another."""
    site.close()
    site.clock.boot = boot
    return Site(Path(site.store.database.path).parent, site.clock)


def test_hours_open_at_their_first_second_and_close_at_their_last(site: Site) -> None:
    site.install(hours("17:00", "18:00"))
    for local in ("16:59:59", "17:00:00", "17:59:59", "18:00:00"):
        site.wait(until(f"{MONDAY}T{local}") - (site.cloud_wall_s - NOON))
        site.type("246802#")
    assert outcomes(site) == ["outside_schedule", "opened", "opened", "outside_schedule"]


def test_the_byte_is_right_at_the_change_before_any_key_is_pressed(site: Site) -> None:
    site.install(hours("17:00", "18:00"))
    table = site.controller.codes.holding.table
    before = table.active_now[0]
    site.wait(until(f"{MONDAY}T17:00:01"))
    assert (before, table.active_now[0]) == (0, 1)


def test_the_loop_wakes_for_the_change(site: Site) -> None:
    """The lock takes the time to be half a second later than the whole second it was told."""
    site.install(hours("17:00", "18:00"))
    site.wait(until(f"{MONDAY}T16:59:59"))
    assert site.controller.next_wait_s() == pytest.approx(0.5, abs=0.01)


def test_complaint_33_a_code_with_hours_does_not_work_at_any_other_time(site: Site) -> None:
    site.install(guest(weekly=[{"days": [2], "from": "08:00", "to": "18:00"}], zone="Europe/Berlin"))
    for _ in range(7):  # Monday to Sunday, 16:13
        site.type("246802#")
        site.wait(DAY)
    assert [one == "opened" for one in outcomes(site)] == [False, True, False, False, False, False, False]


def test_hours_over_midnight_stay_open_into_a_day_that_has_none(site: Site) -> None:
    site.install(guest(weekly=[{"days": [1], "from": "22:00", "to": "06:00"}], zone="Europe/Berlin"))
    for local in ("2026-09-21T23:00", "2026-09-22T05:59", "2026-09-22T06:00", "2026-09-22T23:00"):
        site.wait(until(local) - (site.cloud_wall_s - NOON))
        site.type("246802#")
    assert outcomes(site) == ["opened", "opened", "outside_schedule", "outside_schedule"]


def test_complaint_26_a_window_and_its_hours_do_not_shift_when_clocks_are_put_back(tmp_path: Path) -> None:
    """Sunday, 25 October 2026: 08:00 in Berlin is 07:00 UTC, a day before it was 06:00."""
    site = Site(tmp_path)
    site.connect()
    site.install(hours("08:00", "09:00"))
    site.say(UplinkChanged(False, "", "a month without a cloud"))
    site.wait(datetime.fromisoformat("2026-10-24T05:59:59Z").timestamp() - NOON)
    for seconds in (0, 1, DAY, HOUR):
        site.wait(seconds)
        site.connect()
        site.type("246802#")
    assert outcomes(site) == ["outside_schedule", "opened", "outside_schedule", "opened"]
    site.close()


def test_complaint_27_the_zone_of_the_host_has_no_say(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    site.install(hours("16:00", "17:00"))
    site.type("246802#")
    assert outcomes(site) == ["opened"]


def test_a_zone_the_lock_does_not_know_is_reported_and_opens_nothing(site: Site) -> None:
    site.install(guest(weekly=[{"days": [1], "from": "00:00", "to": "00:00"}], zone="Mars/Olympus"))
    site.type("246802#")
    assert [row["detail"]["errors"] for row in site.journal("code_state")] == [["schedule_invalid"]]
    assert outcomes(site) == ["unknown_code"]


def test_a_holiday_closes_a_day_and_another_has_the_hours_of_a_sunday(site: Site) -> None:
    holidays = [{"date": "2026-09-22", "rule": "deny"}, {"date": "2026-09-23", "rule": {"as_day": 7}}]
    weekly = [{"days": [1, 2, 3, 4], "from": "08:00", "to": "18:00"}]
    site.install(guest(weekly=weekly, zone="Europe/Berlin", holidays=holidays))
    for _ in range(4):
        site.type("246802#")
        site.wait(DAY)
    assert outcomes(site) == ["opened", "outside_schedule", "outside_schedule", "opened"]


def test_window_and_hours_must_both_allow_and_the_window_is_the_reason_given(site: Site) -> None:
    site.install(hours("17:00", "18:00", starts_at=NOON + DAY, ends_at=NOON + 2 * DAY))
    for local in (f"{MONDAY}T17:30", "2026-09-22T16:30", "2026-09-22T17:30", "2026-09-23T17:30"):
        site.wait(until(local) - (site.cloud_wall_s - NOON))
        site.type("246802#")
    assert outcomes(site) == ["not_yet_valid", "outside_schedule", "opened", "expired"]


def test_complaint_57_a_refusal_tells_expired_from_outside_hours_and_from_used_up(site: Site) -> None:
    others = [("33333333", "333335", {"ends_at": NOON - 1}), ("44444444", "444445", {"max_uses": 1})]
    rows = [code_row(f"{name}-2222-4222-8222-222222222222", digits, **rule) for name, digits, rule in others]
    site.install(hours("17:00", "18:00"), *rows)
    for digits in ("333335", "246802", "444445", "444445"):
        site.type(f"{digits}#")
    assert outcomes(site) == ["expired", "outside_schedule", "opened", "used_up"]


def test_hours_go_on_after_a_restart_in_the_middle_of_them(site: Site) -> None:
    site.install(hours("16:00", "17:00"))
    site.wait(HOUR / 2)
    again = restarted(site)
    again.type("246802#")
    again.wait(HOUR / 2)
    again.type("246802#")
    assert outcomes(again) == ["opened", "outside_schedule"]
    again.close()


@pytest.mark.parametrize("flag", [{}, {"works_without_clock": True}])
def test_without_a_clock_a_code_with_hours_is_refused_until_the_time_is_known(
    site: Site, flag: dict[str, bool]
) -> None:
    site.install(hours("16:00", "17:00", **flag))
    again = restarted(site, boot="boot-2")
    again.type("246802#")
    again.connect()
    again.type("246802#")
    assert outcomes(again) == ["clock_unknown", "opened"]
    again.close()


def test_a_clock_that_is_put_right_puts_the_hours_right(site: Site) -> None:
    site.install(hours("16:00", "17:00"))
    site.wait(until(f"{MONDAY}T17:01"))
    site.type("246802#")
    site.cloud_wall_s -= 180
    site.connect()
    site.type("246802#")
    assert outcomes(site) == ["outside_schedule", "opened"]


# --- uses ---------------------------------------------------------------------------------------------


def test_complaint_36_n_uses_count_down_to_none_across_a_restart(site: Site) -> None:
    site.install(guest(max_uses=3))
    site.type("246802#246802#")
    again = restarted(site)
    again.type("246802#246802#")
    assert outcomes(again) == ["opened", "opened", "opened", "used_up"]
    again.close()


def test_a_code_is_over_a_while_after_its_first_use_and_a_restart_does_not_prolong_it(site: Site) -> None:
    site.install(guest(expires_after_first_use_s=HOUR))
    site.wait(DAY)
    site.type("246802#")
    site.wait(HOUR - 1)
    again = restarted(site)
    again.type("246802#")
    again.wait(1)
    again.type("246802#")
    assert outcomes(again) == ["opened", "opened", "expired"]
    again.close()


def test_a_set_that_is_delivered_again_does_not_prolong_a_code(site: Site) -> None:
    site.install(guest(expires_after_first_use_s=HOUR))
    site.type("246802#")
    site.install()
    site.install(guest(expires_after_first_use_s=HOUR))
    site.wait(HOUR)
    site.type("246802#")
    assert outcomes(site) == ["opened", "expired"]


@pytest.mark.parametrize("rule", [{"max_uses": 1}, {"expires_after_first_use_s": 60}])
def test_a_change_of_another_code_gives_nothing_back(site: Site, rule: dict[str, int]) -> None:
    site.install(guest(**rule))
    site.type("246802#")
    site.install(guest(**rule), code_row("3" * 8 + "-2222-4222-8222-222222222222", "333333"))
    site.wait(60)
    site.type("246802#")
    assert (len(outcomes(site)), site.strike.releases) == (2, 1)


def test_a_first_use_must_come_within_its_time_after_the_start(site: Site) -> None:
    site.install(guest(starts_at=NOON + HOUR, first_use_within_s=HOUR))
    for seconds in (HOUR - 1, HOUR + 1):
        site.wait(seconds)
        site.type("246802#")
    assert outcomes(site) == ["not_yet_valid", "first_use_missed"]


def test_a_first_use_in_time_is_all_that_is_asked(site: Site) -> None:
    site.install(guest(first_use_within_s=HOUR))
    site.wait(HOUR - 1)
    site.type("246802#")
    site.wait(DAY)
    site.type("246802#")
    assert outcomes(site) == ["opened", "opened"]


def test_without_a_start_the_first_use_counts_from_when_the_lock_came_to_know_the_code(site: Site) -> None:
    site.install(guest(first_use_within_s=HOUR))
    site.wait(HOUR / 2)
    again = restarted(site)
    again.wait(HOUR / 2)
    again.type("246802#")
    assert outcomes(again) == ["first_use_missed"]
    again.close()


def test_a_lock_that_learns_a_code_before_the_time_counts_from_when_it_knows_both(tmp_path: Path) -> None:
    site = Site(tmp_path, VirtualClock())
    site.install(guest(first_use_within_s=HOUR))
    site.type("246802#")
    site.wait(2 * HOUR)
    site.connect()
    site.type("246802#")
    assert outcomes(site) == ["clock_unknown", "opened"]
    site.close()


def test_what_cannot_be_noted_of_a_first_use_is_tried_again_and_holds_up_nobody(site: Site) -> None:
    """A disk that was full when the code came, and is not a while later."""
    with site.store.database.transaction() as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON code_use BEGIN SELECT RAISE(ABORT, 'full'); END")
    site.install(code_row(ANNA, "493817"), hours("17:00", "18:00", first_use_within_s=DAY))
    site.wait(2.0)
    assert site.controller.next_wait_s() > 1.0
    site.wait(until(f"{MONDAY}T17:00") - (site.cloud_wall_s - NOON))
    site.press_rex()
    assert (site.strike.releases, site.controller.next_wait_s() > 1.0) == (1, True)
    with site.store.database.transaction() as db:
        db.execute("DROP TRIGGER full")
    site.wait(10.0)
    site.type("246802#")
    assert outcomes(site) == ["opened"]
    (known_since,) = site.store.database.read("SELECT known_since FROM code_use")[0]
    assert known_since == pytest.approx(until(f"{MONDAY}T17:00") + NOON, abs=10.0)


# --- kinds and the switch -----------------------------------------------------------------------------


def test_complaint_24_disabling_and_enabling_a_code_keeps_its_window(site: Site) -> None:
    rules = {"ends_at": NOON + 100}
    site.install(guest(**rules))
    site.install(guest(**rules, enabled=False))
    site.type("246802#")
    site.install(guest(**rules))
    site.type("246802#")
    site.wait(100)
    site.type("246802#")
    assert outcomes(site) == ["disabled", "opened", "expired"]


def test_complaint_25_a_temporary_code_can_become_permanent(site: Site) -> None:
    site.install(guest(ends_at=NOON + 100))
    site.install(guest(code_rev=1))
    site.wait(100)
    site.type("246802#")
    assert outcomes(site) == ["opened"]


@pytest.mark.parametrize(
    ("kind", "reason"), [("non_access", "non_access"), ("remote_only", "not_for_keypad")]
)
def test_kinds_that_do_not_open_are_recognised_and_refused(site: Site, kind: str, reason: str) -> None:
    site.install(guest(kind=kind))
    site.type("246802#")
    (row,) = site.journal("access_denied")
    assert (row["detail"]["access_code_id"], row["detail"]["reason"]) == (GUEST, reason)
    assert site.strike.releases == 0


def test_codes_that_never_open_are_no_guessers_prize(site: Site) -> None:
    site.install(guest(kind="non_access"), code_row("3" * 8 + "-2222-4222-8222-222222222222", "33335"))
    assert site.controller.codes.holding.live_lengths == (5,)
