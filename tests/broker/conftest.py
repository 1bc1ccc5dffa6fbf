"""One broker of each kind for all tests of this directory, and clients that are closed after each test."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_sim.mosquitto import find_mosquitto
from tests.broker.brokers import RunningBroker, start_builtin, start_mosquitto
from tests.broker.certificates import Authority
from tests.broker.client import Client, Site

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session", params=["builtin", "mosquitto"])
def broker(
    request: pytest.FixtureRequest, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningBroker]:
    """A broker process; every test of the contract runs on both kinds."""
    directory: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    start = start_builtin if request.param == "builtin" else start_mosquitto
    running = start(authority.broker(), directory)
    yield running
    running.stop()


@pytest.fixture
def site(broker: RunningBroker, authority: Authority) -> Iterator[Site]:
    made = Site(authority, broker.port)
    yield made
    made.close()


@pytest.fixture
def door() -> str:
    """The id of a lock no other test uses."""
    return f"door-{next(NUMBERS)}"


@pytest.fixture
def cloud(site: Site) -> Client:
    return site.client("cloud").connect()


@pytest.fixture
def lock(site: Site, door: str) -> Client:
    return site.client(door).connect()
