"""Who owns the broker can hold back what he cannot forge: the lock notices, and may be told to close."""

from pathlib import Path

import pytest

from agent.freshness import StaleSettings
from agent.messages import Heartbeat, HeartbeatReceived, Request, UplinkChanged
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import VirtualClock
from tests.complaints.pair import sleep
from tests.controller.test_clock import rebooted

ANNA = code_row("11111111-1111-4111-8111-111111111111", "493817")
HOURS = 3600.0


def beat(site: Site, head_rev: int, age_s: int = 0, nonce: str | None = None) -> None:
    """A genuine heartbeat of the cloud, which was made `age_s` ago."""
    made_s = int(site.cloud_wall_s) - age_s
    body = Heartbeat(head_rev=head_rev, time=made_s, nonce=nonce)
    site.say(HeartbeatReceived(body, made_s + 3600, site.clock.now_s, 1))


def withheld(site: Site) -> int | None:
    return site.controller.freshness.withheld_rev(site.clock.now_s)


def is_stale(site: Site) -> bool:
    return site.controller.freshness.is_stale


def nothing_heard(site: Site, hours: float) -> None:
    """The line is down, and time passes."""
    site.say(UplinkChanged(False, "", "cut"))
    sleep(site, hours * HOURS)


def hear_for(site: Site, hours: int) -> None:
    """Time passes, and the cloud is heard every quarter of an hour."""
    for _ in range(hours * 4):
        sleep(site, 900.0)
        beat(site, head_rev=1)


# --- held back ------------------------------------------------------------------------------------------


def test_a_change_that_is_held_back_is_asked_for_and_then_reported(site: Site) -> None:
    site.uplink.requests.clear()
    beat(site, head_rev=2)
    assert site.uplink.requests == [Request(type="buckets", rev=0, need=[])]
    site.wait(59.0)
    assert (withheld(site), site.journal("changes_withheld")) == (None, [])
    site.wait(2.0)
    assert withheld(site) == 2
    (row,) = site.journal("changes_withheld")
    assert row["detail"] == {"head_rev": 2, "rev": 1}


def test_a_change_that_comes_in_time_is_not_reported(site: Site) -> None:
    beat(site, head_rev=2)
    site.wait(1.0)
    site.install(ANNA)
    site.wait(120.0)
    assert (withheld(site), site.journal("changes_withheld")) == (None, [])


def test_a_change_that_comes_late_is_no_longer_held_back(site: Site) -> None:
    beat(site, head_rev=2)
    site.wait(61.0)
    site.install(ANNA)
    assert withheld(site) is None


def test_a_change_held_back_is_reported_once_however_often_the_cloud_speaks_of_it(site: Site) -> None:
    for _ in range(5):
        beat(site, head_rev=2)
        sleep(site, 900.0)
    assert len(site.journal("changes_withheld")) == 1


def test_each_further_change_that_is_held_back_is_reported(site: Site) -> None:
    for head_rev in (2, 3):
        beat(site, head_rev)
        site.wait(61.0)
    assert [row["detail"]["head_rev"] for row in site.journal("changes_withheld")] == [2, 3]


def test_the_answer_for_the_time_shows_a_change_held_back_as_well(site: Site) -> None:
    site._rev = 2
    site.wait(600.0)
    site.answer_time()
    site.wait(61.0)
    assert withheld(site) == 2


# --- nothing heard --------------------------------------------------------------------------------------


def test_a_lock_that_hears_its_cloud_never_becomes_stale(site: Site) -> None:
    hear_for(site, hours=80)
    assert (is_stale(site), site.journal("stale")) == (False, [])


def test_seventy_two_hours_without_a_heartbeat_are_reported_once_and_so_is_the_next_one(site: Site) -> None:
    nothing_heard(site, 71.9)
    assert not is_stale(site)
    site.wait(0.2 * HOURS)
    sleep(site, 20 * HOURS)
    assert [row["detail"] for row in site.journal("stale")] == [
        {"silent_s": 72 * 3600, "refuses_codes": False}
    ]
    beat(site, head_rev=1)
    assert (is_stale(site), len(site.journal("fresh"))) == (False, 1)


def test_a_stale_lock_opens_for_codes_unless_it_was_told_otherwise(site: Site) -> None:
    nothing_heard(site, 73)
    site.type("493817#")
    assert site.strike.releases == 1


def test_a_stale_lock_that_is_to_refuse_codes_takes_no_guess_for_it_and_opens_once_it_hears_again(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path, stale=StaleSettings(refuses_codes=True))
    site.connect()
    site.install(ANNA)
    nothing_heard(site, 73)
    for _ in range(7):
        site.type("493817#")
    assert (site.strike.releases, set(site.reasons())) == (0, {"stale"})
    site.press_rex()
    assert site.strike.releases == 1
    site.wait(60.0)
    beat(site, head_rev=1)
    site.type("493817#")
    assert site.strike.releases == 2
    site.close()


def test_turning_the_lock_off_and_on_does_not_make_it_fresh(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.connect()
    clock = site.clock
    for _ in range(5):  # fifteen hours each, with nothing heard
        nothing_heard(site, 15)
        site.close()
        site = Site(tmp_path, rebooted(clock))
    site.wait(1.0)
    assert (is_stale(site), len(site.journal("stale"))) == (True, 1)
    site.close()


def test_time_that_the_lock_was_off_counts_as_soon_as_it_knows_the_time(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.connect()
    site.close()
    clock = VirtualClock()
    clock.now_s, clock.wall_s = site.clock.now_s + 100 * HOURS, site.clock.wall_s + 100 * HOURS
    site = Site(tmp_path, clock)
    site.wait(1.0)
    assert is_stale(site)
    site.close()


# --- what proves nothing --------------------------------------------------------------------------------


def test_a_heartbeat_kept_for_later_does_not_make_the_lock_fresh(site: Site) -> None:
    nothing_heard(site, 73)
    beat(site, head_rev=1, age_s=3600 + 60)  # the lock itself may be half a minute off by now
    assert (is_stale(site), site.refusals()) == (True, ["expired"])


def test_an_older_heartbeat_than_the_newest_is_refused(site: Site) -> None:
    site.wait(1800.0)
    beat(site, head_rev=1)
    beat(site, head_rev=5, age_s=600)
    assert (withheld(site), site.refusals()) == (None, ["older_heartbeat"])


def test_the_same_heartbeat_again_and_again_proves_nothing_after_the_first(site: Site) -> None:
    made = HeartbeatReceived(
        Heartbeat(head_rev=1, time=int(site.cloud_wall_s) + 5), 2**36, site.clock.now_s, 1
    )
    for _ in range(4 * 74):
        sleep(site, 900.0)
        site.say(made)
    assert is_stale(site)


def test_an_answer_for_the_time_counts_once(site: Site) -> None:
    site.wait(600.0)
    nonce = site.uplink.requests[-1].nonce
    site.answer_time()
    for _ in range(4 * 74):
        sleep(site, 900.0)
        beat(site, head_rev=1, nonce=nonce)
    assert is_stale(site)


@pytest.mark.parametrize("age_s", [0, 10**6])
def test_without_a_clock_only_an_answer_to_our_own_question_counts(tmp_path: Path, age_s: int) -> None:
    site = Site(tmp_path)
    nothing_heard(site, 73)
    beat(site, head_rev=1, age_s=age_s)
    assert is_stale(site)
    site.connect()
    assert not is_stale(site)
    site.close()
