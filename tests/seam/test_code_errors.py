"""Every way in which a request about access codes is refused, in the API's words."""

import uuid
from typing import Any

import pytest

from tests.cloud.site import Answer, CloudProcess
from tests.seam.raw import Raw

FAR, FARTHER = "2090-01-01T00:00:00Z", "2091-01-01T00:00:00Z"
NOBODY = "6f1c6f0c-5a5e-4c0e-9d4e-3c1f3c0a9b52"


def refused(answer: Answer, status: int, error_type: str) -> dict[str, Any]:
    error: dict[str, Any] = answer.body["error"]
    assert (answer.status, error["type"], answer.body["ok"]) == (status, error_type, False)
    assert uuid.UUID(answer.headers["seam-request-id"])
    return error


def created(raw: Raw, device_id: str, **fields: Any) -> dict[str, Any]:
    answer = raw.post("/access_codes/create", device_id=device_id, **fields)
    assert answer.status == 200, answer.body
    code: dict[str, Any] = answer.body["access_code"]
    return code


def test_an_unknown_device_is_not_found(raw: Raw) -> None:
    for path in ("create", "generate_code", "report_device_constraints"):
        answer = raw.post(f"/access_codes/{path}", device_id=NOBODY, supported_code_lengths=[6])
        assert refused(answer, 404, "device_not_found")["message"] == "device not found"


def test_what_is_no_uuid_is_invalid(raw: Raw) -> None:
    error = refused(raw.post("/access_codes/create", device_id="invalid_device_id"), 400, "invalid_input")
    assert error["validation_errors"] == {"_errors": [], "device_id": {"_errors": ["Invalid uuid"]}}


def test_a_missing_field_is_named(raw: Raw) -> None:
    error = refused(raw.post("/access_codes/create"), 400, "invalid_input")
    assert error["message"] == "device_id is required"
    assert error["validation_errors"]["device_id"] == {"_errors": ["Required"]}


@pytest.mark.parametrize("path", ["update", "delete", "pull_backup_access_code", "get"])
def test_an_unknown_code_is_not_found(raw: Raw, path: str) -> None:
    error = refused(raw.post(f"/access_codes/{path}", access_code_id=NOBODY), 404, "access_code_not_found")
    assert error["data"]["access_code_id"] == NOBODY


@pytest.mark.parametrize("path", ["get", "convert_to_managed", "update", "delete"])
def test_a_managed_code_is_no_unmanaged_one(raw: Raw, device_id: str, path: str) -> None:
    code = created(raw, device_id)
    fields = {"access_code_id": code["access_code_id"], "is_managed": True}
    refused(raw.post(f"/access_codes/unmanaged/{path}", **fields), 404, "access_code_not_found")


def test_digits_of_another_code_are_a_duplicate_whatever_the_window(raw: Raw, device_id: str) -> None:
    first = created(raw, device_id, code="48151", starts_at=FAR, ends_at=FARTHER)
    answer = raw.post("/access_codes/create", device_id=device_id, code="48151", name="Guest")
    error = refused(answer, 409, "duplicate_access_code")
    assert error["data"]["access_code_id"] == first["access_code_id"]
    assert "named Guest" in error["message"]
    assert "48151" not in error["message"]


def test_an_update_to_the_digits_of_another_code_changes_nothing(raw: Raw, device_id: str) -> None:
    created(raw, device_id, code="48151")
    second = created(raw, device_id, code="62342", name="before")
    answer = raw.post(
        "/access_codes/update", access_code_id=second["access_code_id"], code="48151", name="after"
    )
    refused(answer, 409, "duplicate_access_code")
    now = raw.post("/access_codes/get", access_code_id=second["access_code_id"]).body["access_code"]
    assert (now["code"], now["name"]) == ("62342", "before")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"starts_at": FAR}, "ends_at"),
        ({"ends_at": FAR}, "starts_at"),
        ({"starts_at": FARTHER, "ends_at": FAR}, "ends_at"),
        ({"starts_at": FAR, "ends_at": FAR}, "ends_at"),
        ({"starts_at": "2001-01-01", "ends_at": "2001-01-02"}, "ends_at"),
        ({"starts_at": "tomorrow", "ends_at": FAR}, "starts_at"),
        ({"code": "123"}, "code"),
        ({"code": "1234567890123"}, "code"),
        ({"code": "12a4"}, "code"),
        ({"code": 1234}, "code"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"is_one_time_use": "yes"}, "is_one_time_use"),
        ({"max_time_rounding": "2h"}, "max_time_rounding"),
        ({"preferred_code_length": "6"}, "preferred_code_length"),
        ({"allow_external_modification": True, "is_external_modification_allowed": False},
         "allow_external_modification"),
    ],
)  # fmt: skip
def test_a_field_that_is_wrong_is_named(raw: Raw, device_id: str, fields: dict[str, Any], field: str) -> None:
    error = refused(raw.post("/access_codes/create", device_id=device_id, **fields), 400, "invalid_input")
    assert error["validation_errors"][field]["_errors"]


