"""Codes made and removed at the door beside the code sets of the cloud."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.core.code_set import bucket_of
from agent.core.constraints import Constraints
from agent.core.throttle import LengthClass
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON
from hal.ports import Pattern
from tests.controller.conftest import ANNA
from tests.controller.programming import BEN, CHIEF, NEW, ROWS, add, details, opens, programmed, remove
from tests.controller.test_commands import restarted
from tests.controller.test_questions import result


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A door with an ordinary code and a programming code."""
    door = programmed(tmp_path)
    yield door
    door.close()


def errors(site: Site) -> list[tuple[str, list[str]]]:
    """What was reported of codes of the set: id and errors."""
    return [(row["access_code_id"], row["errors"]) for row in details(site, "code_state")]


def chance(site: Site) -> float:
    """How likely one guess at a short code is right."""
    return site.controller.guesses.risks[LengthClass.SHORT].chance


# --- codes made at the door ---------------------------------------------------------------------------


def test_a_code_made_here_outlives_restarts_and_code_sets(site: Site, tmp_path: Path) -> None:
    add(site)
    site.install(*ROWS, code_row(BEN, "111222"))
    again = restarted(site, tmp_path)
    again.install(*ROWS)
    assert opens(again, NEW)


def test_it_is_in_no_code_set_and_the_cloud_is_told_how_many_there_are(site: Site) -> None:
    before = site.uplink.summaries[-1]
    add(site)
    after = site.uplink.summaries[-1]
    assert (after.root, after.rev, after.count) == (before.root, before.rev, before.count)
    assert (before.local, after.local) == (0, 1)
    site.install(*ROWS, code_row(BEN, "111222"))
    assert (site.journal("fault"), site.uplink.summaries[-1].count) == ([], 3)


def test_no_state_is_reported_of_it(site: Site) -> None:
    add(site)
    site.install(*ROWS)
    remove(site, NEW)
    assert errors(site) == []


def test_it_makes_guessing_likelier_and_guesses_rarer(site: Site) -> None:
    before = chance(site)
    add(site, "2580")
    assert chance(site) == pytest.approx(1e-4)
    remove(site, "2580")
    assert chance(site) == before < 1e-5


def test_lockctl_shows_it_as_made_at_the_door(site: Site) -> None:
    made = add(site)
    shown = {code["access_code_id"]: code for code in result(site, "codes")["codes"]}
    assert (shown[ANNA]["is_managed"], shown[str(made)]["is_managed"]) == (True, False)
    assert result(site, "status")["code_set"]["local"] == 1


def test_its_uses_are_in_the_journal_and_counted(site: Site) -> None:
    made = add(site)
    opens(site, NEW)
    assert details(site, "access_granted")[-1] == {"access_code_id": made, "gen": 1, "keypad": "keypad"}
    shown = {code["access_code_id"]: code["uses"] for code in result(site, "codes")["codes"]}
    assert shown[str(made)] == 1


def test_a_row_edited_by_hand_opens_nothing(site: Site, tmp_path: Path) -> None:
    made = add(site)
    with site.store.database.transaction() as db:
        db.execute("UPDATE local_code SET code_length=4")
    again = restarted(site, tmp_path)
    assert not opens(again, NEW)
    shown = {code["access_code_id"]: code for code in result(again, "codes")["codes"]}
    assert (shown[str(made)]["state"], shown[str(made)]["errors"]) == ("unknown", ["mac_failed"])
    assert details(again, "fault") == [{"what": "door_codes_changed_from_outside", "access_code_ids": [made]}]


@pytest.mark.parametrize("digits", ["493817", "246802", NEW])
def test_digits_that_belong_to_a_code_are_refused(site: Site, digits: str) -> None:
    add(site)
    assert add(site, digits) is None
    assert details(site, "programming_refused") == [
        {"action": "add", "reason": "duplicate_code", "source": "keypad", "by": CHIEF}
    ]


