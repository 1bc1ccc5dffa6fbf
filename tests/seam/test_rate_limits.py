"""Clients that ask too often are told when to come back, and nothing is done for them meanwhile."""

from collections.abc import Iterator

import pytest
from seam.exceptions import SeamHttpApiError
from seam.seam import Seam

from cloud_sim.authority import initialise
from cloud_sim.rate_limits import SEAMS, BadLimits, RateLimits, parse
from cloud_sim.state_directory import StateDirectory
from tests.cloud.site import NOWHERE, CloudProcess
from tests.seam.raw import Raw, raw_client

LIMITS = "creates=2,updates=1,deletes=1,locks=1,unlocks=1"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    state = StateDirectory(tmp_path_factory.mktemp("limited"))
    initialise(state)
    running = CloudProcess(state, NOWHERE, ("--rate-limits", LIMITS)).start()
    yield running
    running.stop()


@pytest.fixture
def client(cloud: CloudProcess) -> Raw:
    return raw_client(cloud)


@pytest.fixture
def door(cloud: CloudProcess) -> str:
    """A new one: what is counted is counted for each."""
    return cloud.api.new_lock()


def test_so_many_a_minute_and_again_as_each_is_a_minute_old() -> None:
    limits = RateLimits({"creates": 2})
    assert [limits.take("creates", ["a"], now_s) for now_s in (0.0, 10.0, 30.0, 59.0)] == [
        0.0,
        0.0,
        30.0,
        1.0,
    ]
    assert [limits.take("creates", ["a"], now_s) for now_s in (60.0, 61.0)] == [0.0, 9.0]
    assert limits.take("deletes", ["a"], 30.0) == 0.0


def test_many_devices_are_counted_together_or_not_at_all() -> None:
    limits = RateLimits({"creates": 1})
    assert limits.take("creates", ["a"], 0.0) == 0.0
    assert limits.take("creates", ["a", "b"], 1.0) == 59.0
    assert limits.take("creates", ["b"], 1.0) == 0.0


def test_limits_are_written_by_name_and_the_rest_are_seams() -> None:
    assert parse("") == SEAMS
    assert parse("creates=3,unlocks=1") == {**SEAMS, "creates": 3, "unlocks": 1}


@pytest.mark.parametrize("text", ["creates", "creates=", "creates=0", "creates=-1", "gets=1", "creates=²"])
def test_what_is_no_limit_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(BadLimits, match="creates=10,updates=10"):
        parse(text)


def test_one_create_too_many_creates_nothing_and_says_when_to_come_back(
    cloud: CloudProcess, client: Raw, door: str
) -> None:
    assert [client.post("/access_codes/create", device_id=door).status for _ in range(2)] == [200, 200]
    refused = client.post("/access_codes/create", device_id=door)
    assert (refused.status, refused.body["error"]["type"]) == (429, "rate_limit_exceeded")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert len(client.post("/access_codes/list", device_id=door).body["access_codes"]) == 2
    assert client.post("/access_codes/create", device_id=cloud.api.new_lock()).status == 200


@pytest.mark.parametrize("what", ["update", "delete"])
def test_changes_are_counted_at_the_device_of_the_code(client: Raw, door: str, what: str) -> None:
    for status in (200, 429):
        code = client.post("/access_codes/create", device_id=door).body["access_code"]
        answer = client.post(f"/access_codes/{what}", access_code_id=code["access_code_id"])
        assert answer.status == status


@pytest.mark.parametrize("what", ["lock_door", "unlock_door"])
def test_locking_and_unlocking_are_counted_apart(client: Raw, door: str, what: str) -> None:
    assert [client.post(f"/locks/{what}", device_id=door).status for _ in range(2)] == [200, 429]


def test_the_sdk_names_the_error(client: Raw, door: str) -> None:
    seam = Seam(api_key=client.key, endpoint=client.base_url)
    with pytest.raises(SeamHttpApiError) as refused:
        for _ in range(3):
            seam.access_codes.create(device_id=door)
    assert (refused.value.status_code, refused.value.code) == (429, "rate_limit_exceeded")


def test_without_limits_nobody_is_held_up(raw: Raw, device_id: str) -> None:
    assert {raw.post("/access_codes/create", device_id=device_id).status for _ in range(30)} == {200}
