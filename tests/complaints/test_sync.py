"""Nothing gets out of step between cloud and lock: complaints 1 to 17."""

import itertools
import json
import zoneinfo
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from agent.asked import Answer, Asked
from agent.core import code_set
from agent.messages import BucketPart, BucketReceived, Codes
from cloud_sim import access_codes, code_sets, commands, locks
from cloud_sim.access_codes import NewAccessCode
from cloud_sim.seam import code_view
from firmware_sim.enrolled import DEVICE_ID
from firmware_sim.site import Site, code_row
from tests.complaints.pair import DAY_S, Pair

SOME = ("493817", "246802", "135791")


def many(pair: Pair, count: int) -> list[str]:
    """So many codes in one set; their digits count up from 10000000."""
    with pair.database.transaction():
        wanted = (NewAccessCode(code=f"{10_000_000 + n}") for n in range(count))
        made = [access_codes.add(pair.database, DEVICE_ID, each, pair.now) for each in wanted]
    pair.fleet.downlink.manifest(DEVICE_ID)
    return [str(each) for each in made]


def buckets_asked_for(pair: Pair) -> list[int]:
    """Let everything through; the buckets the lock fetched meanwhile."""
    asked: list[int] = []
    for _ in range(1000):
        asked += [
            index
            for request in pair.site.uplink.requests
            if request.type == "buckets"
            for index in request.need or ()
        ]
        if pair.exchange_once() == 0:
            return asked
    raise AssertionError("they never come to rest")


def errors_of(pair: Pair) -> list[tuple[str, list[str]]]:
    """What the lock said of single codes, in order: (state, errors)."""
    details = [row["detail"] for row in pair.site.journal("code_state")]
    return [(detail["state"], detail["errors"]) for detail in details]


@pytest.mark.parametrize("lost", [False, True], ids=["heard", "lost at first"])
def test_complaint_01_a_code_is_in_step_again_after_every_edit(pair: Pair, lost: bool) -> None:
    code = pair.create("493817")
    pair.exchange()
    edits: list[dict[str, Any]] = [
        {"code": "246802"},
        {"ends_at": int(pair.now) + DAY_S, "starts_at": int(pair.now) - 60},
        {"enabled": 0},
        {"enabled": 1, "max_uses": 5},
        {"code": "493817", "ends_at": None, "starts_at": None, "max_uses": None},
    ]
    for edit in edits:
        pair.change(code, **edit)
        if lost:
            pair.lose_all()
            pair.connect()
        pair.exchange()
        assert pair.agree()
        assert pair.shown(code)["pending_mutations"] == []
    assert pair.status(code) == "set"
    assert (pair.opens("493817"), pair.opens("246802")) == (True, False)


def test_complaint_01_set_and_removed_in_quick_succession_ends_as_the_last_word_says(pair: Pair) -> None:
    kept = [pair.create("493817")]
    for digits in ("246802", "135791", "246802", "135791"):
        brief = pair.create(digits)
        pair.exchange_once()
        pair.delete(brief)
        pair.exchange_once()
    pair.exchange()
    assert pair.agree()
    assert [row["access_code_id"] for row in access_codes.of_lock(pair.database, DEVICE_ID)] == kept
    assert [pair.opens(digits) for digits in SOME] == [True, False, False]


def test_complaint_02_an_idle_connection_fetches_nothing_and_a_change_fetches_what_changed(
    pair: Pair,
) -> None:
    codes = many(pair, 250)
    assert len(set(buckets_asked_for(pair))) == 16
    pair.connect()
    pair.wait(DAY_S)
    assert buckets_asked_for(pair) == []
    pair.change(codes[0], code="864209")
    assert buckets_asked_for(pair) == [code_set.bucket_of(codes[0], 16)]
    assert pair.agree()


def test_complaint_03_what_is_set_is_not_set_again(pair: Pair) -> None:
    pair.create("493817")
    pair.exchange()
    rows = len(pair.site.journal("code_set_applied"))
    for _ in range(5):
        pair.connect()
        pair.restart_cloud()
        pair.exchange()
    assert len(pair.site.journal("code_set_applied")) == rows