def test_digits_of_a_code_that_has_ended_are_free(site: Site) -> None:
    site.install(*ROWS, code_row(BEN, NEW, max_uses=1))
    opens(site, NEW)
    assert add(site) is not None
    assert opens(site, NEW)


def test_digits_of_a_code_that_is_still_on_its_way_are_taken(site: Site) -> None:
    many = [code_row(f"{n:08x}-0000-4000-8000-000000000000", f"{n + 50_000}") for n in range(40)]
    site.install(*ROWS, *many)
    coming = [*ROWS, *many[1:], code_row(BEN, NEW)]
    site.offer(coming, buckets=16)
    site.say(site.bucket(coming, bucket_of(BEN, 16), 16))
    assert site.controller.codes.is_syncing
    assert add(site) is None
    site.deliver(coming, buckets=16)
    assert opens(site, NEW)


def test_a_code_of_the_cloud_with_the_digits_of_one_made_here_is_a_duplicate_and_stops_no_other(
    site: Site,
) -> None:
    made = add(site)
    site.install(*ROWS, code_row(BEN, NEW), code_row("dddddddd-dddd-4ddd-8ddd-dddddddddddd", "111222"))
    assert errors(site) == [(BEN, ["duplicate_code"])]
    assert opens(site, NEW) and opens(site, "111222")
    assert details(site, "access_granted")[0]["access_code_id"] == made


def test_it_comes_to_life_and_is_reported_when_the_one_made_here_is_removed(site: Site) -> None:
    add(site)
    site.install(*ROWS, code_row(BEN, NEW))
    remove(site, NEW)
    assert errors(site) == [(BEN, ["duplicate_code"]), (BEN, [])]
    assert opens(site, NEW)


def test_a_removal_and_what_it_does_to_other_codes_are_durable_together_or_not_at_all(site: Site) -> None:
    made = add(site)
    site.install(*ROWS, code_row(BEN, NEW))
    site.store.database._connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON journal WHEN NEW.row LIKE '%code_state%'"
        " BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    assert not remove(site, NEW)
    site.wait(5.0)
    assert site.indicator.pattern is Pattern.FAULT
    opens(site, NEW)
    assert details(site, "access_granted")[-1]["access_code_id"] == made


def test_codes_made_here_take_up_capacity(tmp_path: Path) -> None:
    site = programmed(tmp_path, constraints=Constraints(capacity=3))
    assert add(site) is not None
    assert add(site, "135792") is None
    assert details(site, "programming_refused")[0]["reason"] == "capacity_full"
    site.install(*ROWS, code_row(BEN, "111222"))
    assert errors(site) == [(BEN, ["capacity_full"])]
    site.close()


# --- converted by the cloud, and forgotten --------------------------------------------------------------


def test_the_cloud_takes_a_code_over_whole_and_its_uses_carry_on(site: Site) -> None:
    made = str(add(site))
    opens(site, NEW)
    rows = [*ROWS, code_row(made, NEW, max_uses=2)]
    site.offer(rows)
    assert site.uplink.summaries[-1].local == 1, "until the switch it is the door's"
    site.deliver(rows)
    assert (site.uplink.summaries[-1].local, errors(site)) == (0, [])
    assert opens(site, NEW) and not opens(site, NEW)
    assert site.reasons() == ["used_up"]
    site.install(*ROWS)
    assert not opens(site, NEW), "from now on the cloud's word counts"


def test_a_code_that_was_taken_over_stays_so_after_a_restart(site: Site, tmp_path: Path) -> None:
    made = str(add(site))
    site.install(*ROWS, code_row(made, NEW))
    again = restarted(site, tmp_path)
    assert again.store.door_codes.held() == []
    assert opens(again, NEW)


def test_forget_deletes_what_was_made_here_and_nothing_else(site: Site) -> None:
    made = add(site)
    site.command("forget", ids=[made, ANNA, "nobody"])
    assert site.results() == [("forget", "done", None)]
    assert (opens(site, NEW), opens(site, "493817")) == (False, True)
    assert site.uplink.summaries[-1].local == 0


