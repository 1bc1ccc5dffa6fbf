"""Issuing offline codes: what is asked for is covered, nothing is issued twice, and the lock takes it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.core.offline_code import EPOCH_S, SLOT_S
from agent.core.offline_policy import OfflineVerifier
from agent.offline_setup import decode_setup
from cloud_sim import access_codes, locks, offline_cancellations, offline_codes, offline_setups
from cloud_sim.access_codes import NewAccessCode
from cloud_sim.database import Database, open_database
from cloud_sim.offline_issuing import NotIssued, WantedOfflineCode, Why, issue_code

ROOT = "5a" * 32
NOON = EPOCH_S + 22_000 * SLOT_S
"""A full hour."""
HOUR, DAY = 3600, 86_400


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "cloud.db")
    yield opened
    opened.close()


@pytest.fixture
def lock(database: Database) -> str:
    """A lock with a setup of one key."""
    with database.transaction():
        lock_id = locks.add_lock(database, "Front door", NOON)
    set_up(database, lock_id)
    return lock_id


def set_up(database: Database, lock_id: str, **policy: Any) -> None:
    offline_setups.replace(database, lock_id, {"keys": [{"kid": 1, "root": ROOT, "policy": policy}]})


def issued(database: Database, lock_id: str, **wanted: Any) -> dict[str, Any]:
    made = issue_code(database, lock_id, WantedOfflineCode(**wanted), NOON)
    assert isinstance(made, str), made
    row = offline_codes.find(database, made)
    assert row is not None
    return row


def refused(database: Database, lock_id: str, **wanted: Any) -> NotIssued:
    made = issue_code(database, lock_id, WantedOfflineCode(**wanted), NOON)
    assert isinstance(made, NotIssued)
    return made


def window(row: dict[str, Any]) -> tuple[int, int]:
    """In seconds from noon."""
    return row["starts_at"] - NOON, row["ends_at"] - NOON


def test_the_lock_takes_what_is_issued_from_its_start_for_its_first_day(
    database: Database, lock: str
) -> None:
    row = issued(database, lock, starts_s=NOON + HOUR, ends_s=NOON + 3 * DAY)
    kept = offline_setups.kept(database, lock)
    assert kept is not None
    setup = decode_setup(json.dumps(kept.document(lock)).encode())
    verifier = OfflineVerifier(setup.format(), setup.first_use(), [key.accepted() for key in setup.keys])

    def takes(at_s: float) -> bool:
        verifier.keep(at_s)
        accepted = verifier.look(row["code"], at_s)
        return accepted is not None and (accepted.payload.slot, accepted.payload.q) == (row["slot"], row["q"])

    assert not takes(NOON)
    assert takes(row["starts_at"])
    assert takes(row["first_use_by"] - 1)
    assert not takes(row["first_use_by"] + HOUR)


def test_a_window_is_rounded_outwards_to_full_hours(database: Database, lock: str) -> None:
    row = issued(database, lock, starts_s=NOON + 37 * 60, ends_s=NOON + 3 * HOUR + 60)
    assert window(row) == (0, 4 * HOUR)


def test_whole_days_need_no_rounding_and_other_long_windows_need_a_day_of_it(
    database: Database, lock: str
) -> None:
    assert window(issued(database, lock, starts_s=NOON, ends_s=NOON + 40 * DAY)) == (0, 40 * DAY)
    odd = {"starts_s": NOON, "ends_s": NOON + 40 * DAY + HOUR}
    assert refused(database, lock, **odd).field == "max_time_rounding"
    assert window(issued(database, lock, **odd, rounding_s=DAY)) == (0, 41 * DAY)


def test_what_has_begun_begins_now(database: Database, lock: str) -> None:
    row = issued(database, lock, starts_s=NOON - 5 * DAY, ends_s=NOON + 2 * HOUR)
    assert window(row) == (0, 2 * HOUR)


def test_a_one_time_code_lasts_a_day_and_begins_now_unless_it_is_told_otherwise(
    database: Database, lock: str
) -> None:
    assert window(issued(database, lock, is_one_time_use=True)) == (0, DAY)
    later = issued(database, lock, is_one_time_use=True, starts_s=NOON + 90 * 60, ends_s=NOON + 90 * 60 + DAY)
    assert window(later) == (HOUR, HOUR + DAY)
    wrong = refused(database, lock, is_one_time_use=True, ends_s=NOON + 3 * HOUR)
    assert (wrong.why, wrong.field) == (Why.WINDOW, "ends_at")


@pytest.mark.parametrize(
    ("starts_s", "ends_s", "field"),
    [
        (None, NOON + HOUR, "starts_at"),
        (NOON, None, "ends_at"),
        (NOON - HOUR, NOON, "ends_at"),
        (NOON + HOUR, NOON + HOUR, "ends_at"),
        (NOON, NOON + 368 * DAY, "ends_at"),
        (NOON + 80_000 * 366 * DAY, NOON + 80_000 * 366 * DAY + HOUR, "starts_at"),
    ],
)
def test_a_window_that_no_code_has_is_refused_by_its_field(
    database: Database, lock: str, starts_s: float | None, ends_s: float | None, field: str
) -> None:
    wrong = refused(database, lock, starts_s=starts_s, ends_s=ends_s)
    assert (wrong.why, wrong.field) == (Why.WINDOW, field)
    assert offline_codes.of_lock(database, lock) == []


def test_serials_are_given_from_the_smallest_on_and_then_the_hour_before(
    database: Database, lock: str
) -> None:
    wanted = {"starts_s": NOON + 2 * HOUR, "ends_s": NOON + 4 * HOUR}
    rows = [issued(database, lock, **wanted) for _ in range(8)]
    assert len({row["code"] for row in rows}) == 8
    assert [row["q"] // 1011 for row in rows] == [0, 1, 2, 3] * 2
    assert [window(row) for row in rows] == [(2 * HOUR, 4 * HOUR)] * 4 + [(HOUR, 4 * HOUR)] * 4
    assert refused(database, lock, **wanted).why is Why.NONE_LEFT
    assert window(issued(database, lock, **wanted, rounding_s=DAY)) == (0, 4 * HOUR)


def test_there_are_forty_eight_one_time_codes_for_a_start(database: Database, lock: str) -> None:
    rows = [issued(database, lock, is_one_time_use=True) for _ in range(48)]
    assert {row["q"] for row in rows} == set(range(4044, 4092))
    assert refused(database, lock, is_one_time_use=True, rounding_s=DAY).why is Why.NONE_LEFT


def test_digits_of_a_code_of_the_table_are_skipped(database: Database, lock: str) -> None:
    first = issued(database, lock, is_one_time_use=True)
    database.run("DELETE FROM offline_codes")
    access_codes.create(database, lock, NewAccessCode(code=first["code"]), NOON)
    assert issued(database, lock, is_one_time_use=True)["q"] == first["q"] + 1


def test_a_denied_code_is_not_issued(database: Database, lock: str) -> None:
    slot = 22_000
    denied = [{"kid": 1, "issuer": 0, "slot": slot, "q": 4044}]
    offline_setups.replace(database, lock, {"keys": [{"kid": 1, "root": ROOT}], "denied": denied})
    assert issued(database, lock, is_one_time_use=True)["q"] == 4045


def test_a_code_whose_digits_were_erased_with_its_owner_is_not_issued_again(
    database: Database, lock: str
) -> None:
    first = issued(database, lock, is_one_time_use=True, name="Ana")
    with database.transaction():
        offline_codes.forget_person(database, [first], {first["access_code_id"]})
    assert issued(database, lock, is_one_time_use=True)["q"] == first["q"] + 1


def test_nothing_is_issued_that_the_setup_says_is_cancelled(database: Database, lock: str) -> None:
    key = {"kid": 1, "root": ROOT, "cancelled_before_slot": 22_001}
    offline_setups.replace(database, lock, {"keys": [key]})
    assert refused(database, lock, is_one_time_use=True).field == "starts_at"
    later = issued(database, lock, is_one_time_use=True, starts_s=NOON + HOUR)
    assert window(later)[0] == HOUR


def test_the_policy_of_the_key_is_kept_to(database: Database, lock: str) -> None:
    hour = 22_000 % 24
    set_up(database, lock, serials=1, once_serials=0, longest_h=48, start_hours=[(hour + 3) % 24])
    assert refused(database, lock, is_one_time_use=True).field == "is_one_time_use"
    assert refused(database, lock, starts_s=NOON, ends_s=NOON + HOUR).field == "starts_at"
    at_three = {"starts_s": NOON + 3 * HOUR, "ends_s": NOON + 5 * HOUR}
    assert window(issued(database, lock, **at_three)) == (3 * HOUR, 5 * HOUR)
    assert refused(database, lock, **at_three).why is Why.NONE_LEFT
    assert refused(database, lock, starts_s=NOON + 3 * HOUR, ends_s=NOON + 3 * DAY).field == "ends_at"


def test_each_start_has_the_key_that_is_for_it(database: Database, lock: str) -> None:
    keys = [
        {"kid": 1, "root": ROOT, "last_slot": 22_009},
        {"kid": 2, "root": "6b" * 32, "first_slot": 22_010, "last_slot": 22_100},
        {"kid": 3, "issuer": 7, "root": ROOT},
    ]
    offline_setups.replace(database, lock, {"keys": keys})
    assert issued(database, lock, starts_s=NOON + 9 * HOUR, ends_s=NOON + 11 * HOUR)["kid"] == 1
    assert issued(database, lock, starts_s=NOON + 10 * HOUR, ends_s=NOON + 11 * HOUR)["kid"] == 2
    beyond = refused(database, lock, starts_s=NOON + 102 * HOUR, ends_s=NOON + 103 * HOUR)
    assert (beyond.why, beyond.field) == (Why.WINDOW, "starts_at")


def test_nothing_is_issued_that_somebody_cancelled_at_the_door(database: Database, lock: str) -> None:
    detail = {"kid": 1, "issuer": 0, "slot": 22_002}
    offline_cancellations.take(database, lock, detail, NOON * 1000)
    offline_cancellations.take(database, lock, {**detail, "slot": 21_000}, NOON * 1000)
    assert refused(database, lock, starts_s=NOON, ends_s=NOON + 5 * HOUR).field == "starts_at"
    assert window(issued(database, lock, starts_s=NOON + 2 * HOUR, ends_s=NOON + 5 * HOUR))[0] == 2 * HOUR


def test_only_the_key_of_this_cloud_is_used(database: Database, lock: str) -> None:
    offline_setups.replace(database, lock, {"keys": [{"kid": 1, "issuer": 7, "root": ROOT}]})
    assert refused(database, lock, is_one_time_use=True).why is Why.NOT_SUPPORTED


def test_a_lock_without_a_setup_takes_none(database: Database, lock: str) -> None:
    database.run("DELETE FROM offline_setups")
    assert refused(database, lock, is_one_time_use=True).why is Why.NOT_SUPPORTED
