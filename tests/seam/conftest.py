"""A cloud without a broker, whose locks never answer, and clients of its Seam API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_sim import locks
from cloud_sim.authority import initialise
from cloud_sim.database import Database, open_database
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


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A cloud's database without a cloud."""
    opened = open_database(tmp_path / "cloud.db")
    yield opened
    opened.close()


@pytest.fixture
def door(database: Database) -> str:
    """A lock in it."""
    with database.transaction():
        return locks.add_lock(database, "Front door", 0.0)
