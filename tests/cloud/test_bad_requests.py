"""Every bad request is refused in both guides' words, says how to mend it, and changes nothing."""

import json
from typing import Any

import pytest

from tests.cloud.site import Answer, Api

JSON = {"Content-Type": "application/json"}


def refused(answer: Answer, status: int, code: str) -> str:
    """The message of a refusal, after checking its shape."""
    assert (answer.status, answer.body["error_id"]) == (status, code)
    assert answer.body["error_code"] == code
    assert answer.body["message"] == answer.body["error_message"] != ""
    return str(answer.body["message"])


BAD_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"code": "12a4"}, "INVALID_CODE", "4 to 8 digits"),
    ({"code": "123"}, "INVALID_CODE", "4 to 8 digits"),
    ({"code": "123456789"}, "INVALID_CODE", "4 to 8 digits"),
    ({"code": ""}, "INVALID_CODE", "leave it out"),
    ({"code": 1234}, "INVALID_CODE", "string"),
    ({"code": "١٢٣٤"}, "INVALID_CODE", "4 to 8 digits"),
    ({"code": "1234\n"}, "INVALID_CODE", "4 to 8 digits"),
    ({"name": ""}, "INVALID_NAME", "1 to 100"),
    ({"name": "x" * 101}, "INVALID_NAME", "1 to 100"),
    ({"name": "a\nb"}, "INVALID_NAME", "printable"),
    ({"name": 5}, "INVALID_NAME", "string"),
    ({"starts_at": "tomorrow"}, "INVALID_TIME", "ISO 8601"),
    ({"starts_at": "2030-01-01T00:00:00"}, "INVALID_TIME", "offset"),
    ({"starts_at": 1900000000}, "INVALID_TIME", "ISO 8601"),
    ({"starts_at": "1969-12-31T23:59:59Z"}, "INVALID_TIME", "1970"),
    ({"ends_at": "2030-02-30T00:00:00Z"}, "INVALID_TIME", "ISO 8601"),
    ({"ends_at": "9999-12-31T23:59:59.5Z"}, "INVALID_TIME", "9999"),
    ({"ends_at": "2020-01-01T00:00:00Z"}, "ENDS_IN_PAST", "future"),
    (
        {"starts_at": "2090-01-02T00:00:00Z", "ends_at": "2090-01-01T00:00:00Z"},
        "INVALID_WINDOW",
        "after starts_at",
    ),
    (
        {"starts_at": "2090-01-01T00:00:00Z", "ends_at": "2090-01-01T01:00:00+01:00"},
        "INVALID_WINDOW",
        "after starts_at",
    ),
    ({"is_one_time_use": "yes"}, "INVALID_FLAG", "true or false"),
    ({"works_without_clock": 1}, "INVALID_FLAG", "true or false"),
    ({"pin": "1234"}, "UNKNOWN_FIELD", "known fields: access_codes, code"),
    ({"code": "1234", "12345": 1}, "UNKNOWN_FIELD", "'?????'"),
]


@pytest.mark.parametrize(("fields", "code", "hint"), BAD_FIELDS)
def test_a_bad_field_is_named_and_nothing_changes(
    api: Api, lock_id: str, fields: dict[str, Any], code: str, hint: str
) -> None:
    before = api.get(f"/locks/{lock_id}").body
    message = refused(api.post(f"/locks/{lock_id}/access_codes", **fields), 400, code)
    assert hint in message
    assert "1234" not in message
    assert api.get(f"/locks/{lock_id}").body == before


BAD_BODIES = [
    (b"{", JSON, 400, "MALFORMED_JSON"),
    (b'{"code": "1234",}', JSON, 400, "MALFORMED_JSON"),
    (b'{"name": "\xff"}', JSON, 400, "MALFORMED_JSON"),
    (b'{"name": "\\ud800"}', JSON, 400, "MALFORMED_JSON"),
    (b'{"name": NaN}', JSON, 400, "MALFORMED_JSON"),
    (b"[" * 15_000, JSON, 400, "MALFORMED_JSON"),
    (b'["1234"]', JSON, 400, "INVALID_BODY"),
    (b'"1234"', JSON, 400, "INVALID_BODY"),
    (b"null", JSON, 400, "INVALID_BODY"),
    (b'{"code": "1234"}', {"Content-Type": "text/plain"}, 415, "UNSUPPORTED_CONTENT_TYPE"),
    (b"code=1234", {}, 415, "UNSUPPORTED_CONTENT_TYPE"),
    (b'{"name": "' + b"x" * 20_000 + b'"}', JSON, 413, "BODY_TOO_LARGE"),
]


