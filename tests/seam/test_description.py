"""The OpenAPI document: who may read it, and that it tells of everything there is and of nothing else."""

from typing import Any

import pytest
from jsonschema_rs import meta

from cloud_sim.seam import shapes
from cloud_sim.seam.description import description
from cloud_sim.seam.operations import OPERATIONS
from tests.seam.raw import Raw

DOCUMENT = description(OPERATIONS, "/seam")


def fields(operation: dict[str, Any]) -> set[str]:
    body = operation.get("requestBody", {"content": {"application/json": {"schema": {"properties": {}}}}})
    of_body = body["content"]["application/json"]["schema"]["properties"]
    return {*of_body, *(one["name"] for one in operation.get("parameters", ()))}


def test_it_is_read_without_a_key_and_describes_where_it_was_read(raw: Raw) -> None:
    answer = Raw(raw.base_url, None).send("GET", "/openapi.json")
    assert (answer.status, answer.body) == (200, DOCUMENT)


def test_every_operation_is_in_it_with_its_verbs_and_fields() -> None:
    told = {
        (path, verb.upper()): fields(operation)
        for path, operations in DOCUMENT["paths"].items()
        for verb, operation in operations.items()
    }
    assert told == {
        (one.path, verb): {parameter.name for parameter in one.declared}
        for one in OPERATIONS
        for verb in one.verbs
    }


@pytest.mark.parametrize("name", shapes.SCHEMAS)
def test_every_shape_is_json_schema(name: str) -> None:
    meta.validate(dict(shapes.SCHEMAS[name]))


def test_every_property_of_a_code_and_of_a_device_is_in_it(raw: Raw, device_id: str) -> None:
    code = raw.post("/access_codes/create", device_id=device_id).body["access_code"]
    assert set(code) == set(shapes.SCHEMAS["access_code"]["properties"])
    device = raw.post("/devices/get", device_id=device_id).body["device"]
    # What a lock has not said yet is left out of its properties.
    assert set(device) <= {*shapes.SCHEMAS["device"]["properties"], "nickname", "device_manufacturer"}


def test_what_can_be_got_can_be_asked_for_its_head_alone(raw: Raw, device_id: str) -> None:
    head = raw.head(f"/devices/get?device_id={device_id}")
    assert (head.status, head.body) == (200, None)
    assert raw.head("/devices/update").status == 405


def test_options_names_the_verbs_and_invites_no_browser(raw: Raw) -> None:
    answer = Raw(raw.base_url, None).send("OPTIONS", "/devices/update")
    assert (answer.status, answer.headers["allow"]) == (204, "OPTIONS, PATCH, POST")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_verb_that_does_not_exist_is_told_which_do(raw: Raw) -> None:
    answer = raw.send("DELETE", "/devices/get")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


def test_no_key_is_told_which_scheme_there_is(raw: Raw) -> None:
    answer = Raw(raw.base_url, None).send("POST", "/devices/list")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
