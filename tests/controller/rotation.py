"""A door whose root secret lies in a file, and is replaced as its owner and a start of the agent do it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.emergency_code import FILE_NAME, make_emergency_code
from agent.journal import Stamp
from agent.root_change import SettledRoot, make_next, settle
from agent.secrets import RootSecret, SecretSource, create_root_secret_file, load_root_secret
from firmware_sim.site import Site
from firmware_sim.virtual_parts import VirtualClock

STAMP = Stamp("boot", 1000, 1_790_000_000_000, "unknown")


@dataclass(frozen=True, slots=True)
class Machine:
    """What stays when a process ends: the state directory, and the root secret beside it."""

    directory: Path

    @property
    def state(self) -> Path:
        """The state directory of the agent."""
        return self.directory / "state"

    @property
    def secret(self) -> Path:
        """The root secret."""
        return self.directory / "keys" / "root-secret"

    @property
    def coming(self) -> Path:
        """The next one, while there is one."""
        return self.directory / "keys" / "root-secret.next"

    @property
    def root(self) -> RootSecret:
        """The root secret, loaded."""
        return load_root_secret(SecretSource(file=self.secret))

    def settle(self) -> SettledRoot:
        """What a start does first."""
        return settle(self.state, SecretSource(file=self.secret), STAMP)

    def start(self, clock: VirtualClock | None = None, **settings: Any) -> Site:
        """Start the agent."""
        settled = self.settle()
        site = Site(
            self.state, clock, emergency=True, root=settled.root, root_stage=settled.stage, **settings
        )
        site.connect()
        return site

    def rotate(self) -> None:
        """What the owner does; the next start does the rest."""
        make_next(self.secret)

    def emergency_code(self) -> str:
        """Make one; its digits."""
        return make_emergency_code(self.state / FILE_NAME, self.root.derive("emergency"), again=True)


def new_machine(directory: Path) -> Machine:
    """One with a root secret, and nothing else."""
    machine = Machine(directory)
    machine.state.mkdir()
    machine.secret.parent.mkdir()
    create_root_secret_file(machine.secret)
    return machine
