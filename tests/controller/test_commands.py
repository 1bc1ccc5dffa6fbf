"""Commands of the cloud: done once, at once or not at all, and answered by the journal."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.command_side import Permissions
from agent.core.throttle import LengthClass
from agent.messages import UplinkChanged
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import VirtualClock
from hal.ports import Pattern
from tests.controller.conftest import ANNA

BEN = "22222222-2222-4222-8222-222222222222"
ID = "5a0c3d2e-1111-4111-8111-000000000001"
DONE = ("done", None)


def restarted(site: Site, state_dir: Path, **settings: Any) -> Site:
    """The agent dies without a word, and starts again on what is durable."""
    site.store.close()
    again = Site(state_dir, site.clock, **settings)
    again.connect()
    return again


def without_a_clock(state_dir: Path) -> Site:
    """A door that has just booted, does not know the time, and has a session with a cloud that is slow."""
    clock = VirtualClock()
    clock.boot, clock.now_s, clock.wall_s = "boot-2", 5.0, 0.0
    site = Site(state_dir, clock)
    site.controller.cloud.connect()
    site.say(UplinkChanged(True, "sid", ""))
    return site


# --- what they do -------------------------------------------------------------------------------------


def test_unlock_opens_for_as_long_as_for_a_code(site: Site) -> None:
    site.command("unlock")
    assert (site.strike.releases, site.results()) == (1, [("unlock", *DONE)])
    site.wait(4.9)
    assert site.strike.is_released
    site.wait(0.2)
    assert not site.strike.is_released


def test_unlock_opens_for_as_long_as_it_says(site: Site) -> None:
    site.command("unlock", for_s=30)
    site.wait(29.9)
    assert site.strike.is_released
    site.wait(0.2)
    assert not site.strike.is_released


def test_the_result_is_durable_before_the_strike_moves(site: Site) -> None:
    seen: list[list[tuple[str, str, str | None]]] = []
    site.before_unlock = lambda: seen.append(site.results())
    site.command("unlock")
    assert seen == [[("unlock", *DONE)]]


def test_lock_ends_a_release(site: Site) -> None:
    site.command("unlock", for_s=60)
    site.command("lock")
    assert not site.strike.is_released
    assert [row["detail"]["why"] for row in site.journal("relocked")] == ["command"]


def test_revoke_refuses_a_code_from_that_moment_and_after_a_restart(site: Site, tmp_path: Path) -> None:
    site.command("revoke", ids=[ANNA, BEN])
    site.type("493817#")
    again = restarted(site, tmp_path)
    again.type("493817#")
    assert (again.strike.releases, again.reasons()) == (0, ["revoked", "revoked"])


def test_a_revoked_code_stays_refused_when_the_same_set_is_offered_again(site: Site) -> None:
    site.command("revoke", ids=[ANNA])
    site.offer([code_row(ANNA, "493817")], rev=1)
    site.type("493817#")
    assert (site.reasons(), site.uplink.requests) == (["revoked"], [])


def test_a_newer_set_that_holds_a_revoked_code_brings_it_back(site: Site) -> None:
    site.command("revoke", ids=[ANNA])
    site.install(code_row(ANNA, "493817"), code_row(BEN, "246802"))
    site.type("493817#")
    assert site.strike.releases == 1


def test_a_revocation_named_with_its_revision_outlives_the_sets_before_it(site: Site) -> None:
    site.command("revoke", ids=[ANNA], rev=3)
    site.install(code_row(ANNA, "493817"), code_row(BEN, "246802"))
    site.type("493817#")
    site.install(code_row(BEN, "246802"))
    site.type("493817#")
    assert site.reasons() == ["revoked", "unknown_code"]


def test_resync_says_what_is_held_and_asks_for_the_newest_manifest(site: Site) -> None:
    before = len(site.uplink.summaries)
    site.command("resync")
    assert len(site.uplink.summaries) == before + 1
    assert [(each.type, each.rev, each.need) for each in site.uplink.requests] == [("buckets", 0, [])]


def test_acknowledge_counts_failures_anew_and_gives_no_guess_back(site: Site) -> None:
    for _ in range(2):
        site.type("111111#")
    tokens = site.store.budgets(0.0)[LengthClass.SHORT].tokens
    site.command("acknowledge", length_class="short")
    budget = site.store.budgets(0.0)[LengthClass.SHORT]
    assert (budget.failures, budget.tokens) == (0, tokens)
    assert site.controller.guesses.budgets[LengthClass.SHORT].failures == 0


def test_identify_shows_at_the_keypad_for_ten_seconds(site: Site) -> None:
    start = site.clock.now_s
    site.command("identify")
    site.wait(10.1)
    shown = [(round(at - start), pattern) for at, pattern in site.indicator.shown]
    assert shown[-2:] == [(0, Pattern.IDENTIFY), (10, Pattern.READY)]


# --- what they do not do ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"life": (-40, -20)}, "expired"),
        ({"life": (-10, 0)}, "expired"),
        ({"life": (0, 31)}, "too_long_valid"),
        ({"life": (0, 0)}, "too_long_valid"),
        ({"life": (50, 70)}, "from_the_future"),
        ({"sid": "an earlier one"}, "other_session"),
        ({"sid": ""}, "other_session"),
    ],
)
def test_what_is_not_meant_for_now_is_refused_and_counted(
    site: Site, changed: dict[str, Any], reason: str
) -> None:
    received = site.command("unlock", **changed)
    assert (site.strike.releases, site.results(), site.refusals()) == (0, [], [reason])
    assert site.uplink.settled[-1] == received.token


def test_a_command_that_waited_inside_the_lock_is_refused_even_without_a_clock(tmp_path: Path) -> None:
    site = without_a_clock(tmp_path)
    came = site.command("identify")
    site.say(replace(came, id=ID, arrived_s=came.arrived_s - 30.0))
    assert (site.results(), site.refusals()) == ([("identify", *DONE)], ["expired"])
    site.close()


@pytest.mark.parametrize(
    ("kind", "args", "reason"),
    [
        ("reboot", {}, "unknown_type"),
        ("unlock", {"for_s": 61}, "bad_args"),
        ("unlock", {"for_s": 0.5}, "bad_args"),
        ("unlock", {"for_s": "5"}, "bad_args"),
        ("unlock", {"only_if": "closed"}, "bad_args"),
        ("mode", {"mode": "party"}, "bad_args"),
        ("mode", {}, "bad_args"),
        ("revoke", {"ids": "all"}, "bad_args"),
        ("acknowledge", {"length_class": "medium"}, "bad_args"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_id(
    site: Site, kind: str, args: dict[str, Any], reason: str
) -> None:
    site.command(kind, **args)
    assert (site.strike.releases, site.results()) == (0, [(kind, "refused", reason)])


def test_the_configuration_can_forbid_each_type(tmp_path: Path) -> None:
    site = Site(tmp_path, permissions=Permissions(remote=frozenset({"lock"})))
    site.connect()
    for kind in ("unlock", "lock"):
        site.command(kind)
    assert (site.strike.releases, site.results()) == (
        0,
        [("unlock", "refused", "forbidden"), ("lock", *DONE)],
    )
    site.close()


def test_with_the_clock_unknown_nothing_opens_and_the_rest_goes_by_the_session(tmp_path: Path) -> None:
    site = without_a_clock(tmp_path)
    site.command("unlock")
    site.command("mode", mode="passage")
    site.command("lock")
    site.command("identify", sid="an earlier one")
    assert site.strike.releases == 0
    assert [result[1:] for result in site.results()] == [("refused", "clock_unknown")] * 2 + [DONE]
    assert site.refusals() == ["other_session"]
    site.close()


def test_after_the_connection_is_lost_its_commands_are_dead(site: Site) -> None:
    site.say(UplinkChanged(False, "sid", "cut"))
    site.command("unlock")
    site.say(UplinkChanged(True, "sid-2", ""))
    site.command("unlock")
    site.command("unlock", sid="sid-2")
    assert (site.strike.releases, len(site.refusals())) == (1, 1)


# --- once ---------------------------------------------------------------------------------------------


def test_a_command_delivered_twice_is_done_once_and_answered_twice(site: Site) -> None:
    for _ in range(5):
        site.command("unlock", id=ID)
    assert site.strike.releases == 1
    answers = [row["detail"] for row in site.journal("command_result")]
    assert [(each["id"], each.get("duplicate")) for each in answers] == [(ID, None), (ID, True)]
    assert site.refusals() == ["duplicate"]


def test_a_command_delivered_again_after_a_restart_is_not_done_again(site: Site, tmp_path: Path) -> None:
    site.command("unlock", id=ID)
    again = restarted(site, tmp_path)
    again.command("unlock", id=ID)
    assert (again.strike.releases, again.results()) == (0, [("unlock", *DONE)] * 2)


def test_the_same_id_with_another_wish_is_the_same_command(site: Site) -> None:
    site.command("lock", id=ID)
    site.command("unlock", id=ID)
    assert (site.strike.releases, site.results()) == (0, [("lock", *DONE)] * 2)


def test_a_refused_command_stays_refused(site: Site) -> None:
    site.command("mode", mode="no_remote")
    site.command("unlock", id=ID)
    site.command("mode", mode="normal")
    site.command("unlock", id=ID)
    assert site.strike.releases == 0


def test_a_release_cut_off_between_commit_and_strike_is_unknown_and_not_repeated(
    site: Site, tmp_path: Path
) -> None:
    class PowerCut(Exception):
        pass

    def cut() -> None:
        raise PowerCut

    site.before_unlock = cut
    with pytest.raises(PowerCut):
        site.command("unlock", id=ID)
    again = restarted(site, tmp_path)
    again.command("unlock", id=ID)
    unknown = ("unlock", "unknown", "restarted")
    assert (again.strike.releases, again.results()) == (0, [("unlock", *DONE), unknown, unknown])


def test_a_release_that_went_well_is_not_called_unknown_after_a_restart(site: Site, tmp_path: Path) -> None:
    site.command("unlock")
    assert restarted(site, tmp_path).results() == [("unlock", *DONE)]


class SlowDisk(VirtualClock):
    """Six seconds pass with each new row of the journal."""

    new_rows: Callable[[], int] = staticmethod(lambda: 0)

    def now(self) -> float:
        return self.now_s + 6.0 * self.new_rows()


def test_a_release_that_took_too_long_to_become_durable_does_not_happen(tmp_path: Path) -> None:
    clock = SlowDisk()
    site = Site(tmp_path, clock)
    site.connect()
    first = site.store.journal.last_seq
    clock.new_rows = lambda: site.store.journal.last_seq - first
    site.command("unlock")
    assert (site.strike.releases, site.results()) == (
        0,
        [("unlock", *DONE), ("unlock", "failed", "too_late")],
    )


def test_the_newest_ten_thousand_commands_are_remembered(site: Site) -> None:
    with site.store.database.transaction() as db:
        db.executemany(
            "INSERT INTO command (id, type, result) VALUES (?, 'lock', 'done')",
            [(str(uuid.uuid4()),) for _ in range(10_000)],
        )
    site.command("lock", id=ID)
    assert site.store.database.read("SELECT count(*) FROM command") == [(10_000,)]
    assert site.store.commands.find(ID) is not None
