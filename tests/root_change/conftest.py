"""Two fixtures: a machine with a root secret, and one whose door has lived and is off."""

from pathlib import Path

import pytest

from firmware_sim.virtual_parts import VirtualClock
from tests.root_change.machine import Machine, lived, new_machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One with a root secret, and nothing else."""
    return new_machine(tmp_path)


@pytest.fixture
def clock(machine: Machine) -> VirtualClock:
    """That of a door that has lived, and is off; its root secret is about to be replaced."""
    site = lived(machine)
    site.close()
    machine.rotate()
    return site.clock