def test_complaint_04_a_lock_that_lost_its_memory_is_not_taken_to_hold_anything(pair: Pair) -> None:
    code = pair.create("493817")
    pair.exchange()
    with pair.lock_is_off() as state:
        for file in state.glob("lock.db*"):
            file.unlink()
    pair.site.connect()
    pair.hear_lock()
    assert (pair.status(code), pair.opens("493817")) == ("setting", False)
    pair.connect()
    assert (pair.status(code), pair.opens("493817")) == ("set", True)


def test_complaint_05_what_a_lock_cannot_use_is_said_once_and_not_tried_again_and_again(pair: Pair) -> None:
    code = pair.create("493817")
    pair.database.run("UPDATE access_codes SET code = '12' WHERE access_code_id = ?", code)  # as an old cloud
    pair.change(code, enabled=0)
    pair.change(code, enabled=1)
    pair.exchange()
    pair.wait(DAY_S)
    assert buckets_asked_for(pair) == []
    assert errors_of(pair) == [("unset", ["code_length"])]
    assert pair.row(code)["enabled"] == 1


@pytest.mark.parametrize("digits", ["1", "123", "123456789", "9" * 400, "12a4", ""])
def test_complaint_06_digits_no_keypad_takes_wedge_nothing(pair: Pair, digits: str) -> None:
    good = pair.create("493817")
    bad = pair.create("246802")
    pair.database.run("UPDATE access_codes SET code = ? WHERE access_code_id = ?", digits, bad)
    pair.change(bad, enabled=0)
    pair.change(bad, enabled=1)
    pair.exchange()
    assert pair.agree()
    assert (pair.status(good), pair.status(bad)) == ("set", "setting")
    later = pair.create("135791")
    pair.exchange()
    assert pair.status(later) == "set"
    pair.change(bad, code="246802")
    pair.exchange()
    assert (pair.status(bad), pair.opens("246802"), pair.shown(bad)["errors"]) == ("set", True, [])
    pair.delete(bad)
    pair.exchange()
    assert (pair.is_known(bad), pair.opens("246802")) == (False, False)


def test_complaint_07_three_hundred_codes_are_all_confirmed(pair: Pair) -> None:
    codes = many(pair, 300)
    pair.exchange()
    assert pair.agree()
    assert {pair.status(code) for code in codes} == {"set"}


def test_complaint_08_a_code_is_not_called_gone_while_the_lock_may_hold_it(pair: Pair) -> None:
    code = pair.create("493817")
    pair.exchange()
    pair.delete(code)
    pair.lose_all()
    pair.restart_cloud()
    pair.lose_all()
    assert pair.opens("493817")
    assert pair.status(code) == "removing"
    pair.connect()
    assert (pair.is_known(code), pair.opens("493817")) == (False, False)


def test_complaint_09_a_duplicate_holds_up_no_other_code(lock: Site) -> None:
    ids = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(3)]
    twins = [code_row(each, "493817") for each in ids[:2]]
    lock.install(*twins, code_row(ids[2], "246802"))
    lock.install(*twins, code_row(ids[2], "135791", code_rev=2))
    for digits in SOME:
        lock.type(f"{digits}#")
    opened = [row["detail"]["access_code_id"] for row in lock.journal("access_granted")]
    assert opened == [ids[0], ids[2]]
    assert [row["detail"]["errors"] for row in lock.journal("code_state")] == [["duplicate_code"]]


def test_complaint_11_a_lock_that_is_away_holds_up_no_other(pair: Pair) -> None:
    with pair.database.transaction():
        away = locks.add_lock(pair.database, "Back door", pair.now)
    pair.database.run("INSERT INTO device_keys VALUES (?, '{}', '{}', '', 0)", away)
    here = pair.create("493817")
    there = access_codes.create(pair.database, away, NewAccessCode(code="493817"), pair.now)
    pair.exchange()
    waiting = code_view.access_code(pair.database, pair.row(str(there)), pair.now)
    assert (pair.status(here), waiting["status"]) == ("set", "setting")


