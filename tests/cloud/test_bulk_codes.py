"""Many access codes in one request: all of them as one revision, or none, and why."""

import json
from typing import Any

import pytest

from cloud_sim import access_codes, code_sets
from cloud_sim.access_codes import Full, NewAccessCode, Refused, Taken
from cloud_sim.database import Database
from tests.cloud.device import manifest_of
from tests.cloud.site import Answer, Api


def codes(count: int) -> list[dict[str, Any]]:
    return [{"code": f"{number:06d}", "name": f"Room {number}"} for number in range(count)]


def create(api: Api, lock_id: str, items: Any) -> Answer:
    return api.post(f"/locks/{lock_id}/access_codes", access_codes=items)


def delete(api: Api, lock_id: str, ids: Any) -> Answer:
    body = json.dumps({"access_code_ids": ids}).encode()
    path = f"/locks/{lock_id}/access_codes"
    return api.send("DELETE", path, body, {"Content-Type": "application/json"})


def head_rev(api: Api, lock_id: str) -> int:
    return int(api.get(f"/locks/{lock_id}").body["head_rev"])


def test_a_thousand_codes_are_one_revision_and_answered_in_their_order(api: Api, lock_id: str) -> None:
    before = head_rev(api, lock_id)
    answer = create(api, lock_id, codes(1000))
    assert answer.status == 201
    assert [each["code"] for each in answer.body["access_codes"]] == [each["code"] for each in codes(1000)]
    assert head_rev(api, lock_id) == before + 1
    first = answer.body["access_codes"][0]
    assert api.get(f"/access_codes/{first['access_code_id']}").body == first
    ids = [each["access_code_id"] for each in answer.body["access_codes"]]
    gone = delete(api, lock_id, ids[1:])
    assert gone.body == {"ok": True, "access_code_ids": ids[1:], "status": "pending"}
    assert head_rev(api, lock_id) == before + 2
    assert api.get(f"/locks/{lock_id}/access_codes").body == {"access_codes": [first]}


def test_codes_that_are_left_out_are_drawn_and_all_different(api: Api, lock_id: str) -> None:
    made = create(api, lock_id, [{}] * 50).body["access_codes"]
    assert len({each["code"] for each in made}) == 50


@pytest.mark.parametrize(
    ("items", "index", "error_code"),
    [
        ([{"code": "1234"}, {"code": "12"}], 1, "INVALID_CODE"),
        ([{"name": ""}, {"code": "1234"}], 0, "INVALID_NAME"),
        ([{}, {"starts_at": "soon"}], 1, "INVALID_TIME"),
        ([{}, {}, {"pin": "1234"}], 2, "UNKNOWN_FIELD"),
        ([{}, "1234"], 1, "INVALID_BODY"),
        ([{"code": "1234"}, {}, {"code": "1234"}], 2, "PIN_CONFLICT"),
    ],
)
def test_one_wrong_item_refuses_all_and_is_named(
    api: Api, lock_id: str, items: list[Any], index: int, error_code: str
) -> None:
    before = head_rev(api, lock_id)
    body = create(api, lock_id, items).body
    assert (body["error_code"], body["index"]) == (error_code, index)
    assert body["message"].startswith(f"access_codes[{index}]: ")
    assert "1234" not in json.dumps(body)
    assert (head_rev(api, lock_id), api.get(f"/locks/{lock_id}/access_codes").body["access_codes"]) == (
        before,
        [],
    )


def test_every_wrong_item_is_listed(api: Api, lock_id: str) -> None:
    body = create(api, lock_id, [{"code": "12"}, {}, {"max_uses": 0}]).body
    assert [(each["index"], each["error_code"]) for each in body["errors"]] == [
        (0, "INVALID_CODE"),
        (2, "INVALID_NUMBER"),
    ]


def test_digits_that_another_code_has_refuse_all_and_name_both(api: Api, lock_id: str) -> None:
    holder = api.post(f"/locks/{lock_id}/access_codes", code="4711").body["access_code_id"]
    answer = create(api, lock_id, [{}, {"code": "4711"}])
    assert (answer.status, answer.body["index"], answer.body["access_code_id"]) == (409, 1, holder)


@pytest.mark.parametrize("items", [[], [{}] * 1001, {}, "all", None])
def test_a_list_has_one_to_a_thousand_items(api: Api, lock_id: str, items: Any) -> None:
    assert create(api, lock_id, items).body["error_code"] == "INVALID_BODY"
    assert delete(api, lock_id, items).body["error_code"] == "INVALID_BODY"


def test_a_list_stands_alone(api: Api, lock_id: str) -> None:
    answer = api.post(f"/locks/{lock_id}/access_codes", access_codes=[{}], name="All")
    assert (answer.status, answer.body["error_code"]) == (400, "INVALID_BODY")


def test_only_a_list_may_be_large_and_it_has_an_end_too(api: Api, lock_id: str) -> None:
    path, large = f"/locks/{lock_id}/access_codes", "x" * 20_000
    assert api.post(path, name=large).status == 413
    assert create(api, lock_id, [{"name": large}]).body["error_code"] == "INVALID_NAME"
    assert create(api, lock_id, ["x" * 600_000]).status == 413


def test_a_code_of_another_lock_is_not_deleted_nor_any_beside_it(api: Api, lock_id: str) -> None:
    own = api.post(f"/locks/{lock_id}/access_codes").body["access_code_id"]
    other = api.post(f"/locks/{api.new_lock()}/access_codes").body["access_code_id"]
    answer = delete(api, lock_id, [own, other, "nobody"])
    assert (answer.status, answer.body["error_code"]) == (404, "ACCESS_CODE_NOT_FOUND")
    assert [each["index"] for each in answer.body["errors"]] == [1, 2]
    assert api.get(f"/access_codes/{own}").status == 200


def test_a_lock_takes_as_many_as_it_has_room_for_and_else_none(database: Database, door: str) -> None:
    wanted = [NewAccessCode(code=f"{number:06d}") for number in range(5)]
    with database.transaction():
        assert access_codes.add_all(database, door, wanted, 0.0, capacity=3) == Refused(3, Full(3))
        assert code_sets.count(database, door) == 0
        added = access_codes.add_all(database, door, wanted[:3], 0.0, capacity=3)
        assert isinstance(added, list)
        assert access_codes.add_all(database, door, wanted[2:], 0.0) == Refused(0, Taken(added[2]))


def test_the_place_of_a_code_that_has_ended_is_taken_by_one_of_many(database: Database, door: str) -> None:
    ended = access_codes.create(database, door, NewAccessCode(code="000001", ends_at=100), 0.0)
    with database.transaction():
        wanted = [NewAccessCode(code=f"{number:06d}") for number in range(600)]
        assert isinstance(access_codes.add_all(database, door, wanted, 100.0, capacity=600), list)
    assert not (access_codes.find(database, str(ended)) or {})["is_in_set"]
    parts = [part for index in range(256) for part in code_sets.bucket_parts(database, door, index)]
    rows = [row for part in parts for row in part.rows]
    assert (len(rows), code_sets.manifest(database, door).root) == (600, manifest_of(rows, door, 3, 256))
