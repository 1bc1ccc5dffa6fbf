"""A directory for doors that are made by the hundred."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.run import memory


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory()) as made:
        yield Path(made)
