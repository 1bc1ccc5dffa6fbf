"""One enrolled lock, its cloud's side of the wire, and a broker of each kind."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_sim.broker.tls import TlsFiles
from cloud_sim.mosquitto import find_mosquitto
from tests.broker.brokers import RunningBroker, start_builtin, start_mosquitto
from tests.uplink.cable import Cable
from tests.uplink.clouds import Authority, Cloud
from tests.uplink.doors import CloudEnd, Door, enrolled_door

AUTHORITY = Authority()


class Brokers:
    """Starts one kind of broker on one port, again and again."""

    def __init__(self, kind: str, directory: Path, authority: Authority = AUTHORITY) -> None:
        self._start = start_builtin if kind == "builtin" else start_mosquitto
        self._directory = directory
        self.port = 0
        self.running: RunningBroker | None = None
        authority.write_server(directory)

    @property
    def url(self) -> str:
        return f"mqtts://127.0.0.1:{self.port}"

    def start(self) -> RunningBroker:
        files = (self._directory / name for name in ("ca.pem", "broker.pem", "broker-key.pem"))
        ca, certificate, key = files
        tls = TlsFiles(ca=ca, certificate=certificate, key=key)
        self.running = self._start(tls, self._directory, self.port)
        self.port = self.running.port
        return self.running

    def stop(self) -> None:
        if self.running is not None:
            self.running.stop()
            self.running = None


@pytest.fixture(params=["builtin", "mosquitto"])
def brokers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """A running broker that can be stopped and started; every test that uses it runs on both kinds."""
    if request.param == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    made = Brokers(request.param, tmp_path_factory.mktemp(request.param))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def new_door(tmp_path: Path) -> Iterator[Callable[..., Door]]:
    """Makes the enrolled door of a broker's URL, and stops its uplink after the test."""
    doors: list[Door] = []

    def make(mqtt_url: str, authority: Authority = AUTHORITY, **options: Any) -> Door:
        doors.append(enrolled_door(tmp_path, Cloud(authority=authority, mqtt_url=mqtt_url), **options))
        return doors[-1]

    yield make
    for door in doors:
        door.uplink.stop()


@pytest.fixture
def cable(brokers: Brokers) -> Iterator[Cable]:
    """What the door's uplink hangs on."""
    made = Cable(brokers.port)
    yield made
    made.close()


@pytest.fixture
def door(new_door: Callable[..., Door], cable: Cable) -> Door:
    """A door whose uplink is not started yet."""
    return new_door(cable.url)


@pytest.fixture
def cloud_end(door: Door, brokers: Brokers) -> Iterator[CloudEnd]:
    """The cloud's MQTT client, connected and subscribed to everything."""
    end = CloudEnd(door, brokers.url)
    end.connect()
    yield end
    end.close()
