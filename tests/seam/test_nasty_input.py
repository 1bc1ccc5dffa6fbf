"""Input that no SDK sends: it is refused in the envelope, or means what it says, and never is a bug's 500.

`raw` takes no answer that the API's description does not allow."""

import json
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_sim.seam.operations import OPERATIONS
from tests.cloud.site import Api, CloudProcess
from tests.seam.raw import Raw

quickly = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CHANGING = st.sampled_from([one.path for one in OPERATIONS if "POST" in one.verbs])
READING = st.sampled_from([one for one in OPERATIONS if "GET" in one.verbs])
NAMES = st.sampled_from(["", "[]", "[key]", "[", "]", ".key", "..", ".a.b", "[a][b]", "=", "%00", "[0]"])


def is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


@quickly
@given(path=CHANGING, body=st.binary(min_size=1, max_size=200).filter(lambda body: not is_object(body)))
def test_any_bytes_for_a_body_are_refused(raw: Raw, path: str, body: bytes) -> None:
    answer = raw.send("POST", path, body)
    assert (answer.status, answer.body["error"]["type"]) == (400, "invalid_input")


@quickly
@given(data=st.data(), operation=READING, values=st.lists(st.binary(max_size=20), min_size=1, max_size=4))
def test_any_bytes_for_a_query_are_refused_or_mean_something(
    raw: Raw, data: Any, operation: Any, values: list[bytes]
) -> None:
    named = [one.name for one in operation.declared] or ["nothing"]
    names = [data.draw(st.sampled_from(named)) + data.draw(NAMES) for _ in values]
    query = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in zip(names, values, strict=True))
    assert raw.send("GET", f"{operation.path}?{query}").status in (200, 400, 404)


@pytest.mark.parametrize("text", [b'{"a":' * 2000 + b"1" + b"}" * 2000, b"[" * 10_000])
def test_an_object_in_a_query_that_is_none_is_refused(raw: Raw, text: bytes) -> None:
    answer = raw.send("GET", f"/devices/list?custom_metadata_has={quote_from_bytes(text)}")
    assert (answer.status, answer.body["error"]["type"]) == (400, "invalid_input")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10_000,
        b'{"device_id":' * 1000 + b"1" + b"}" * 1000,
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"null",
        b'"text"',
        b"{} {}",
        b"{'name': 1}",
        b'{"limit": NaN}',
    ],
)
def test_what_is_no_json_object_is_refused(raw: Raw, body: bytes) -> None:
    answer = raw.send("POST", "/devices/list", body)
    assert (answer.status, answer.body["error"]["type"]) == (400, "invalid_input")


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1" + "0" * 400, "1e-400", "0.5", "-0", "1_0", "0x10", " 7"]
)
def test_numbers_that_are_not_counts_are_named(raw: Raw, number: str) -> None:
    in_query = raw.send("GET", f"/devices/list?limit={number.replace(' ', '%20')}")
    assert (in_query.status, list(in_query.body["error"]["validation_errors"])) == (400, ["_errors", "limit"])
    in_body = raw.send("POST", "/devices/list", f'{{"limit": {number}}}'.encode())
    assert in_body.status == (200 if number == " 7" else 400)


@pytest.mark.parametrize("number", ["7", "7.0", "7e0", "70e-1"])
def test_a_count_may_be_written_as_ecmascript_does(raw: Raw, number: str) -> None:
    assert raw.send("GET", f"/devices/list?limit={number}").status == 200
    assert raw.send("POST", "/devices/list", f'{{"limit": {number}}}'.encode()).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonp",
        "\xff",
    ],
)
def test_a_body_that_is_not_called_json_is_refused(raw: Raw, content_type: str) -> None:
    answer = raw.send("POST", "/devices/list", b"{}", content_type)
    assert (answer.status, answer.body["error"]["type"]) == (400, "invalid_content_type")


def test_no_body_is_no_fields_whatever_it_is_called(raw: Raw) -> None:
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "application/json"):
        assert raw.send("POST", "/devices/list", b"", content_type).status == 200


def test_of_a_name_that_comes_twice_the_last_counts(raw: Raw, device_id: str) -> None:
    answer = raw.send("GET", f"/devices/get?device_id=nonsense&device_id={device_id}")
    assert answer.body["device"]["device_id"] == device_id
    answer = raw.send("POST", "/devices/get", f'{{"device_id": 1, "device_id": "{device_id}"}}'.encode())
    assert answer.body["device"]["device_id"] == device_id


def test_an_object_in_a_query_has_dots_or_brackets(raw: Raw, device_id: str) -> None:
    raw.post("/devices/update", device_id=device_id, custom_metadata={"floor": "2", "[x]": device_id})
    for name in (
        f"custom_metadata_has.floor=2&device_ids={device_id}",
        f"custom_metadata_has[[x]]={device_id}",
    ):
        found = raw.send("GET", f"/devices/list?{name}").body["devices"]
        assert [device["device_id"] for device in found] == [device_id]


@pytest.mark.parametrize("name", ["a\nb", "a\x00b", "\x1b[2J", "a\u2028b", "\x85"])
def test_a_name_that_would_break_a_line_is_refused(raw: Raw, device_id: str, name: str) -> None:
    for path in ("/access_codes/create", "/devices/update"):
        answer = raw.post(path, device_id=device_id, name=name)
        assert (answer.status, list(answer.body["error"]["validation_errors"])) == (400, ["_errors", "name"])


@pytest.mark.parametrize("name", ["Zoë", "李雷", "👩‍👧", "a\u00a0b", "עומר", " "])
def test_a_name_of_any_script_is_kept_and_both_apis_can_go_on_with_it(
    raw: Raw, quiet_cloud: CloudProcess, device_id: str, name: str
) -> None:
    code = raw.post("/access_codes/create", device_id=device_id, name=name).body["access_code"]
    assert code["name"] == name
    api: Api = quiet_cloud.api
    body = json.dumps({"enabled": False}).encode()
    changed = api.send(
        "PATCH", f"/access_codes/{code['access_code_id']}", body, {"Content-Type": "application/json"}
    )
    assert (changed.status, changed.body["name"]) == (200, name)


@pytest.mark.parametrize("path", ["//", "/..", "/%00", "/%ff", "/DEVICES/GET", "/devices/get/x"])
def test_a_path_that_leads_nowhere_is_not_found(raw: Raw, path: str) -> None:
    assert raw.send("GET", path).status == 404


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic x", "Bearer \xff", "bearer {key}", "Bearer {key} "]
)
def test_only_the_key_itself_is_the_key(raw: Raw, header: str) -> None:
    assert raw.authorized_by(header.format(key=f"{raw.key}x")).status == 401