def test_the_ends_of_a_window_are_refused_in_the_words_of_the_guide(raw: Raw, device_id: str) -> None:
    answer = raw.post("/access_codes/create", device_id=device_id, starts_at=FARTHER, ends_at=FAR)
    issues = answer.body["error"]["validation_errors"]["ends_at"]["_errors"]
    assert issues == ["ends_at must be after starts_at"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"type": "time_bound"}, "type"),
        ({"type": "never"}, "type"),
        ({"type": "ongoing", "starts_at": FAR}, "type"),
        ({"starts_at": FAR}, "ends_at"),
        ({"code": None}, "code"),
        ({"is_managed": False}, "is_managed"),
    ],
)
def test_an_update_that_makes_no_sense_is_refused(
    raw: Raw, device_id: str, fields: dict[str, Any], field: str
) -> None:
    code = created(raw, device_id)
    answer = raw.post("/access_codes/update", access_code_id=code["access_code_id"], **fields)
    assert refused(answer, 400, "invalid_input")["validation_errors"][field]["_errors"]


def test_one_code_of_a_group_cannot_take_other_digits(raw: Raw, device_id: str) -> None:
    code = created(raw, device_id, common_code_key="flat")
    answer = raw.post("/access_codes/update", access_code_id=code["access_code_id"], code="987654")
    assert refused(answer, 400, "invalid_input")["validation_errors"]["code"]


def test_digits_that_differ_from_those_of_the_group_are_refused(raw: Raw, quiet_cloud: CloudProcess) -> None:
    devices = [quiet_cloud.api.new_lock() for _ in range(2)]
    created(raw, devices[0], common_code_key="stairs", code="1357")
    answer = raw.post("/access_codes/create", device_id=devices[1], common_code_key="stairs", code="2468")
    refused(answer, 400, "invalid_input")
    assert created(raw, devices[1], common_code_key="stairs")["code"] == "1357"


def test_an_unknown_common_key_is_refused(raw: Raw) -> None:
    answer = raw.call("PATCH", "/access_codes/update_multiple", common_code_key="nobody's", name="x")
    refused(answer, 404, "access_codes_not_found")


def test_the_backup_pool_is_not_for_ongoing_codes(raw: Raw, device_id: str) -> None:
    answer = raw.post("/access_codes/create", device_id=device_id, use_backup_access_code_pool=True)
    assert refused(answer, 400, "invalid_input")["message"] == "Cannot use the backup pool for ongoing codes"
    code = created(raw, device_id)
    pull = raw.post("/access_codes/pull_backup_access_code", access_code_id=code["access_code_id"])
    refused(pull, 400, "access_code_not_time_bound")


def test_a_pull_without_a_pool_is_refused(raw: Raw, device_id: str) -> None:
    code = created(raw, device_id, starts_at=FAR, ends_at=FARTHER)
    pull = raw.post("/access_codes/pull_backup_access_code", access_code_id=code["access_code_id"])
    refused(pull, 400, "no_backup_access_code_available")


def test_offline_codes_are_refused_and_never_pretended(raw: Raw, device_id: str) -> None:
    for name in ("is_offline_access_code", "use_offline_access_code"):
        answer = raw.post("/access_codes/create", device_id=device_id, **{name: True})
        refused(answer, 400, "offline_access_codes_not_supported")
    assert raw.post("/access_codes/list", device_id=device_id).body["access_codes"] == []


def test_now_or_never_is_never_while_the_device_is_away(raw: Raw, device_id: str) -> None:
    answer = raw.post("/access_codes/create", device_id=device_id, attempt_for_offline_device=False)
    refused(answer, 400, "device_offline")


@pytest.mark.parametrize("fields", [{}, {"limit": 5}])
def test_a_list_of_nothing_in_particular_is_refused(raw: Raw, fields: dict[str, Any]) -> None:
    refused(raw.post("/access_codes/list", **fields), 400, "invalid_input")


@pytest.mark.parametrize(
    "fields", [{}, {"device_id": NOBODY}, {"code": "1234"}, {"access_code_id": NOBODY, "code": "1234"}]
)
def test_a_get_must_say_which(raw: Raw, fields: dict[str, Any]) -> None:
    refused(raw.post("/access_codes/get", **fields), 400, "invalid_input")


@pytest.mark.parametrize("cursor", ["x", "4pi4", "MS8y", "é"])
def test_a_cursor_of_somebody_else_finds_no_page_or_is_refused(raw: Raw, device_id: str, cursor: str) -> None:
    answer = raw.post("/access_codes/list", device_id=device_id, page_cursor=cursor)
    assert answer.body.get("access_codes") == [] or refused(answer, 400, "invalid_input")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"supported_code_lengths": [6], "min_code_length": 4},
        {"supported_code_lengths": [3]},
        {"supported_code_lengths": []},
        {"min_code_length": 8, "max_code_length": 6},
    ],
)
def test_constraints_that_say_nothing_are_refused(raw: Raw, device_id: str, fields: dict[str, Any]) -> None:
    answer = raw.post("/access_codes/report_device_constraints", device_id=device_id, **fields)
    refused(answer, 400, "invalid_input")


def test_a_body_that_is_no_json_is_refused(raw: Raw) -> None:
    refused(raw.send("POST", "/access_codes/create", b"{"), 400, "invalid_input")
    refused(raw.send("POST", "/access_codes/create", b"[]"), 400, "invalid_input")
    form = raw.send("POST", "/access_codes/create", b"a=b", "application/x-www-form-urlencoded")
    refused(form, 400, "invalid_content_type")


def test_an_empty_body_of_a_form_is_no_parameters(raw: Raw) -> None:
    answer = raw.send("POST", "/access_codes/create", b"", "application/x-www-form-urlencoded")
    assert refused(answer, 400, "invalid_input")["message"] == "device_id is required"


def test_a_body_that_is_too_large_is_refused(raw: Raw) -> None:
    refused(raw.send("POST", "/access_codes/create", b" " * 20_000), 413, "body_too_large")
