"""The root keys of offline codes are replaced while codes are issued and typed, and whatever gets lost on the
way; and a cloud that came back from a backup issues nothing a second time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.messages import Codes, topic
from agent.offline_setup import SetupFault
from cloud_sim import (
    events,
    locks,
    offline_codes,
    offline_issuing,
    offline_kids,
    offline_revocation,
    offline_rotation,
    offline_setups,
    restoration,
)
from cloud_sim.offline_issuing import NotIssued, WantedOfflineCode
from cloud_sim.offline_rotation import NotRotated, Rotated, WantedRotation
from firmware_sim.enrolled import DEVICE_ID
from tests.complaints.pair import DAY_S, Pair

HOUR_S = 3600
NOW = WantedRotation(when="now")
ALL = WantedRotation(when="now", revokes_used=True)
SCHEDULED = WantedRotation()
DOWN = topic(DEVICE_ID, "down", "offline")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Its lock has the cloud's key for offline codes."""
    made = Pair(tmp_path)
    offline_setups.replace(made.database, DEVICE_ID, {"keys": [{"kid": 1, "root": "5a" * 32}]})
    made.fleet.downlink.offline_setup(DEVICE_ID)
    settle(made)
    yield made
    made.close()


def settle(pair: Pair) -> None:
    """All is delivered, and the lock says what it has."""
    pair.exchange()
    pair.say_status()
    pair.exchange()


def try_to_issue(pair: Pair, **wanted: Any) -> dict[str, Any] | NotIssued:
    wanted = {"starts_s": pair.now, "ends_s": pair.now + 2 * DAY_S} | wanted
    with pair.database.transaction():
        made = offline_issuing.issue_code(pair.database, DEVICE_ID, WantedOfflineCode(**wanted), pair.now)
    return made if isinstance(made, NotIssued) else row(pair, made)


def issue(pair: Pair, **wanted: Any) -> dict[str, Any]:
    made = try_to_issue(pair, **wanted)
    assert isinstance(made, dict), made
    return made


def row(pair: Pair, access_code_id: str) -> dict[str, Any]:
    found = offline_codes.find(pair.database, access_code_id)
    assert found is not None
    return found


def stage(pair: Pair, code: dict[str, Any]) -> str:
    known = offline_codes.knowledge(pair.database, DEVICE_ID)
    return offline_codes.stage(row(pair, code["access_code_id"]), known, pair.now)


def rotate(pair: Pair, wanted: WantedRotation) -> Rotated:
    with pair.database.transaction():
        done = offline_rotation.rotate(pair.database, DEVICE_ID, wanted, pair.now)
    assert isinstance(done, Rotated), done
    pair.fleet.downlink.offline_setup(DEVICE_ID)
    return done


def rev_at_lock(pair: Pair) -> int:
    return pair.site.controller.offline.rev


def rev_wanted(pair: Pair) -> int:
    kept = offline_setups.kept(pair.database, DEVICE_ID)
    assert kept is not None
    return kept.rev


# --- what becomes of codes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "unused_lives", "activated_lives"),
    [(SCHEDULED, True, True), (NOW, False, True), (ALL, False, False)],
    ids=["scheduled", "now", "now and used ones too"],
)
def test_codes_of_the_old_key_live_or_die_as_the_rotation_says(
    pair: Pair, wanted: WantedRotation, unused_lives: bool, activated_lives: bool
) -> None:
    unused, activated, spent = issue(pair), issue(pair), issue(pair, is_one_time_use=True, ends_s=None)
    assert pair.opens(activated["code"])
    assert pair.opens(spent["code"])
    settle(pair)
    done = rotate(pair, wanted)
    settle(pair)
    assert rev_at_lock(pair) == rev_wanted(pair) == done.rev
    pair.wait(max(done.from_s - pair.now, 0))
    new = issue(pair)
    assert (new["kid"], new["kid"] != unused["kid"]) == (done.kid, True)
    codes = [unused, activated, spent, new]
    assert [pair.opens(code["code"]) for code in codes] == [unused_lives, activated_lives, False, True]
    settle(pair)
    lives = {True: "set", False: "removed"}
    expected = [lives[unused_lives], lives[activated_lives], "removed", "set"]
    assert [stage(pair, code) for code in codes] == expected
    dead = [unused] * (not unused_lives) + [activated] * (not activated_lives)
    assert sorted(done.ended) == sorted(code["access_code_id"] for code in dead)


