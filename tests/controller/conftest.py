"""One fixture: a whole virtual door."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_sim.site import Site, code_row

ANNA = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A door whose clock is trusted and that holds Anna's code, 493817."""
    door = Site(tmp_path)
    door.connect()
    door.install(code_row(ANNA, "493817"))
    yield door
    door.close()
