"""A cloud without a broker, whose locks never answer, and clients of its Seam API."""

from collections.abc import Iterator

import pytest

from cloud_sim.authority import initialise
from cloud_sim.state_directory import StateDirectory
from tests.cloud.site import NOWHERE, CloudProcess
from tests.seam.raw import Raw, raw_client


@pytest.fixture(scope="session")
def quiet_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    state = StateDirectory(tmp_path_factory.mktemp("quiet"))
    initialise(state)
    cloud = CloudProcess(state, NOWHERE).start()
    yield cloud
    cloud.stop()


@pytest.fixture
def raw(quiet_cloud: CloudProcess) -> Raw:
    return raw_client(quiet_cloud)


@pytest.fixture
def device_id(quiet_cloud: CloudProcess) -> str:
    """A lock that was invited and never comes."""
    return quiet_cloud.api.new_lock()
