"""Rules beyond the window, over HTTP: kept, shown, told to the lock, and refused field by field."""

from typing import Any

import pytest

from agent.core.access_code import AccessCode, Kind, parse_definition
from agent.zones import zone_named
from cloud_sim import access_codes, code_sets, reported
from cloud_sim.access_codes import NewAccessCode, Taken
from cloud_sim.code_rules import Rules
from cloud_sim.database import Database
from tests.cloud.site import Api
from tests.cloud.test_bad_requests import refused

HOURS = [{"days": [1, 2, 3, 4, 5], "from": "22:00", "to": "06:00"}]
EVERY_RULE: dict[str, Any] = {
    "kind": "duress",
    "max_uses": 3,
    "enabled": False,
    "extended_release": True,
    "expires_after_first_use_s": 86_400,
    "first_use_within_s": 3600,
    "weekly": HOURS,
    "zone": "America/New_York",
    "holidays": [{"date": "2030-12-25", "rule": "deny"}, {"date": "2030-12-24", "rule": {"as_day": 7}}],
}
NO_RULE = {"kind": "standard", "enabled": True, "extended_release": False} | dict.fromkeys(
    ("max_uses", "expires_after_first_use_s", "first_use_within_s", "weekly", "zone", "holidays")
)


def test_every_rule_is_shown_as_it_was_given(api: Api, lock_id: str) -> None:
    created = api.post(f"/locks/{lock_id}/access_codes", **EVERY_RULE)
    assert created.status == 201
    assert {name: created.body[name] for name in EVERY_RULE} == EVERY_RULE
    assert api.get(f"/access_codes/{created.body['access_code_id']}").body == created.body


def test_a_code_without_rules_says_so(api: Api, lock_id: str) -> None:
    code = api.post(f"/locks/{lock_id}/access_codes").body
    assert {name: code[name] for name in NO_RULE} == NO_RULE


def test_the_lock_understands_every_rule_it_is_told(database: Database, door: str) -> None:
    rules = Rules(**{name: value for name, value in EVERY_RULE.items() if name != "max_uses"})
    access_codes.create(database, door, NewAccessCode(max_uses=3, rules=rules), 0.0)
    (told,) = code_sets.bucket_parts(database, door, 0)[0].rows
    understood = parse_definition(told, zone_named)
    assert isinstance(understood, AccessCode)
    assert (understood.kind, understood.enabled, understood.max_uses) == (Kind.DURESS, False, 3)
    assert understood.extended_release
    assert understood.schedule is not None and len(understood.schedule.holidays) == 2


def test_rules_that_are_not_there_cost_the_message_nothing(database: Database, door: str) -> None:
    access_codes.create(database, door, NewAccessCode(code="1234"), 0.0)
    (told,) = code_sets.bucket_parts(database, door, 0)[0].rows
    assert sorted(told) == ["access_code_id", "code", "code_rev", "gen", "kind"]


BAD_RULES: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "master"}, "INVALID_KIND", "standard, duress, non_access, remote_only"),
    ({"kind": 1}, "INVALID_KIND", "one of"),
    ({"enabled": "no"}, "INVALID_FLAG", "enabled"),
    ({"extended_release": 1}, "INVALID_FLAG", "extended_release"),
    ({"max_uses": 0}, "INVALID_NUMBER", "max_uses"),
    ({"max_uses": 2.0}, "INVALID_NUMBER", "whole number"),
    ({"max_uses": True}, "INVALID_NUMBER", "max_uses"),
    ({"max_uses": 2, "is_one_time_use": True}, "INVALID_NUMBER", "contradicts"),
    ({"expires_after_first_use_s": "1h"}, "INVALID_NUMBER", "expires_after_first_use_s"),
    ({"first_use_within_s": -1}, "INVALID_NUMBER", "first_use_within_s"),
    ({"weekly": HOURS}, "INVALID_SCHEDULE", "zone is missing"),
    ({"weekly": HOURS, "zone": "CEST+2"}, "INVALID_SCHEDULE", "IANA"),
    ({"zone": 2}, "INVALID_SCHEDULE", "IANA"),
    ({"weekly": [], "zone": "UTC"}, "INVALID_SCHEDULE", "leave it out"),
    ({"weekly": [*HOURS, {"days": [8], "from": "1:00"}], "zone": "UTC"}, "INVALID_SCHEDULE", "weekly[1]"),
    ({"holidays": [{"date": "25.12."}], "zone": "UTC"}, "INVALID_SCHEDULE", "holidays[0]"),
    ({"weekly": HOURS, "zone": "UTC", "works_without_clock": True}, "INVALID_SCHEDULE", "cannot keep hours"),
]


@pytest.mark.parametrize(("fields", "code", "hint"), BAD_RULES)
def test_a_bad_rule_is_named_and_nothing_changes(
    api: Api, lock_id: str, fields: dict[str, Any], code: str, hint: str
) -> None:
    before = api.get(f"/locks/{lock_id}").body
    assert hint in refused(api.post(f"/locks/{lock_id}/access_codes", code="1234", **fields), 400, code)
    assert api.get(f"/locks/{lock_id}").body == before


def test_complaint_27_hours_without_a_zone_are_refused_where_they_are_made(api: Api, lock_id: str) -> None:
    answer = api.post(f"/locks/{lock_id}/access_codes", weekly=HOURS)
    assert "zone is missing" in refused(answer, 400, "INVALID_SCHEDULE")


def test_complaint_38_one_person_can_have_several_codes_with_windows_of_their_own(
    api: Api, lock_id: str
) -> None:
    path = f"/locks/{lock_id}/access_codes"
    years = ("2090", "2091")
    made = [api.post(path, name="Ann", starts_at=f"{year}-01-01T00:00:00Z").body for year in years]
    assert [code["name"] for code in made] == ["Ann", "Ann"]
    assert made[0]["code"] != made[1]["code"]
    assert [code["starts_at"][:4] for code in api.get(path).body["access_codes"]] == list(years)


def test_complaint_60_a_duress_code_with_the_digits_of_another_is_refused(api: Api, lock_id: str) -> None:
    path = f"/locks/{lock_id}/access_codes"
    api.post(path, code="4711")
    refused(api.post(path, code="4711", kind="duress"), 409, "PIN_CONFLICT")


def test_digits_are_free_again_once_the_time_after_the_first_use_is_over(
    database: Database, door: str
) -> None:
    wanted = NewAccessCode(code="1234", rules=Rules(expires_after_first_use_s=100))
    first = access_codes.create(database, door, wanted, 0.0)
    reported.count_use(database, door, {"access_code_id": first, "gen": 1}, 60.0, used_ms=50_000)
    assert access_codes.create(database, door, NewAccessCode(code="1234"), 149.0) == Taken(str(first))
    assert access_codes.create(database, door, NewAccessCode(code="1234"), 150.0) != Taken(str(first))
