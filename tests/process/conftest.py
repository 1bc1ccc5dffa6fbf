"""One cloud and one broker for all tests here, and doors for those that ask."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from firmware_sim.site_directory import SiteDirectory
from firmware_sim.site_processes import Site, SiteOptions
from tests.process.doors import Door

NewDoor = Callable[..., Door]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A broker and a cloud, without doors of its own."""
    running = Site(SiteDirectory(tmp_path_factory.mktemp("street")).acquire(), SiteOptions(doors=0))
    try:
        running.start()
        yield running
    finally:
        running.stop()
        running.directory.release()


@pytest.fixture
def new_door(site: Site) -> Iterator[NewDoor]:
    """Makes doors; they end with the test."""
    made: list[Door] = []

    def make(**options: float) -> Door:
        made.append(Door(site, next(_numbers), **options))
        return made[-1]

    yield make
    for door in made:
        door.close()


@pytest.fixture
def door(new_door: NewDoor) -> Door:
    """A door whose agent has not been started."""
    return new_door()
