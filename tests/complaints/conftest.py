"""A lock and its cloud on one wire, and a lock alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_sim.site import Site
from tests.complaints.pair import Pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """A lock that is connected to its cloud, knows the time and holds no codes."""
    made = Pair(tmp_path)
    yield made
    made.close()


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[Site]:
    """A lock whose clock is trusted and that holds no codes."""
    made = Site(tmp_path)
    made.connect()
    yield made
    made.close()
