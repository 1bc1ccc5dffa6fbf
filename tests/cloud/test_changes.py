"""PATCH of a code: what is left out stays, null takes away, and the lock learns of it as a new revision."""

from typing import Any

import pytest

from cloud_sim import access_codes, code_sets, code_updates
from cloud_sim.access_codes import NewAccessCode
from cloud_sim.api_changes import changed_columns
from cloud_sim.code_rules import Rules
from cloud_sim.database import Database
from tests.cloud.site import Answer, Api
from tests.cloud.test_bad_requests import JSON, refused
from tests.cloud.test_code_rules import EVERY_RULE, HOURS, NO_RULE

WINDOW = {"starts_at": "2090-01-01T00:00:00.000Z", "ends_at": "2090-02-01T00:00:00.000Z"}


def create(api: Api, lock_id: str, **fields: Any) -> str:
    """The path of a new code."""
    made = api.post(f"/locks/{lock_id}/access_codes", **fields)
    assert made.status == 201, made.body
    return f"/access_codes/{made.body['access_code_id']}"


def patch(api: Api, path: str, body: str) -> Answer:
    return api.send("PATCH", path, body.encode(), JSON)


def told(database: Database, door: str) -> dict[str, Any]:
    """What the lock is told of its one code."""
    (row,) = code_sets.bucket_parts(database, door, 0)[0].rows
    return dict(row)


def test_complaint_24_disabling_and_enabling_keeps_every_other_rule(api: Api, lock_id: str) -> None:
    path = create(api, lock_id, **(EVERY_RULE | WINDOW | {"enabled": True}))
    before = api.get(path).body
    disabled = patch(api, path, '{"enabled": false}').body
    assert disabled == before | {"enabled": False}
    assert patch(api, path, '{"enabled": true}').body == before


def test_complaint_25_null_makes_a_temporary_code_permanent_and_left_out_keeps_it(
    api: Api, lock_id: str
) -> None:
    path = create(api, lock_id, **WINDOW)
    assert patch(api, path, '{"name": "Ann"}').body["ends_at"] == WINDOW["ends_at"]
    permanent = patch(api, path, '{"starts_at": null, "ends_at": null}').body
    assert (permanent["starts_at"], permanent["ends_at"], permanent["name"]) == (None, None, "Ann")


def test_every_rule_can_be_taken_away(api: Api, lock_id: str) -> None:
    path = create(api, lock_id, **EVERY_RULE)
    nulls = ", ".join(f'"{name}": null' for name in EVERY_RULE)
    changed = patch(api, path, f"{{{nulls}}}").body
    assert {name: changed[name] for name in NO_RULE} == NO_RULE


def test_one_use_can_become_many_and_many_one(api: Api, lock_id: str) -> None:
    path = create(api, lock_id, is_one_time_use=True)
    bodies = ['{"is_one_time_use": false}', '{"max_uses": 5}', '{"is_one_time_use": true}', '{"max_uses": 2}']
    assert [patch(api, path, body).body["max_uses"] for body in bodies] == [None, 5, 1, 2]


def test_a_change_is_the_next_revision_and_no_change_is_none(api: Api, lock_id: str) -> None:
    path = create(api, lock_id, weekly=HOURS, zone="UTC")
    assert patch(api, path, '{"name": "Ann", "zone": "UTC"}').status == 200
    assert api.get(f"/locks/{lock_id}").body["head_rev"] == 2
    assert patch(api, path, '{"zone": "Europe/Berlin"}').status == 200
    assert api.get(f"/locks/{lock_id}").body["head_rev"] == 3


@pytest.mark.parametrize(
    "rule", ["kind", "enabled", "weekly", "first_use_within_s", "works_without_clock", "extended_release"]
)
def test_the_lock_is_told_of_each_changed_rule(database: Database, door: str, rule: str) -> None:
    change = {**EVERY_RULE, "works_without_clock": True, "kind": "remote_only"}[rule]
    created = access_codes.create(database, door, NewAccessCode(rules=Rules(zone="UTC")), 0.0)
    before, row = told(database, door), access_codes.find(database, str(created)) or {}
    with database.transaction():
        code_updates.update(database, row, changed_columns(row, {rule: change}, 0.0), 0.0)
    assert told(database, door)[rule] == change != before.get(rule)


def test_new_digits_raise_the_revision_of_the_code_and_taken_ones_are_refused(api: Api, lock_id: str) -> None:
    create(api, lock_id, code="4711")
    path = create(api, lock_id, code="1234")
    before = api.get(path).body
    refused(patch(api, path, '{"code": "4711", "name": "Ann"}'), 409, "PIN_CONFLICT")
    assert api.get(path).body == before
    assert patch(api, path, '{"code": "5678"}').body["code"] == "5678"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"code": null}', "INVALID_CODE"),
        ('{"zone": null}', "INVALID_SCHEDULE"),
        ('{"works_without_clock": true}', "INVALID_SCHEDULE"),
        ('{"ends_at": "2089-01-01T00:00:00Z"}', "INVALID_WINDOW"),
        ('{"ends_at": "2020-01-01T00:00:00Z"}', "ENDS_IN_PAST"),
        ('{"max_uses": 0}', "INVALID_NUMBER"),
        ('{"lock_id": "x"}', "UNKNOWN_FIELD"),
    ],
)
def test_a_bad_change_changes_nothing(api: Api, lock_id: str, body: str, code: str) -> None:
    path = create(api, lock_id, **(EVERY_RULE | WINDOW))
    before = api.get(path).body
    refused(patch(api, path, body), 400, code)
    assert api.get(path).body == before


def test_a_code_that_is_gone_cannot_be_changed(api: Api) -> None:
    refused(patch(api, "/access_codes/nobody", '{"enabled": false}'), 404, "ACCESS_CODE_NOT_FOUND")


def test_the_name_of_a_code_that_is_over_can_be_changed(database: Database, door: str) -> None:
    created = access_codes.create(database, door, NewAccessCode(ends_at=100), 0.0)
    row = access_codes.find(database, str(created)) or {}
    assert changed_columns(row, {"name": "Ann"}, 200.0)["name"] == "Ann"