@pytest.mark.parametrize("ids", [[], ["x"] * 501, "all", [7], [""]])
def test_forget_takes_one_to_five_hundred_ids(site: Site, ids: Any) -> None:
    site.command("forget", ids=ids)
    assert site.results() == [("forget", "refused", "bad_args")]


def test_a_forgotten_code_brings_a_duplicate_to_life_and_says_so(site: Site) -> None:
    made = add(site)
    site.install(*ROWS, code_row(BEN, NEW))
    site.command("forget", ids=[made])
    assert errors(site)[-1] == (BEN, [])


# --- codes removed at the door --------------------------------------------------------------------------


def test_a_removed_code_of_the_cloud_stays_refused_over_a_restart(site: Site, tmp_path: Path) -> None:
    remove(site, "493817")
    again = restarted(site, tmp_path)
    assert not opens(again, "493817")
    assert again.reasons() == ["revoked"]


def test_it_is_restored_once_lock_and_cloud_compare_their_sets(site: Site, tmp_path: Path) -> None:
    remove(site, "493817")
    site.offer(ROWS, rev=1)
    assert details(site, "code_restored") == [{"access_code_id": ANNA, "gen": 1}]
    assert opens(site, "493817")
    again = restarted(site, tmp_path)
    assert opens(again, "493817")
    again.offer(ROWS, rev=1)
    assert len(again.journal("code_restored")) == 1


def test_it_is_restored_with_a_newer_set_that_holds_it_when_that_decides(site: Site) -> None:
    remove(site, "493817")
    rows = [*ROWS, code_row(BEN, "111222")]
    site.offer(rows)
    assert not opens(site, "493817"), "the sets have not been compared yet"
    site.deliver(rows)
    assert opens(site, "493817")
    assert [row["kind"] for row in site.journal("code_set_applied", "code_restored")][-2:] == [
        "code_set_applied",
        "code_restored",
    ]


def test_a_newer_set_without_it_restores_nothing(site: Site) -> None:
    remove(site, "493817")
    site.install(ROWS[1])
    assert (site.journal("code_restored"), site.store.door_codes.removed()) == ([], {})


def test_a_manifest_that_is_not_believed_restores_nothing(site: Site) -> None:
    remove(site, "493817")
    site.offer(ROWS, rev=0)
    site.offer([], rev=1)
    assert (site.refusals(), site.journal("code_restored")) == (
        ["stale_revision", "conflicting_revision"],
        [],
    )
    assert not opens(site, "493817")


def test_a_code_that_may_be_changed_here_stays_removed_until_the_cloud_takes_it_out(
    site: Site, tmp_path: Path
) -> None:
    rows = [*ROWS, code_row(BEN, "111222", is_external_modification_allowed=True)]
    site.install(*rows)
    remove(site, "111222")
    site.offer(rows, rev=2)
    site.install(*rows, code_row("dddddddd-dddd-4ddd-8ddd-dddddddddddd", "975310"))
    again = restarted(site, tmp_path)
    again.offer([*rows, code_row("dddddddd-dddd-4ddd-8ddd-dddddddddddd", "975310")], rev=3)
    assert not opens(again, "111222")
    again.install(*ROWS)
    assert (again.store.door_codes.removed(), again.journal("code_restored")) == ({}, [])


def test_a_new_generation_of_a_removed_code_is_another_code(site: Site) -> None:
    remove(site, "493817")
    site.install(ROWS[1], code_row(ANNA, "493817", gen=2))
    assert (opens(site, "493817"), site.journal("code_restored")) == (True, [])


def test_a_code_is_removed_once(site: Site) -> None:
    assert remove(site, "493817")
    assert not remove(site, "493817")
    assert details(site, "programming_refused")[0]["reason"] == "unknown_code"


def test_digits_of_a_removed_code_are_still_the_clouds(site: Site) -> None:
    remove(site, "493817")
    assert add(site, "493817") is None


def test_a_code_that_has_ended_can_be_removed_too(site: Site) -> None:
    site.install(*ROWS, code_row(BEN, "111222", ends_at=NOON - 10))
    assert remove(site, "111222")
