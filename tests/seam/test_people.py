"""One person: all that is kept of one, and how nothing is kept any more, to the last byte of the files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_sim import access_codes, code_sets, code_updates, people
from cloud_sim.seam import webhooks
from tests.seam.silent_cloud import NOON, Cloud

GRACE, ALAN = "Grace Brewster Hopper", "Alan Mathison Turing"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path / "cloud.db")
    yield made
    made.database.close()


def change(cloud: Cloud, access_code_id: str, **values: Any) -> None:
    row = access_codes.find(cloud.database, access_code_id)
    assert row is not None
    with cloud.database.transaction():
        assert code_updates.update(cloud.database, row, values, cloud.now) is None


def bytes_of(cloud: Cloud) -> bytes:
    """All that is in the files, while the database is open."""
    return b"".join(path.read_bytes() for path in cloud.path.parent.glob("cloud.db*"))


def is_kept(cloud: Cloud, text: str) -> bool:
    return text.encode() in bytes_of(cloud)


def lived(cloud: Cloud) -> tuple[str, str]:
    """Grace has a code that is over and one that is not, under a name she did not always have; the ids."""
    over = cloud.create(code="90817263", name=GRACE, ends_at=int(NOON) + 60)
    living = cloud.create(code="27182818", name="G. Hopper", person_id="staff-0815")
    cloud.confirm()
    cloud.told()
    change(cloud, living, name=GRACE)
    cloud.told()
    cloud.report(
        ("access_granted", {"access_code_id": over, "gen": 1, "keypad": "outside"}),
        ("access_denied", {"reason": "unknown_code", "keypad": "outside"}),
    )
    cloud.wait(120)
    change(cloud, living, name=f"{GRACE} II")  # this one is told after the erasure
    change(cloud, living, name=GRACE)
    return over, living


def test_after_erasing_no_byte_of_the_files_holds_name_or_digits_of_codes_that_are_over(cloud: Cloud) -> None:
    lived(cloud)
    assert all(is_kept(cloud, text) for text in (GRACE, "G. Hopper", "staff-0815", "90817263"))
    people.erase(cloud.database, GRACE, cloud.now)
    for text in (GRACE, "G. Hopper", "Hopper", "staff-0815", "90817263"):
        assert not is_kept(cloud, text), text
    cloud.told()
    assert not is_kept(cloud, "Hopper"), "not in what is told later either"
    cloud.restart()
    assert not is_kept(cloud, "Hopper")


def test_a_code_that_is_not_over_goes_on_without_a_name(cloud: Cloud) -> None:
    _, living = lived(cloud)
    before = access_codes.find(cloud.database, living)
    people.erase(cloud.database, GRACE, cloud.now)
    row = access_codes.find(cloud.database, living)
    assert before is not None
    assert row == {**before, "name": None, "person_id": None}


def test_a_code_that_is_over_leaves_its_lock_and_needs_new_digits_to_come_back(cloud: Cloud) -> None:
    over, _ = lived(cloud)
    rev = code_sets.head(cloud.database, cloud.lock_id)[1]
    erased = people.erase(cloud.database, GRACE, cloud.now)
    assert erased.lock_ids == {cloud.lock_id}
    row = access_codes.find(cloud.database, over)
    assert row is not None
    assert (row["is_in_set"], row["code"]) == (0, "")
    assert code_sets.head(cloud.database, cloud.lock_id)[1] == rev + 1


def test_a_person_is_found_by_name_or_by_id_and_nobody_else_is_touched(cloud: Cloud) -> None:
    cloud.create(code="4711", name=GRACE, person_id="p-1")
    alan = cloud.create(code="4712", name=ALAN, person_id="p-2", ends_at=int(NOON) + 60)
    cloud.confirm()
    cloud.told()
    change(cloud, alan, name=f"{ALAN} OBE")
    cloud.wait(120)
    told = [event for event in cloud.events() if event["access_code_id"] == alan]
    assert people.erase(cloud.database, "p-1", cloud.now).access_codes == 1
    assert people.codes_of(cloud.database, GRACE) == []
    assert [event for event in cloud.events() if event["access_code_id"] == alan] == told
    assert len(people.codes_of(cloud.database, "p-2")) == 1
    assert people.erase(cloud.database, f"{ALAN} OBE", cloud.now).access_codes == 1
    assert not is_kept(cloud, ALAN)


def test_a_name_that_a_code_no_longer_has_is_erased_where_it_was_told(cloud: Cloud) -> None:
    code = cloud.create(name=GRACE)
    cloud.told()
    change(cloud, code, name="Meeting room")
    cloud.told()
    assert len(people.told_of(cloud.database, GRACE, ())) == 2
    erased = people.erase(cloud.database, GRACE, cloud.now)
    assert (erased.access_codes, erased.events) == (0, 2)
    (changed,) = [event for event in cloud.events() if event["event_type"] == "access_code.changed"]
    assert changed["changed_properties"] == [
        {"property": "name", "from": people.ERASED, "to": "Meeting room"}
    ]
    assert not is_kept(cloud, GRACE)


def test_a_name_that_is_also_a_word_of_the_api_erases_no_such_word(cloud: Cloud) -> None:
    cloud.create(code="4711", name="access_code.created")
    cloud.told()
    people.erase(cloud.database, "access_code.created", cloud.now)
    assert cloud.events()[0]["event_type"] == "access_code.created"


def test_a_common_key_that_holds_the_name_is_replaced_for_all_that_share_it(cloud: Cloud) -> None:
    first, second, other = cloud.create(name="Hopper"), cloud.create(name="Turing"), cloud.create()
    cloud.database.run(
        "UPDATE access_codes SET common_code_key = 'hopper-2026' WHERE access_code_id != ?", other
    )
    people.erase(cloud.database, "Hopper", cloud.now)
    keys = {
        each: (access_codes.find(cloud.database, each) or {})["common_code_key"] for each in (first, second)
    }
    assert len(set(keys.values())) == 1
    assert not is_kept(cloud, "hopper")


def test_the_audit_of_the_locks_is_the_same_before_and_after(cloud: Cloud) -> None:
    lived(cloud)
    before = [
        cloud.database.rows(f"SELECT * FROM {table}") for table in ("journal_rows", "journals", "events")
    ]
    people.erase(cloud.database, GRACE, cloud.now)
    after = [
        cloud.database.rows(f"SELECT * FROM {table}") for table in ("journal_rows", "journals", "events")
    ]
    assert after == before


def test_what_waits_for_a_webhook_is_delivered_without_the_name(cloud: Cloud) -> None:
    code = cloud.create(code="4711", name="Visitor")
    cloud.told()
    webhooks.create(cloud.database, "http://127.0.0.1:9/", ["access_code.changed"], cloud.now)
    change(cloud, code, name=GRACE)
    cloud.told()
    (waiting,) = webhooks.due(cloud.database, cloud.now)
    assert GRACE.encode() in waiting.body
    people.erase(cloud.database, GRACE, cloud.now)
    (delivery,) = webhooks.due(cloud.database, cloud.now)
    assert (delivery.event_id, GRACE.encode() in delivery.body) == (waiting.event_id, False)


def test_an_export_holds_codes_events_and_journal_rows_of_the_person_alone(cloud: Cloud) -> None:
    over, living = lived(cloud)
    cloud.create(code="4712", name=ALAN)
    ids = {row["access_code_id"] for row in people.codes_of(cloud.database, GRACE)}
    assert ids == {over, living}
    assert [event["event_type"] for event in people.events_of(cloud.database, ids)] == ["lock.unlocked"]
    assert [row["row"]["kind"] for row in people.journal_rows_of(cloud.database, ids)] == ["access_granted"]
    told = people.told_of(cloud.database, GRACE, ids)
    assert {event["access_code_id"] for event in told} == ids
    assert ALAN not in json.dumps(told)