@pytest.mark.parametrize(("body", "headers", "status", "code"), BAD_BODIES)
def test_a_bad_body_is_refused_and_nothing_changes(
    api: Api, lock_id: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    before = api.get(f"/locks/{lock_id}").body
    refused(api.send("POST", f"/locks/{lock_id}/access_codes", body, headers), status, code)
    assert api.get(f"/locks/{lock_id}").body == before


MISSING = [
    ("GET", "/locks/nobody", "LOCK_NOT_FOUND"),
    ("GET", "/locks/nobody/access_codes", "LOCK_NOT_FOUND"),
    ("POST", "/locks/nobody/access_codes", "LOCK_NOT_FOUND"),
    ("GET", "/locks/nobody/events", "LOCK_NOT_FOUND"),
    ("GET", "/access_codes?lock_id=nobody", "LOCK_NOT_FOUND"),
    ("GET", "/access_codes/none", "ACCESS_CODE_NOT_FOUND"),
    ("DELETE", "/access_codes/none", "ACCESS_CODE_NOT_FOUND"),
    ("GET", "/nothing", "NOT_FOUND"),
    ("GET", "//nothing", "NOT_FOUND"),
]


@pytest.mark.parametrize(("method", "path", "code"), MISSING)
def test_what_does_not_exist_is_not_found(api: Api, method: str, path: str, code: str) -> None:
    refused(api.send(method, path), 404, code)


GUARDED = [
    "/locks",
    "/locks/x",
    "/locks/x/access_codes",
    "/locks/x/events",
    "/access_codes",
    "/access_codes/x",
]


@pytest.mark.parametrize("path", [*GUARDED, "/access_codes/x", "/invitations", "/nothing"])
@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_without_the_token_nothing_is_told(api: Api, path: str, token: str | None) -> None:
    answer = Api(api.base_url, token).get(path)
    assert "api-token" in refused(answer, 401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == "Bearer"


WRONG_VERBS = [
    ("PUT", "/locks", "GET"),
    ("DELETE", "/locks/x", "GET"),
    ("PATCH", "/locks/x/access_codes", "GET, HEAD, POST"),
    ("POST", "/access_codes", "GET"),
    ("PUT", "/access_codes/x", "GET, HEAD, PATCH, DELETE"),
    ("GET", "/invitations", "POST"),
    ("POST", "/health", "GET"),
    ("GET", "//enrolments", "POST"),
]


@pytest.mark.parametrize(("method", "path", "allowed"), WRONG_VERBS)
def test_a_wrong_verb_is_told_the_right_ones(api: Api, method: str, path: str, allowed: str) -> None:
    answer = api.send(method, path)
    assert allowed in refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert allowed in answer.headers["allow"]


@pytest.mark.parametrize("query", ["after=x", "after=-1", "limit=0", "limit=1001", "limit=", "after=1.5"])
def test_a_bad_page_of_events_is_refused(api: Api, lock_id: str, query: str) -> None:
    refused(api.get(f"/locks/{lock_id}/events?{query}"), 400, "INVALID_QUERY")


def test_a_list_of_codes_without_a_lock_says_what_is_missing(api: Api) -> None:
    assert "?lock_id=" in refused(api.get("/access_codes"), 400, "INVALID_QUERY")


def test_a_code_that_is_taken_is_a_conflict_that_names_its_holder(api: Api, lock_id: str) -> None:
    first = api.post(f"/locks/{lock_id}/access_codes", code="0417").body
    before = api.get(f"/locks/{lock_id}").body
    answer = api.post(f"/locks/{lock_id}/access_codes", code="0417")
    assert first["access_code_id"] in refused(answer, 409, "PIN_CONFLICT")
    assert "0417" not in json.dumps(answer.body).replace(first["access_code_id"], "")
    assert api.get(f"/locks/{lock_id}").body == before


def test_an_invitation_for_a_lock_nobody_knows_is_refused(api: Api) -> None:
    before = api.get("/locks").body
    refused(api.post("/invitations", device_id="nobody"), 404, "LOCK_NOT_FOUND")
    refused(api.post("/invitations", nmae="Front door"), 400, "UNKNOWN_FIELD")
    assert api.get("/locks").body == before