@pytest.mark.parametrize("wanted", [SCHEDULED, NOW], ids=["scheduled", "now"])
def test_each_start_has_the_key_that_is_for_it_and_the_old_one_takes_no_later_start(
    pair: Pair, wanted: WantedRotation
) -> None:
    done = rotate(pair, wanted)
    settle(pair)
    before = try_to_issue(pair, starts_s=done.from_s - HOUR_S, ends_s=done.from_s + HOUR_S)
    later = issue(pair, starts_s=done.from_s + HOUR_S, ends_s=done.from_s + 3 * HOUR_S)
    assert later["kid"] == done.kid
    if wanted is SCHEDULED:
        assert isinstance(before, dict)
        assert before["kid"] == 1
    [chance] = pair.site.controller.guesses.chances.values()
    assert chance == pytest.approx(1.01196e-5), "no start has two keys"


def test_a_scheduled_change_comes_after_the_last_start_that_was_given_out(pair: Pair) -> None:
    late = issue(pair, starts_s=pair.now + 5 * DAY_S, ends_s=pair.now + 6 * DAY_S)
    done = rotate(pair, SCHEDULED)
    assert done.from_s == late["starts_at"] + HOUR_S
    settle(pair)
    pair.wait(5 * DAY_S)
    assert pair.opens(late["code"])


def test_a_code_given_out_for_after_the_change_is_of_the_new_key_before_it_counts(pair: Pair) -> None:
    done = rotate(pair, WantedRotation(at_s=pair.now + 3 * HOUR_S))
    settle(pair)
    new = issue(pair, starts_s=pair.now + 4 * HOUR_S, ends_s=pair.now + 9 * HOUR_S)
    old = issue(pair, starts_s=pair.now, ends_s=pair.now + 2 * HOUR_S)
    assert (old["kid"], new["kid"]) == (1, done.kid)
    assert [stage(pair, code) for code in (old, new)] == ["set", "issued"]
    assert pair.opens(old["code"])
    pair.wait(4 * HOUR_S)
    assert pair.opens(new["code"])


