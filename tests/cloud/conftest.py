"""A cloud without a broker for the API tests; a whole site, with either broker, for the fleet's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_sim import locks
from cloud_sim.authority import initialise, load
from cloud_sim.database import Database, open_database
from cloud_sim.mosquitto import find_mosquitto
from cloud_sim.state_directory import StateDirectory
from tests.broker.brokers import RunningBroker, start_builtin, start_mosquitto
from tests.cloud.device import Device, enrol
from tests.cloud.renewing import Renewing
from tests.cloud.site import NOWHERE, Api, CloudProcess, tls_files


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> StateDirectory:
    """An initialised state that nothing but certificates is taken from."""
    made = StateDirectory(tmp_path_factory.mktemp("cloud"))
    initialise(made)
    return made


@pytest.fixture(scope="session")
def lonely_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """A cloud that never finds its broker."""
    lonely = StateDirectory(tmp_path_factory.mktemp("lonely"))
    initialise(lonely)
    cloud = CloudProcess(lonely, NOWHERE).start()
    yield cloud
    cloud.stop()


@pytest.fixture
def api(lonely_cloud: CloudProcess) -> Api:
    return lonely_cloud.api


@pytest.fixture
def lock_id(api: Api) -> str:
    """A new lock with no codes."""
    return api.new_lock()


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


@pytest.fixture(scope="session", params=["builtin", "mosquitto"])
def broker(
    request: pytest.FixtureRequest, state: StateDirectory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningBroker]:
    if request.param == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    start = start_builtin if request.param == "builtin" else start_mosquitto
    running = start(tls_files(state), tmp_path_factory.mktemp(request.param))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def cloud(broker: RunningBroker, state: StateDirectory) -> Iterator[CloudProcess]:
    """A cloud at that broker; tests may restart it."""
    running = CloudProcess(state, broker.url).start()
    running.wait_for_broker()
    yield running
    if running.process is not None:
        running.stop()


@pytest.fixture
def device(cloud: CloudProcess, tmp_path: Path) -> Iterator[Device]:
    """A new lock, enrolled and connected."""
    enrolled = enrol(cloud.api, tmp_path).connect()
    yield enrolled
    enrolled.close()


@pytest.fixture
def lock(tmp_path: Path, state: StateDirectory) -> Iterator[Renewing]:
    """A lock that is online."""
    made = Renewing(tmp_path / "cloud.db", load(state))
    made.status()
    yield made
    made.database.close()
