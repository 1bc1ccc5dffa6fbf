"""Access codes over HTTP, before any lock has answered."""

import re

from cloud_sim import access_codes, locks, reported
from cloud_sim.access_codes import Full, NewAccessCode, Taken
from cloud_sim.database import Database
from tests.cloud.site import Api, CloudProcess


def create(database: Database, door: str, wanted: NewAccessCode, wall: float = 0.0) -> str:
    created = access_codes.create(database, door, wanted, wall)
    assert isinstance(created, str)
    return created


def test_health_needs_no_token_and_tells_of_the_broker(api: Api) -> None:
    for path in ("/health", "//health"):
        answer = Api(api.base_url, None).get(path)
        assert (answer.status, answer.body) == (200, {"ok": True, "broker_connected": False})


def test_a_new_code_is_pending_until_the_lock_holds_it(api: Api, lock_id: str) -> None:
    answer = api.post(f"/locks/{lock_id}/access_codes", code="0417", name="Cleaner")
    code = answer.body
    assert answer.status == 201
    assert (code["code"], code["name"], code["lock_id"]) == ("0417", "Cleaner", lock_id)
    assert (code["status"], code["state"], code["errors"]) == ("pending", "setting", [])
    assert re.fullmatch(r"[0-9a-f-]{36}", code["access_code_id"])


def test_both_guides_list_and_get_the_same_code(api: Api, lock_id: str) -> None:
    created = api.post(f"/locks/{lock_id}/access_codes", code="1234").body
    assert api.get(f"/access_codes?lock_id={lock_id}").body == {"access_codes": [created]}
    assert api.get(f"/locks/{lock_id}/access_codes").body == {"access_codes": [created]}
    assert api.get(f"/access_codes/{created['access_code_id']}").body == created


def test_every_change_is_the_next_revision(api: Api, lock_id: str) -> None:
    assert api.get(f"/locks/{lock_id}").body["head_rev"] == 1
    created = api.post(f"/locks/{lock_id}/access_codes", code="1234").body
    assert api.get(f"/locks/{lock_id}").body["desired"] == {"set_epoch": 1, "rev": 2, "count": 1}
    api.send("DELETE", f"/access_codes/{created['access_code_id']}")
    assert api.get(f"/locks/{lock_id}").body["desired"] == {"set_epoch": 1, "rev": 3, "count": 0}


def test_a_code_left_out_is_six_free_digits(api: Api, lock_id: str) -> None:
    codes = {api.post(f"/locks/{lock_id}/access_codes").body["code"] for _ in range(20)}
    assert len(codes) == 20
    assert all(re.fullmatch(r"[0-9]{6}", code) for code in codes)


def test_a_window_is_widened_to_whole_seconds_and_answered_in_utc(api: Api, lock_id: str) -> None:
    code = api.post(
        f"/locks/{lock_id}/access_codes",
        starts_at="2090-01-01T01:00:00.900+01:00",
        ends_at="2090-01-02T00:00:00.100Z",
    ).body
    assert code["starts_at"] == "2090-01-01T00:00:00.000Z"
    assert code["ends_at"] == "2090-01-02T00:00:01.000Z"


def test_nulls_are_the_same_as_left_out(api: Api, lock_id: str) -> None:
    code = api.post(f"/locks/{lock_id}/access_codes", code=None, name=None, starts_at=None, ends_at=None).body
    assert (code["name"], code["starts_at"], code["ends_at"]) == (None, None, None)


def test_a_code_of_a_lock_that_never_enrolled_is_gone_at_once_when_deleted(api: Api, lock_id: str) -> None:
    path = f"/access_codes/{api.post(f'/locks/{lock_id}/access_codes').body['access_code_id']}"
    answer = api.send("DELETE", path, headers={"Content-Type": "application/json"})
    assert answer.body == {"ok": True, "access_code_id": path.split("/")[-1], "status": "pending"}
    assert api.get(path).status == 404
    assert api.get(f"/locks/{lock_id}/access_codes").body == {"access_codes": []}


def test_the_same_digits_are_free_on_another_lock_and_after_deletion(api: Api, lock_id: str) -> None:
    path = f"/locks/{lock_id}/access_codes"
    created = api.post(path, code="4711").body
    assert api.post(f"/locks/{api.new_lock()}/access_codes", code="4711").status == 201
    api.send("DELETE", f"/access_codes/{created['access_code_id']}")
    assert api.post(path, code="4711").status == 201


def test_no_digits_reach_the_log(api: Api, lock_id: str, lonely_cloud: CloudProcess) -> None:
    for _ in range(2):
        api.post(f"/locks/{lock_id}/access_codes", code="86420975")
    assert "86420975" not in lonely_cloud.log.read_text()


def test_digits_of_an_ended_code_can_be_given_again(database: Database, door: str) -> None:
    first = create(database, door, NewAccessCode(code="1234", ends_at=100))
    assert access_codes.create(database, door, NewAccessCode(code="1234"), 99.0) == Taken(first)
    create(database, door, NewAccessCode(code="1234"), 100.0)
    row = access_codes.find(database, first)
    assert row is not None
    assert not row["is_in_set"]


def test_digits_of_a_spent_one_time_code_can_be_given_again(database: Database, door: str) -> None:
    first = create(database, door, NewAccessCode(code="1234", is_one_time_use=True))
    assert access_codes.create(database, door, NewAccessCode(code="1234"), 0.0) == Taken(first)
    reported.count_use(database, door, {"access_code_id": first, "gen": 1}, 1.0)
    assert create(database, door, NewAccessCode(code="1234")) != first


def test_a_code_that_ended_yesterday_leaves_the_set_with_the_next_change(
    database: Database, door: str
) -> None:
    ended = create(database, door, NewAccessCode(code="1234", ends_at=100))
    create(database, door, NewAccessCode(code="1111"), 100 + 24 * 3600 - 1)
    assert (access_codes.find(database, ended) or {})["is_in_set"] == 1
    create(database, door, NewAccessCode(code="2222"), 100 + 24 * 3600)
    assert (access_codes.find(database, ended) or {})["is_in_set"] == 0


def test_a_full_lock_takes_no_more_codes_and_says_how_many_it_holds(database: Database, door: str) -> None:
    create(database, door, NewAccessCode(code="1234"))
    before = locks.find_lock(database, door)
    assert access_codes.create(database, door, NewAccessCode(code="5678"), 0.0, capacity=1) == Full(1)
    assert locks.find_lock(database, door) == before