@pytest.mark.parametrize(
    ("wanted", "error", "says"),
    [
        (WantedRotation(at_s=1.0), "INVALID_TIME", "too early"),
        (WantedRotation(at_s=2e9, issuer=9), "NO_OFFLINE_CODES", "no key of issuer 9; it has those of 0"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    pair: Pair, wanted: WantedRotation, error: str, says: str
) -> None:
    rev = rev_wanted(pair)
    with pair.database.transaction():
        refused = offline_rotation.rotate(pair.database, DEVICE_ID, wanted, pair.now)
    assert isinstance(refused, NotRotated)
    assert (refused.error, says in refused.message, rev_wanted(pair)) == (error, True, rev)


def test_a_time_at_which_codes_would_die_is_refused_with_the_first_that_is_good(pair: Pair) -> None:
    issue(pair, starts_s=pair.now + 5 * HOUR_S, ends_s=pair.now + 9 * HOUR_S)
    at = WantedRotation(at_s=pair.now + 3 * HOUR_S)
    with pair.database.transaction():
        refused = offline_rotation.rotate(pair.database, DEVICE_ID, at, pair.now)
    assert isinstance(refused, NotRotated)
    assert "given out and would die; the first hour it can be is " in refused.message


def test_a_fourth_key_is_refused_until_the_first_can_be_used_no_more(pair: Pair) -> None:
    for hours in (2, 4):
        rotate(pair, WantedRotation(at_s=pair.now + hours * HOUR_S))
    with pair.database.transaction():
        later = WantedRotation(at_s=pair.now + 6 * HOUR_S)
        refused = offline_rotation.rotate(pair.database, DEVICE_ID, later, pair.now)
    assert isinstance(refused, NotRotated)
    assert (refused.error, "is needed until" in refused.message) == ("TOO_MANY_KEYS", True)
    pair.wait(5 * DAY_S)
    assert rotate(pair, SCHEDULED).kid == 4


def test_no_kid_is_ever_given_twice(pair: Pair) -> None:
    kids = [rotate(pair, NOW).kid for _ in range(6)]
    assert kids == [2, 3, 4, 5, 6, 7]
    with pytest.raises(SetupFault, match="kid 3 of issuer 0 was taken from this lock"):
        offline_setups.replace(pair.database, DEVICE_ID, {"keys": [{"kid": 3, "root": "6b" * 32}]})
    with pytest.raises(SetupFault, match="has another key at this lock"):
        offline_setups.replace(pair.database, DEVICE_ID, {"keys": [{"kid": 7, "root": "6b" * 32}]})


# --- traffic in flight --------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [SCHEDULED, NOW], ids=["scheduled", "now"])
def test_codes_are_issued_and_typed_while_the_key_is_replaced(pair: Pair, wanted: WantedRotation) -> None:
    codes = []
    for number in range(12):
        codes.append(issue(pair, starts_s=pair.now, ends_s=pair.now + (number + 2) * HOUR_S))
        if number == 5:
            rotate(pair, wanted)
        if number % 2:
            pair.exchange_once()
            assert pair.opens(codes[-1]["code"]) or wanted is NOW
    settle(pair)
    old = [code for code in codes if code["kid"] == 1 and not row(pair, code["access_code_id"])["uses"]]
    new = [code for code in codes if code["kid"] != 1]
    assert all(pair.opens(code["code"]) for code in new)
    assert [pair.opens(code["code"]) for code in old[:3]] == [wanted is SCHEDULED] * len(old[:3])
    assert {stage(pair, code) for code in old} <= ({"set"} if wanted is SCHEDULED else {"removed"})


@pytest.mark.parametrize("when", ["before it is said", "on its way", "before the lock says so"])
@pytest.mark.parametrize("wanted", [SCHEDULED, NOW], ids=["scheduled", "now"])
def test_a_cloud_or_a_lock_that_dies_in_the_middle_goes_on_where_it_was(
    pair: Pair, wanted: WantedRotation, when: str
) -> None:
    old = issue(pair)
    with pair.database.transaction():
        done = offline_rotation.rotate(pair.database, DEVICE_ID, wanted, pair.now)
    assert isinstance(done, Rotated)
    if when != "before it is said":
        pair.fleet.downlink.offline_setup(DEVICE_ID)
    if when == "before the lock says so":
        pair.hear_cloud()
    pair.restart_lock()
    pair.restart_cloud()
    pair.connect()
    settle(pair)
    assert rev_at_lock(pair) == done.rev
    assert pair.opens(old["code"]) == (wanted is SCHEDULED)
    pair.wait(max(done.from_s - pair.now, 0))
    assert pair.opens(issue(pair)["code"])


def test_a_lock_that_was_away_gets_the_newest_setup_and_no_older_one_takes_it_back(pair: Pair) -> None:
    older = pair.retained[DOWN]
    dead = issue(pair)
    for _ in range(3):
        rotate(pair, NOW)
        pair.lose_all()
    assert pair.opens(dead["code"]), "the lock has not heard of it"
    unheard = issue(pair)
    assert stage(pair, unheard) == "created"
    pair.restart_lock()
    pair.connect()
    settle(pair)
    assert (rev_at_lock(pair), pair.opens(unheard["code"])) == (rev_wanted(pair), True)
    pair._to_lock(DOWN, older)
    assert pair.site.refusals()[-1] == "stale_revision"
    assert pair.opens(unheard["code"])


def test_the_cloud_says_of_a_dead_code_that_its_lock_does_not_know_yet(pair: Pair) -> None:
    code = issue(pair)
    rotate(pair, NOW)
    assert stage(pair, code) == "revoking"
    settle(pair)
    assert (stage(pair, code), pair.opens(code["code"])) == ("removed", False)


def test_a_code_used_before_the_lock_heard_that_its_key_is_gone_lives_on(pair: Pair) -> None:
    code = issue(pair)
    rotate(pair, NOW)
    assert pair.opens(code["code"])
    settle(pair)
    assert (stage(pair, code), pair.opens(code["code"])) == ("set", True)


# --- a cloud from a backup ----------------------------------------------------------------------------


def issue_all(pair: Pair, count: int = 6) -> set[str]:
    return {str(issue(pair, is_one_time_use=True, ends_s=None)["code"]) for _ in range(count)}


def test_a_restored_cloud_whose_operator_says_so_issues_nothing_twice_and_both_keys_open(pair: Pair) -> None:
    issue_all(pair)
    backup = pair.back_up()
    given_out = issue_all(pair)
    pair.restore(backup)
    [(_, done)] = restoration.of_all(pair.database, "keep", pair.now)
    assert isinstance(done, Rotated)
    issued = issue_all(pair)
    assert not given_out & issued
    pair.cloud_connects()
    settle(pair)
    assert pair.opens(given_out.pop())
    assert pair.opens(issued.pop())
    [chance] = pair.site.controller.guesses.chances.values()
    assert chance == pytest.approx(2 * 1.01196e-5), "two keys count for the same starts"


def test_the_overlap_ends_with_a_scheduled_change_and_a_guess_is_as_likely_as_before(pair: Pair) -> None:
    restoration.of_all(pair.database, "keep", pair.now)
    done = rotate(pair, WantedRotation(at_s=pair.now + 2 * DAY_S))
    settle(pair)
    pair.wait(done.from_s - pair.now + DAY_S + 2 * HOUR_S)
    [chance] = pair.site.controller.guesses.chances.values()
    assert chance == pytest.approx(1.01196e-5)


@pytest.mark.parametrize("sign", ["its set", "its offline setup", "its journal"])
def test_a_lock_that_knows_more_shows_its_cloud_that_it_is_from_a_backup(pair: Pair, sign: str) -> None:
    issue_all(pair)
    backup = pair.back_up()
    given_out = issue_all(pair)
    if sign == "its set":
        pair.create("730411")
    elif sign == "its offline setup":
        rotate(pair, WantedRotation(at_s=pair.now + DAY_S))
    else:
        assert pair.opens(next(iter(given_out)))
    settle(pair)
    pair.restore(backup)
    pair.cloud_connects()
    pair.connect()
    for _ in range(5 * (sign == "its journal")):
        pair.wait(11)
    assert not given_out & issue_all(pair)
    settle(pair)
    assert rev_at_lock(pair) == rev_wanted(pair)
    assert len(offline_kids.used(pair.database, DEVICE_ID)) == 2, "what it shows in pieces is one backup"


def test_another_setup_under_the_same_number_shows_it_too(pair: Pair) -> None:
    backup = pair.back_up()
    rotate(pair, SCHEDULED)
    pair.hear_cloud()  # and the cloud is gone before it hears of that
    pair.restore(backup)
    offline_setups.replace(
        pair.database, DEVICE_ID, {"keys": [{"kid": 1, "root": "5a" * 32}], "tolerance_s": 60}
    )
    assert rev_at_lock(pair) == rev_wanted(pair), "and yet they are two"
    pair.cloud_connects()
    settle(pair)
    assert "conflicting_revision" in pair.site.refusals()
    assert rev_at_lock(pair) == rev_wanted(pair) > 1_000_000
    assert pair.opens(issue(pair)["code"])


def test_at_the_door_the_codes_of_the_old_key_alone_can_be_cancelled(pair: Pair) -> None:
    pair.wait(HOUR_S)
    old = issue(pair, starts_s=pair.now - HOUR_S)
    restoration.of_all(pair.database, "keep", pair.now)
    new = issue(pair, is_one_time_use=True, ends_s=None)
    pair.fleet.downlink.offline_setup(DEVICE_ID)
    settle(pair)
    setup = offline_issuing.setup_of(pair.database, DEVICE_ID)
    assert setup is not None
    found = offline_revocation.cancelling(pair.database, setup, pair.now + HOUR_S, pair.now, kid=1)
    assert found is not None
    assert (found.kid, found.hits, found.spares) == (1, [old["access_code_id"]], [new["access_code_id"]])
    pair.wait(HOUR_S)
    pair.opens(found.code)
    assert [pair.opens(code["code"]) for code in (old, new)] == [False, True]


def test_what_was_done_is_an_event_of_the_lock(pair: Pair) -> None:
    rotate(pair, NOW)
    for _ in range(2):
        restoration.of_all(pair.database, "keep", pair.now)
    own = ("lock.offline_key_replaced", "lock.offline_issuing_stopped")
    told = [
        event
        for event in events.events_after(pair.database, DEVICE_ID, 0, 1000)
        if event["event_type"] in own
    ]
    assert [event["event_type"] for event in told] == [own[0], own[0], own[1]]
    assert [event["detail"].get("why") for event in told] == ["now", "restored", None]
    assert told[0]["detail"] | {"why": ""} == {"issuer": 0, "kid": 2, "former_kids": [1], "why": ""}


def test_the_word_of_a_lock_about_a_backup_counts_for_itself_alone(pair: Pair) -> None:
    with pair.database.transaction():
        other = locks.add_lock(pair.database, "Back door", pair.now)
    offline_setups.replace(pair.database, other, {"keys": [{"kid": 1, "root": "6b" * 32}]})
    pair.from_lock(
        "codes", Codes(set_epoch=1, rev=1, highest_rev=900, root="", count=0, capacity=1, constraints={})
    )
    assert [offline_kids.retired(pair.database, each) for each in (DEVICE_ID, other)] == [[(1, 0)], []]


def test_a_code_that_its_lock_reports_as_used_is_not_issued_again(pair: Pair) -> None:
    code = issue(pair, is_one_time_use=True, ends_s=None)
    pair.database.run("DELETE FROM offline_codes")
    assert pair.opens(code["code"])
    settle(pair)
    assert issue(pair, is_one_time_use=True, ends_s=None)["code"] != code["code"]


def test_a_second_restore_stops_issuing_until_a_person_replaces_the_keys(pair: Pair) -> None:
    restoration.of_all(pair.database, "keep", pair.now)
    [(_, done)] = restoration.of_all(pair.database, "keep", pair.now)
    assert isinstance(done, NotRotated)
    assert "rotate-offline-key" in done.message
    refused = try_to_issue(pair)
    assert isinstance(refused, NotIssued)
    assert "restored from a backup" in refused.message
    done = rotate(pair, WantedRotation(at_s=pair.now + 2 * HOUR_S))
    settle(pair)
    assert isinstance(try_to_issue(pair), NotIssued)
    pair.wait(3 * HOUR_S)
    assert pair.opens(issue(pair)["code"])


def test_a_restored_cloud_may_end_what_nobody_used(pair: Pair) -> None:
    code = issue(pair)
    [(_, done)] = restoration.of_all(pair.database, "end", pair.now)
    assert isinstance(done, Rotated)
    assert done.rev >= pair.now, "a number that was not given since the backup"
    pair.fleet.downlink.offline_setup(DEVICE_ID)
    settle(pair)
    assert (pair.opens(code["code"]), pair.opens(issue(pair)["code"])) == (False, True)