def test_complaint_12_a_list_becomes_true_whole_even_if_half_of_it_is_lost_at_first(pair: Pair) -> None:
    before = pair.create("493817")
    pair.exchange()
    pair.change(before, code="246802")
    many(pair, 40)
    pair.exchange_once()  # the manifest arrives
    pair.hear_lock()
    del pair.to_lock[1:]  # and of the buckets only the first
    pair.hear_cloud()
    assert (pair.opens("493817"), pair.opens("10000000"), pair.opens("10000039")) == (True, False, False)
    pair.wait(20)
    assert pair.agree()
    assert [pair.opens(each) for each in ("493817", "246802", "10000000")] == [False, True, True]


def test_complaint_13_a_thousand_codes_are_listed_at_once(pair: Pair) -> None:
    many(pair, 1000)
    pair.exchange()
    lines: list[dict[str, Any]] = []
    pair.site.say(Asked("codes", {}, Answer(lines.append, 1)))
    assert len(lines[0]["result"]["codes"]) == 1000
    assert len(access_codes.of_lock(pair.database, DEVICE_ID)) == 1000
    assert pair.opens("10000999")


def test_complaint_14_what_is_changed_while_a_lock_is_away_reaches_it(pair: Pair) -> None:
    kept, removed = pair.create("493817"), pair.create("246802")
    pair.exchange()
    pair.change(kept, code="135791")
    pair.delete(removed)
    pair.create("864209")
    pair.lose_all()
    pair.restart_lock()
    pair.lose_all()
    assert pair.opens("246802"), "it has not heard yet"
    pair.connect()
    assert pair.agree()
    typed = [pair.opens(digits) for digits in ("493817", "246802", "135791", "864209")]
    assert typed == [False, False, True, True]


def test_complaint_15_messages_in_any_order_come_to_the_same(lock: Site) -> None:
    rows = [code_row(f"{n:08x}-0000-4000-8000-000000000000", digits) for n, digits in enumerate(SOME)]
    for turn, order in enumerate(itertools.permutations(range(3)), start=1):
        changed = [{**row, "code_rev": turn} for row in rows]
        rev = lock.offer(changed)
        for part in (order[0], *order):  # the first one twice
            rest = BucketPart(index=0, part=part, parts=3, rows=[changed[part]])
            lock.say(BucketReceived(1, rev, rest, 1))
        assert lock.controller.codes.revision.applied_rev == rev
    for digits in SOME:
        lock.type(f"{digits}#")
    assert lock.strike.releases == 3


def test_complaint_16_setting_one_code_leaves_every_other_as_it_was(pair: Pair) -> None:
    codes = [pair.create(digits, max_uses=9) for digits in SOME]
    pair.exchange()
    assert pair.opens(SOME[1])
    before = held(pair)
    pair.change(codes[0], code="864209")
    pair.exchange()
    pair.delete(codes[2])
    pair.exchange()
    assert held(pair)[codes[1]] == before[codes[1]]
    assert pair.row(codes[1])["uses"] == 1
    assert pair.opens(SOME[1])


def held(pair: Pair) -> dict[str, tuple[Any, ...]]:
    """What the lock has on its disk of each code, and how often it was used."""
    found = {}
    for read in pair.site.store.codes.counting():
        assert read.held.row is not None
        found[read.held.access_code_id] = (read.definition, read.held.row.tag, read.held.row.history.uses)
    return found


def test_complaint_17_a_lost_answer_makes_a_command_neither_done_nor_a_hindrance(pair: Pair) -> None:
    first = commands.issue(pair.database, pair.fleet.downlink, DEVICE_ID, "unlock", {}, pair.now)
    assert isinstance(first, str)
    pair.hear_cloud()  # the lock does it, and its answer does not come through
    assert pair.site.strike.releases == 1
    pair.site.wait(60)
    assert command(pair, first) == "expired"
    second = commands.issue(pair.database, pair.fleet.downlink, DEVICE_ID, "unlock", {}, pair.now)
    assert isinstance(second, str)
    pair.exchange()
    assert (command(pair, first), command(pair, second)) == ("done", "done")
    assert pair.site.strike.releases == 2


