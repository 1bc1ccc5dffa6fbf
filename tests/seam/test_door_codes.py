"""Codes made and removed at the door, as a cloud takes them in and tells of them."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.envelope import Signer, new_sealing_key, new_signing_key
from agent.messages import Events
from cloud_sim import access_codes, code_sets, door_codes, journal, locks, unmanaged_codes
from cloud_sim.access_codes import NewAccessCode, Taken
from tests.cloud.device import journal_rows
from tests.cloud.door_journal import added, removed, restored
from tests.seam.lifecycle import change, codes_of, row, shown, status
from tests.seam.silent_cloud import NOON, Cloud

EXTERNAL = "external_modification_in_effect"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path / "cloud.db")
    made.status()
    made.confirm()
    yield made
    made.database.close()


UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def make(cloud: Cloud, digits: str = "4711", **rules: Any) -> str:
    """Somebody makes a code at the door."""
    kind, detail = added(cloud.signer, cloud.sealing, digits, **rules)
    cloud.happens((kind, detail))
    return str(detail["access_code_id"])


def convert(cloud: Cloud, access_code_id: str) -> object:
    found = row(cloud, access_code_id)
    with cloud.database.transaction():
        return unmanaged_codes.convert(
            cloud.database, found, cloud.now, 9, is_external_modification_allowed=False
        )


def is_there(cloud: Cloud, access_code_id: str) -> bool:
    return access_codes.find(cloud.database, access_code_id) is not None


def wanted_ids(cloud: Cloud) -> list[str]:
    return [one["access_code_id"] for one in code_sets.bucket_parts(cloud.database, cloud.lock_id, 0)[0].rows]


def digests(cloud: Cloud) -> tuple[int, str]:
    """What the lock is to hold: the revision and its root."""
    return code_sets.head(cloud.database, cloud.lock_id)[1], code_sets.manifest(
        cloud.database, cloud.lock_id
    ).root


def newest(cloud: Cloud) -> dict[str, Any]:
    cloud.told()
    return cloud.events()[-1]


# --- made at the door -------------------------------------------------------------------------------------


def test_a_code_made_at_the_door_is_unmanaged_and_leaves_the_wanted_set_alone(cloud: Cloud) -> None:
    before = digests(cloud)
    code = make(cloud, starts_at=int(NOON) + 60, ends_at=int(NOON) + 120, max_uses=2)
    view = shown(cloud, code)
    assert (view["is_managed"], view["code"], view["status"], view["name"]) == (False, "4711", "unset", None)
    assert (view["type"], view["errors"], view["warnings"]) == ("time_bound", [], [])
    assert digests(cloud) == before
    cloud.now += 60
    assert status(cloud, code) == "set"
    cloud.now += 60
    assert status(cloud, code) == "unset"


def test_its_creation_is_told_once_and_its_digits_are_not(cloud: Cloud) -> None:
    code = make(cloud)
    cloud.report(*cloud.rows)
    event = newest(cloud)
    assert cloud.told() == ["device.connected", "access_code.unmanaged.created"]
    assert (event["access_code_id"], event["device_id"]) == (code, cloud.lock_id)
    assert "code" not in event
    assert event["occurred_at"] == shown(cloud, code)["created_at"]
    kept = cloud.database.rows("SELECT event FROM events UNION ALL SELECT event FROM seam_events")
    said = [UUID_TEXT.sub("", one["event"]) for one in kept]  # four digits may stand in an id by chance
    assert all("4711" not in one and "sealed" not in one for one in said)


def test_a_use_of_it_is_told_with_its_digits_and_counted(cloud: Cloud) -> None:
    code = make(cloud, max_uses=1)
    cloud.happens(("access_granted", {"access_code_id": code, "gen": 1}))
    event = newest(cloud)
    assert (event["event_type"], event["code"]) == ("lock.unlocked", "4711")
    assert event["access_code_is_managed"] is False
    assert status(cloud, code) == "unset"


@pytest.mark.parametrize("wrong", ["reader", "signer", "code", "digits", "nothing"])
def test_digits_that_cannot_be_believed_are_not_shown_and_the_code_is(cloud: Cloud, wrong: str) -> None:
    code = str(uuid.uuid4())
    signer = Signer(cloud.lock_id, new_signing_key()) if wrong == "signer" else cloud.signer
    reader = new_sealing_key() if wrong == "reader" else cloud.sealing
    digits = "47a1" if wrong == "digits" else "4711"
    kind, detail = added(signer, reader, digits, str(uuid.uuid4()) if wrong == "code" else code)
    if wrong == "nothing":
        del detail["sealed"]
    cloud.happens((kind, {**detail, "access_code_id": code}))
    view = shown(cloud, code)
    assert (view["code"], view["status"], view["cannot_be_managed"]) == (None, "set", True)
    assert view["errors"] == []


def test_a_lock_has_no_say_in_the_codes_of_another(cloud: Cloud) -> None:
    with cloud.database.transaction():
        other = locks.add_lock(cloud.database, "Back door", cloud.now)
    theirs = access_codes.create(cloud.database, other, NewAccessCode(code="0815"), cloud.now)
    assert isinstance(theirs, str)
    before = row(cloud, theirs)
    cloud.happens(
        added(cloud.signer, cloud.sealing, "4711", theirs), removed(theirs, stays=True), restored(theirs)
    )
    assert row(cloud, theirs) == before


@pytest.mark.parametrize(
    "detail",
    [{}, {"access_code_id": "x", "gen": 1}, {"access_code_id": str(uuid.UUID(int=1)), "gen": True}],
)
def test_a_row_that_makes_no_sense_is_kept_and_changes_nothing(cloud: Cloud, detail: dict[str, Any]) -> None:
    for kind in door_codes.KINDS:
        cloud.happens((kind, detail))
    assert access_codes.of_lock(cloud.database, cloud.lock_id) == []


# --- its digits are taken ---------------------------------------------------------------------------------


def test_digits_of_a_code_at_the_door_are_taken_until_it_has_ended(cloud: Cloud) -> None:
    code = make(cloud, ends_at=int(NOON) + 60)
    other = cloud.create(code="0815")
    wanted = NewAccessCode(code="4711")
    assert access_codes.create(cloud.database, cloud.lock_id, wanted, cloud.now) == Taken(code)
    assert change(cloud, other, code="4711") == Taken(code)
    cloud.now += 60
    assert isinstance(access_codes.create(cloud.database, cloud.lock_id, wanted, cloud.now), str)


def test_complaint_10_a_code_typed_in_at_the_door_is_not_mistaken_for_the_wanted_one(cloud: Cloud) -> None:
    """Both came at once: the lock holds the digits for its own code, and says so."""
    wanted = cloud.create(code="4711")
    made = make(cloud)
    detail = {"access_code_id": wanted, "gen": 1, "state": "unset", "errors": ["duplicate_code"]}
    cloud.happens(("code_state", detail))
    cloud.confirm()
    [error] = shown(cloud, wanted)["errors"]
    assert status(cloud, wanted) == "setting"
    assert error["error_code"] == "duplicate_code_on_device"
    assert error["unmanaged_access_code_id"] == made


def test_complaint_9_a_duplicate_made_at_the_door_holds_up_no_other_code(cloud: Cloud) -> None:
    blocked, other = cloud.create(code="4711"), cloud.create(code="0815")
    make(cloud)
    detail = {"access_code_id": blocked, "gen": 1, "state": "unset", "errors": ["duplicate_code"]}
    cloud.happens(("code_state", detail))
    cloud.confirm()
    assert change(cloud, other, code="0816") is None
    cloud.confirm()
    assert (status(cloud, other), status(cloud, blocked)) == ("set", "setting")


# --- taken over -------------------------------------------------------------------------------------------


def test_a_converted_code_keeps_id_digits_window_and_uses(cloud: Cloud) -> None:
    code = make(cloud, ends_at=int(NOON) + 3600, max_uses=3)
    cloud.happens(("access_granted", {"access_code_id": code, "gen": 1}))
    assert convert(cloud, code) is None
    [told] = code_sets.bucket_parts(cloud.database, cloud.lock_id, 0)[0].rows
    assert told == {
        "access_code_id": code,
        "gen": 1,
        "code_rev": 1,
        "code": "4711",
        "kind": "standard",
        "ends_at": int(NOON) + 3600,
        "max_uses": 3,
    }
    assert row(cloud, code)["uses"] == 1


def test_a_converted_code_opens_all_the_time_and_is_told_once_the_lock_has_it(cloud: Cloud) -> None:
    code = make(cloud)
    convert(cloud, code)
    view = shown(cloud, code)
    assert (view["is_managed"], view["status"], view["pending_mutations"]) == (True, "set", [])
    assert cloud.told()[-1] == "access_code.unmanaged.created"
    cloud.confirm()
    assert cloud.told()[-1] == "access_code.unmanaged.converted_to_managed"
    assert status(cloud, code) == "set"
    cloud.confirm()
    assert cloud.told().count("access_code.unmanaged.converted_to_managed") == 1


def test_a_code_that_ends_while_it_is_converted_is_told_to_be_converted(cloud: Cloud) -> None:
    code = make(cloud, ends_at=int(NOON) + 60)
    convert(cloud, code)
    cloud.told()
    cloud.now += 60
    cloud.confirm()
    assert cloud.told()[-1] == "access_code.unmanaged.converted_to_managed"


def test_a_conversion_that_the_lock_refuses_is_told_with_the_reason(cloud: Cloud) -> None:
    code = make(cloud)
    convert(cloud, code)
    detail = {"access_code_id": code, "gen": 1, "state": "unset", "errors": ["capacity_full"]}
    cloud.happens(("code_state", detail))
    cloud.confirm()
    event = newest(cloud)
    assert event["event_type"] == "access_code.unmanaged.failed_to_convert_to_managed"
    assert codes_of(event["access_code_errors"]) == ["no_space_for_access_code_on_device"]


def test_a_conversion_of_digits_that_are_wanted_for_another_code_is_refused(cloud: Cloud) -> None:
    wanted = cloud.create(code="4711")
    code = make(cloud)
    assert convert(cloud, code) == Taken(wanted)
    assert not row(cloud, code)["is_managed"]


def test_a_code_removed_at_the_door_before_its_conversion_does_not_come_back(cloud: Cloud) -> None:
    code = make(cloud)
    convert(cloud, code)
    cloud.happens(removed(code, is_managed=False, stays=True))
    assert wanted_ids(cloud) == []
    assert cloud.told()[-1] == "access_code.unmanaged.failed_to_convert_to_managed"
    cloud.confirm()
    assert (status(cloud, code), codes_of(shown(cloud, code)["warnings"])) == ("unset", [EXTERNAL])


# --- deleted ----------------------------------------------------------------------------------------------


def test_a_code_removed_at_the_door_is_gone(cloud: Cloud) -> None:
    code = make(cloud)
    cloud.happens(removed(code, is_managed=False, stays=True))
    assert not is_there(cloud, code)
    assert cloud.told()[-2:] == ["access_code.unmanaged.created", "access_code.unmanaged.removed"]


def test_a_deleted_code_is_there_until_the_lock_has_forgotten_it(cloud: Cloud) -> None:
    code = make(cloud)
    cloud.delete(code)
    cloud.confirm()
    view = shown(cloud, code)
    assert (view["status"], codes_of(view["warnings"])) == ("set", ["being_deleted"])
    assert access_codes.create(cloud.database, cloud.lock_id, NewAccessCode(code="4711"), cloud.now) == Taken(
        code
    )
    cloud.now += 60
    assert codes_of(shown(cloud, code)["warnings"]) == ["being_deleted", "delay_in_removing_from_device"]
    assert unmanaged_codes.deleted_ids(cloud.database, cloud.lock_id) == [code]
    with cloud.database.transaction():
        door_codes.forgotten(cloud.database, cloud.lock_id, [code])
    assert not is_there(cloud, code)
    assert cloud.told()[-1] == "access_code.unmanaged.removed"


def test_a_code_deleted_in_the_middle_of_its_conversion_must_leave_both_memories(cloud: Cloud) -> None:
    """The lock may never see the revision that converts it: then it goes on holding it apart from its set."""
    code = make(cloud)
    convert(cloud, code)
    cloud.delete(code)
    cloud.confirm()
    assert (is_there(cloud, code), status(cloud, code)) == (True, "removing")
    with cloud.database.transaction():
        door_codes.forgotten(cloud.database, cloud.lock_id, [code])
    assert not is_there(cloud, code)


def test_a_code_deleted_after_its_conversion_is_deleted_like_any_other(cloud: Cloud) -> None:
    code = make(cloud)
    convert(cloud, code)
    cloud.confirm()
    cloud.delete(code)
    assert unmanaged_codes.deleted_ids(cloud.database, cloud.lock_id) == []
    cloud.confirm()
    assert not is_there(cloud, code)


def test_an_answer_about_a_code_that_nobody_deleted_takes_nothing_away(cloud: Cloud) -> None:
    code = make(cloud)
    with cloud.database.transaction():
        door_codes.forgotten(cloud.database, cloud.lock_id, [code])
    assert row(cloud, code)["is_at_door"] == 1


def test_a_lock_that_begins_with_an_empty_memory_has_lost_what_was_made_at_its_door(cloud: Cloud) -> None:
    lost, kept, managed = make(cloud), make(cloud, "0815"), cloud.create(code="1111")
    convert(cloud, kept)
    cloud.confirm()
    cloud.happens(removed(managed))
    begins_anew(cloud)
    assert (is_there(cloud, lost), is_there(cloud, kept)) == (False, True)
    assert cloud.told().count("access_code.unmanaged.removed") == 1
    assert shown(cloud, managed)["errors"] == []


def begins_anew(cloud: Cloud) -> None:
    epoch = "fedcba9876543210"
    batch = Events(journal_epoch=epoch, rows=journal_rows(("boot", {}), epoch=epoch))
    journal.store(cloud.database, cloud.lock_id, batch, cloud.now)
