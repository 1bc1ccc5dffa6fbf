"""Codes that this API did not make: shown apart, and its own from the moment they are converted."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_sim.authority import initialise
from cloud_sim.state_directory import StateDirectory
from tests.cloud.site import NOWHERE, CloudProcess
from tests.seam.raw import Raw, raw_client


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """A cloud with one lock and three codes that somebody made at its door."""
    state = StateDirectory(tmp_path_factory.mktemp("unmanaged"))
    initialise(state)
    running = CloudProcess(state, NOWHERE).start()
    lock_id = running.api.new_lock()
    for _ in range(3):
        raw_client(running).post("/access_codes/create", device_id=lock_id)
    running.stop()
    with sqlite3.connect(state.database) as database:
        database.execute("UPDATE access_codes SET is_managed = 0")
    database.close()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def client(cloud: CloudProcess) -> Raw:
    return raw_client(cloud)


def unmanaged(cloud: CloudProcess) -> list[dict[str, Any]]:
    [lock] = cloud.api.get("/locks").body["locks"]
    answer = raw_client(cloud).post("/access_codes/unmanaged/list", device_id=lock["lock_id"])
    codes: list[dict[str, Any]] = answer.body["access_codes"]
    return codes


def managed_ids(client: Raw, device_id: str) -> set[str]:
    codes = client.post("/access_codes/list", device_id=device_id).body["access_codes"]
    return {code["access_code_id"] for code in codes}


def test_an_unmanaged_code_is_shown_as_one_and_nowhere_else(client: Raw, cloud: CloudProcess) -> None:
    code = unmanaged(cloud)[0]
    assert (code["is_managed"], code["status"]) == (False, "unset")
    assert "pending_mutations" not in code
    about = {"access_code_id": code["access_code_id"]}
    assert client.post("/access_codes/unmanaged/get", **about).body["access_code"] == code
    assert client.post("/access_codes/get", **about).status == 404
    assert code["access_code_id"] not in managed_ids(client, code["device_id"])


@pytest.mark.parametrize("path", ["convert_to_managed", "update"])
def test_a_converted_code_is_managed(client: Raw, cloud: CloudProcess, path: str) -> None:
    code = unmanaged(cloud)[0]
    about = {"access_code_id": code["access_code_id"], "is_managed": True}
    answer = client.call("PATCH", f"/access_codes/unmanaged/{path}", **about).body
    assert answer["action_attempt"]["action_type"] == "CONVERT_ACCESS_CODE_TO_MANAGED"
    assert code["access_code_id"] not in {one["access_code_id"] for one in unmanaged(cloud)}
    assert code["access_code_id"] in managed_ids(client, code["device_id"])


def test_an_unmanaged_code_can_be_deleted_and_not_made_more_unmanaged(
    client: Raw, cloud: CloudProcess
) -> None:
    about = {"access_code_id": unmanaged(cloud)[-1]["access_code_id"]}
    refused = client.post("/access_codes/unmanaged/update", **about, is_managed=False)
    assert refused.body["error"]["type"] == "invalid_input"
    answer = client.call("DELETE", "/access_codes/unmanaged/delete", **about).body
    assert answer["action_attempt"]["action_type"] == "DELETE_ACCESS_CODE"
    assert client.post("/access_codes/unmanaged/get", **about).status == 404