def command(pair: Pair, command_id: str) -> str:
    """What has become of it."""
    row = commands.find(pair.database, command_id, pair.now)
    assert row is not None
    return str(row["status"])


# --- a cloud that comes back from a backup -----------------------------------------------------------------


@pytest.mark.parametrize("changes_since", [0, 1, 2, 3, 4])
def test_complaint_01_a_restored_cloud_and_its_lock_agree_again_by_themselves(
    pair: Pair, changes_since: int
) -> None:
    """However many of the revisions that the lock knows have been given out a second time by then."""
    pair.create("493817")
    pair.exchange()
    backup = pair.back_up()
    for digits in ("246802", "135791"):
        pair.create(digits)
        pair.exchange()
    pair.restore(backup)
    for number in range(changes_since):
        pair.create(f"{800_000 + number}")
    pair.cloud_connects()
    pair.exchange()
    assert pair.agree()
    assert [pair.opens(digits) for digits in SOME] == [True, False, False]


def test_complaint_01_a_restored_cloud_hears_of_a_set_that_never_arrived_whole(pair: Pair) -> None:
    """The lock had accepted a revision, and then the cloud that could tell it the rest was gone."""
    backup = pair.back_up()
    pair.create("493817")
    pair.hear_cloud()  # the manifest, but nothing of its buckets
    pair.lose_all()
    pair.restart_lock()
    pair.restore(backup)
    code = pair.create("246802")
    pair.cloud_connects()
    pair.connect()
    assert pair.agree()
    assert (pair.status(code), pair.opens("246802")) == ("set", True)


def test_complaint_03_a_lock_whose_set_is_never_ours_is_not_told_new_revisions_without_end(
    pair: Pair,
) -> None:
    """It accepted our newest manifest and says that it holds something else: that is for it to mend."""
    pair.create("493817")
    pair.exchange()
    set_epoch, head = code_sets.head(pair.database, DEVICE_ID)
    accepted = pair.site.controller.codes.revision.highest_root
    for _ in range(3):
        pair.from_lock(
            "codes",
            Codes(
                set_epoch=set_epoch,
                rev=head,
                root="0" * 64,
                count=1,
                capacity=9,
                constraints={},
                highest_rev=head,
                highest_root=accepted,
            ),
        )
    assert code_sets.head(pair.database, DEVICE_ID)[1] == head
    assert json.loads(pair.database.rows("SELECT codes FROM reported_codes")[0]["codes"])["rev"] == head


# --- a lock that learns more ----------------------------------------------------------------------------


@pytest.mark.usefixtures("zones_anew")
def test_complaint_01_a_code_the_lock_did_not_understand_works_once_it_does(
    pair: Pair, tmp_path: Path
) -> None:
    """Its zone is younger than the zone data of the host, which then are updated."""
    code = pair.create("493817")
    hours = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "00:00"}]
    pair.change(code, weekly=json.dumps(hours), zone="Mars/Olympus")
    pair.exchange()
    assert ([e["error_code"] for e in pair.shown(code)["errors"]], pair.opens("493817")) != ([], True)
    zoneinfo.reset_tzpath([str(with_zone(tmp_path / "zones", "Mars/Olympus"))])
    pair.restart_lock()
    pair.connect()
    assert (pair.status(code), pair.shown(code)["errors"], pair.opens("493817")) == ("set", [], True)


@pytest.fixture
def zones_anew() -> Iterator[None]:
    """The zones of this host are looked for where they always are, afterwards."""
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


def with_zone(directory: Path, name: str) -> Path:
    """Zone data that know this zone too."""
    (directory / name).parent.mkdir(parents=True)
    source = files("tzdata").joinpath("zoneinfo", "UTC")
    (directory / name).write_bytes(source.read_bytes())
    return directory
