"""Whatever a client sends, the answer is one that the API's own description allows: no 5xx, always its shape.

An ordinary run sends the same few requests each time; LOCK_TEST_FUZZ=500 sends more, and others."""

import os
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from cloud_sim.seam.operations import OPERATIONS
from tests.cloud.site import CloudProcess
from tests.seam.described import described
from tests.seam.raw import Raw, raw_client

REQUESTS = int(os.environ.get("LOCK_TEST_FUZZ", "8"))
"""For each operation and verb, once as described and once with something wrong."""
BY_HARM = sorted(OPERATIONS, key=lambda one: one.path.endswith("/delete"))
CASES = [(one.path, verb) for one in BY_HARM for verb in sorted(one.verbs)]
"""What others look at is deleted last."""
LONGEST_URL = 60_000
"""The server cuts off who sends more than 64 KiB before the body."""
NOT_OURS = [positive_data_acceptance, negative_data_rejection]
"""What a description can say is not all that is checked, and fields nobody knows are ignored."""

pytestmark = pytest.mark.timeout(60 + REQUESTS)


@pytest.fixture(scope="module")
def client(quiet_cloud: CloudProcess) -> Raw:
    return raw_client(quiet_cloud)


@pytest.fixture(scope="module")
def fuzzed(client: Raw, quiet_cloud: CloudProcess) -> Any:
    """Any: schemathesis has no types for this."""
    device_id = quiet_cloud.api.new_lock()
    window = {"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2090-01-01T00:00:00Z"}
    code = client.post("/access_codes/create", device_id=device_id, **window).body["access_code"]
    webhook = client.post("/webhooks/create", url="http://127.0.0.1:9/hook", event_types=["none"])
    known = {
        "device_id": device_id,
        "access_code_id": code["access_code_id"],
        "webhook_id": webhook.body["webhook"]["webhook_id"],
    }
    schema = schemathesis.openapi.from_dict(described(client, known))
    schema.config.update(base_url=client.base_url)
    return schema


@pytest.mark.parametrize(("path", "verb"), CASES)
def test_every_answer_is_as_described(client: Raw, fuzzed: Any, path: str, verb: str) -> None:
    operation = fuzzed[path][verb]
    right = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    takes_fields = bool(operation.query or operation.body)
    wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE) if takes_fields else st.nothing()

    @settings(
        max_examples=REQUESTS * (2 if takes_fields else 1),
        deadline=None,
        database=None,
        derandomize="LOCK_TEST_FUZZ" not in os.environ,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(right | wrong)
    def holds(case: Any) -> None:
        headers = {"Authorization": f"Bearer {client.key}"}
        url = requests.Request(**case.as_transport_kwargs(base_url=client.base_url)).prepare().url
        assume(len(url or "") < LONGEST_URL)
        case.call_and_validate(headers=headers, excluded_checks=NOT_OURS)

    holds()
