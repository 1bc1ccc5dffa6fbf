"""Time, zones and clocks: complaints 26 to 34."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from agent.messages import UplinkChanged
from cloud_sim import access_codes, api_fields
from cloud_sim.seam import code_windows
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON
from hal.ports import Pattern
from tests.complaints.pair import DAY_S, Pair, sleep

GUEST = "22222222-2222-4222-8222-222222222222"
HOUR = 3600


@pytest.fixture
def unplugged(tmp_path: Path) -> Iterator[Site]:
    """A lock that holds its codes, after a power cut that set its clock to 1970, and with nobody to ask."""
    before = Site(tmp_path)
    before.connect()
    before.install(
        code_row("1" * 8 + "-1111-4111-8111-111111111111", "493817"),
        code_row(GUEST, "246802", starts_at=NOON, ends_at=NOON + DAY_S),
        code_row(
            "3" * 8 + "-3333-4333-8333-333333333333",
            "135791",
            weekly=[{"days": [1], "from": "16:00", "to": "17:00"}],
            zone="Europe/Berlin",
        ),
    )
    before.close()
    before.clock.boot, before.clock.now_s, before.clock.wall_s = "boot-2", 5.0, 0.0
    after = Site(tmp_path, before.clock)
    after.cloud_wall_s = NOON + 60.0
    yield after
    after.close()


def outcomes(site: Site) -> list[str]:
    """What came of every entry, in order: `opened`, or why not."""
    rows = site.journal("access_granted", "access_denied")
    return [row["detail"].get("reason", "opened") for row in rows]


@pytest.mark.parametrize(
    ("changes_at", "offsets"),
    [("2026-10-25T01:00:00+00:00", (2, 1)), ("2027-03-28T01:00:00+00:00", (1, 2))],
    ids=["back", "forward"],
)
def test_complaint_26_a_stay_over_a_change_of_the_clocks_is_neither_longer_nor_shorter(
    tmp_path: Path, changes_at: str, offsets: tuple[int, int]
) -> None:
    """From 15:00 the day before to 11:00 the day after, by the clocks of Berlin; set long before."""
    change = datetime.fromisoformat(changes_at)
    day_before, day_after = change.timestamp() - 25 * HOUR, change.timestamp() + 23 * HOUR
    begins, ends = day_before + (15 - offsets[0]) * HOUR, day_after + (11 - offsets[1]) * HOUR
    site = Site(tmp_path)
    site.connect()
    site.install(code_row(GUEST, "246802", starts_at=int(begins), ends_at=int(ends)))
    for moment in (begins - 1, begins + 1, ends - 2, ends):
        sleep(site, moment - site.cloud_wall_s)
        site.connect()
        site.type("246802#")
    assert outcomes(site) == ["not_yet_valid", "opened", "opened", "expired"]
    site.close()


def test_complaint_28_nobody_reckons_offsets_the_name_of_a_zone_is_all_that_is_said(lock: Site) -> None:
    """The same hours on the wall before, after, and half a year later, from one definition."""
    hours = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "08:00", "to": "09:00"}]
    lock.install(code_row(GUEST, "246802", weekly=hours, zone="Europe/Berlin"))
    for utc in ("2026-10-24T06:30", "2026-10-25T06:30", "2026-10-25T07:30", "2027-03-28T06:30"):
        sleep(lock, datetime.fromisoformat(f"{utc}+00:00").timestamp() - lock.cloud_wall_s)
        lock.connect()
        lock.type("246802#")
    assert outcomes(lock) == ["opened", "outside_schedule", "opened", "opened"]


def test_complaint_29_a_lock_that_thinks_it_is_1970_lets_in_nobody_whose_time_it_cannot_know(
    unplugged: Site,
) -> None:
    unplugged.type("493817#246802#135791#")
    assert outcomes(unplugged) == ["opened", "clock_unknown", "clock_unknown"]
    unplugged.wait(5)
    assert unplugged.indicator.pattern is Pattern.CLOCK_UNKNOWN


def test_complaint_29_windows_and_zones_are_still_known_once_the_time_is(unplugged: Site) -> None:
    unplugged.connect()
    unplugged.type("246802#135791#")
    assert outcomes(unplugged) == ["opened", "opened"]


def test_complaint_30_the_door_waits_for_no_clock(unplugged: Site) -> None:
    before = unplugged.clock.now_s
    unplugged.type("493817#")
    assert (unplugged.strike.releases, unplugged.clock.now_s) == (1, before)


@pytest.mark.parametrize("hours", [0, 6, 100])
def test_complaint_30_31_a_network_that_comes_late_sets_the_clock_all_the_same(
    unplugged: Site, hours: int
) -> None:
    sleep(unplugged, hours * HOUR)
    unplugged.cloud_wall_s = NOON + 60.0
    unplugged.connect()
    assert unplugged.uplink.statuses[-1]["clock"] == "trusted"
    unplugged.type("246802#")
    assert outcomes(unplugged) == ["opened"]


def test_complaint_31_a_cloud_that_does_not_answer_at_first_is_asked_again(unplugged: Site) -> None:
    unplugged.controller.cloud.connect()
    unplugged.say(UplinkChanged(True, "sid", ""))
    unplugged.uplink.requests.clear()
    sleep(unplugged, HOUR)
    assert unplugged.uplink.statuses[-1]["clock"] == "unknown"
    unplugged.answer_time()
    assert unplugged.controller.clock.is_known()


def test_complaint_32_a_clock_that_nobody_has_confirmed_for_long_says_so_by_itself(lock: Site) -> None:
    seen = [lock.uplink.statuses[-1]["clock"]]
    for days in (1, 60):
        sleep(lock, days * DAY_S)
        seen.append(lock.uplink.statuses[-1]["clock"])
    assert seen == ["trusted", "holdover", "unknown"]


def test_complaint_32_a_clock_that_drifted_is_put_right_at_the_next_answer(lock: Site) -> None:
    lock.install(code_row(GUEST, "246802", ends_at=NOON + DAY_S + 60))
    sleep(lock, DAY_S)
    lock.cloud_wall_s += 61  # a slow clock: the guest has gone
    lock.connect()
    lock.type("246802#")
    assert outcomes(lock) == ["expired"]


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"starts_at": NOON + DAY_S}, "not_yet_valid"),
        ({"ends_at": NOON - 1}, "expired"),
        ({"weekly": [{"days": [2], "from": "00:00", "to": "00:00"}], "zone": "UTC"}, "outside_schedule"),
        ({"holidays": [{"date": "2026-09-21", "rule": "deny"}], "zone": "UTC"}, "outside_schedule"),
    ],
)
def test_complaint_33_no_rule_of_time_is_ignored(lock: Site, rules: dict[str, Any], reason: str) -> None:
    lock.install(code_row(GUEST, "246802", **rules))
    lock.type("246802#")
    assert outcomes(lock) == [reason]


def test_complaint_34_a_start_that_is_already_over_means_now(pair: Pair) -> None:
    code = pair.create("493817", starts_at=int(pair.now) - 90)
    pair.exchange()
    assert (pair.status(code), pair.opens("493817")) == ("set", True)


def test_complaint_34_neither_api_takes_a_start_of_a_minute_ago_for_a_mistake() -> None:
    started, ends = "2030-01-01T11:59:00+00:00", "2030-01-02T12:00:00+00:00"
    asked = {"starts_at": datetime.fromisoformat(started), "ends_at": datetime.fromisoformat(ends)}
    now = asked["starts_at"].timestamp() + 60
    ours = api_fields.new_access_code({"starts_at": started, "ends_at": ends}, now)
    assert (ours.starts_at, ours.ends_at) == code_windows.new_window(asked, now) == (now - 60, now + DAY_S)


def test_complaint_34_an_end_that_is_over_when_it_reaches_the_lock_opens_nothing_and_holds_up_nothing(
    pair: Pair,
) -> None:
    ended = pair.create("493817", ends_at=int(pair.now) + 5)
    sleep(pair.site, 6)
    pair.create("246802")
    pair.exchange()
    assert pair.agree()
    assert (pair.status(ended), pair.opens("493817"), pair.opens("246802")) == ("unset", False, True)
    assert access_codes.has_ended(pair.row(ended), pair.now)
