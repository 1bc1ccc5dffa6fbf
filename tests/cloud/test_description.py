"""The OpenAPI document of the device cloud tells of every call, and every answer is as it says.

An ordinary run sends the same few requests each time; LOCK_TEST_FUZZ=500 sends more, and others."""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema_rs import meta
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from cloud_sim import api_actions, api_description, api_fields
from cloud_sim.api_description import ANSWERS, BODIES, QUERIES, SCHEMAS
from tests.cloud.site import Api

REQUESTS = int(os.environ.get("LOCK_TEST_FUZZ", "8"))
UNKNOWN = "e3e70682-c209-4cac-a29f-6fbed82c07cd"
CALLS = sorted(ANSWERS, key=lambda call: (call.startswith("delete"), call))
"""What others look at is deleted last."""
NOT_OURS = [positive_data_acceptance, negative_data_rejection]
"""What a description can say is not all that is checked, and unknown names in a query are ignored."""

pytestmark = pytest.mark.timeout(60 + REQUESTS)


@pytest.fixture(scope="module")
def document(lonely_cloud: Any) -> dict[str, Any]:
    return dict(Api(lonely_cloud.base_url, None).get("/openapi.json").body)


@pytest.fixture(scope="module")
def fuzzed(lonely_cloud: Any, document: dict[str, Any]) -> Any:
    """With ids in the paths that exist; Any: schemathesis has no types for this."""
    api: Api = lonely_cloud.api
    lock_id = api.new_lock()
    code = api.post(f"/locks/{lock_id}/access_codes", name="Somebody").body
    known = {"lock_id": lock_id, "access_code_id": code["access_code_id"], "person": "Somebody"}
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation["parameters"]:
                if parameter["name"] in known:
                    parameter["schema"] = {"type": "string", "enum": [known[parameter["name"]], UNKNOWN]}
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=api.base_url.removesuffix("/device-cloud"))
    return schema


def test_every_call_is_in_it(document: dict[str, Any]) -> None:
    """Enrolment is left out: it is between locks and the cloud."""
    told = {f"{verb} {path}" for path, verbs in document["paths"].items() for verb in verbs}
    assert told == set(ANSWERS)
    assert {*BODIES, *QUERIES} <= told


def test_every_field_of_a_body_is_in_it() -> None:
    assert set(api_description.CODE_FIELDS) == set(api_fields.ACCESS_CODE_FIELDS)
    arguments = {name for names in api_actions.ARGUMENTS.values() for name in names}
    assert set(api_description.ACTION_FIELDS) == {"action", "custom_id", *arguments}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_shape_is_json_schema(name: str) -> None:
    meta.validate(dict(SCHEMAS[name]))


@pytest.mark.parametrize("call", CALLS)
def test_every_answer_is_as_described(lonely_cloud: Any, fuzzed: Any, call: str) -> None:
    verb, path = call.split(" ")
    operation = fuzzed[path][verb.upper()]
    requests = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if operation.body:
        requests |= operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @settings(
        max_examples=REQUESTS * (2 if operation.body else 1),
        deadline=None,
        database=None,
        derandomize="LOCK_TEST_FUZZ" not in os.environ,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests)
    def holds(case: Any) -> None:
        headers = {"Authorization": f"Bearer {lonely_cloud.api.token}"}
        case.call_and_validate(headers=headers, excluded_checks=NOT_OURS)

    holds()
