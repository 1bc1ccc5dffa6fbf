"""A door whose root secret lies in a file, and is replaced as its owner and a start of the agent do it."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.command_side import Permissions
from agent.emergency_code import FILE_NAME, make_emergency_code
from agent.journal import Stamp
from agent.root_change import SettledRoot, make_next, settle
from agent.secrets import RootSecret, SecretSource, create_root_secret_file, load_root_secret
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import VirtualClock
from tests.controller.conftest import ANNA
from tests.controller.offline import KEY, key_part, once, opens, set_up, timed
from tests.controller.programming import BEN, CHIEF, NEW, add
from tests.controller.test_technicians import shown, technicians

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


EVE = "44444444-4444-4444-8444-444444444444"
DIGITS = {"anna": "493817", "chief": "246802", "once": "975312", "revoked": "864201"}
ROWS = [
    code_row(ANNA, DIGITS["anna"]),
    code_row(CHIEF, DIGITS["chief"], kind="programming"),
    code_row(BEN, DIGITS["once"], max_uses=1),
    code_row(EVE, DIGITS["revoked"]),
]
OFFLINE, OFFLINE_ONCE = timed(48), once(serial=1)
MAY = Permissions(local=frozenset({"mode"}))


def lived(machine: Machine) -> Site:
    """A door with every kind of code, some of them used, one revoked, and a setting of the cloud."""
    site = machine.start(permissions=MAY)
    site.install(*ROWS)
    set_up(site, technicians=technicians(), keys=[key_part(KEY)])
    assert add(site, NEW)
    assert all(opens(site, digits) for digits in (DIGITS["once"], OFFLINE, OFFLINE_ONCE))
    assert opens(site, f"{shown(site.cloud_wall_s + 900)}")
    site.command("revoke", ids=[EVE])
    site.command("config", release_s=9)
    return site


def what_opens(site: Site) -> dict[str, bool]:
    """Every code is typed once, by people who are patient."""
    codes = {**DIGITS, "door": NEW, "offline": OFFLINE, "offline once": OFFLINE_ONCE}
    found = {name: opens(site, digits) for name, digits in codes.items() if name != "chief"}
    return {**found, "technician": opens(site, shown(site.cloud_wall_s + 900))}


STILL = {
    "anna": True,
    "once": False,
    "revoked": False,
    "door": True,
    "offline": True,
    "offline once": False,
    "technician": True,
}


def faults(site: Site) -> list[str]:
    """What the journal calls wrong, in order."""
    return [row["detail"]["what"] for row in site.journal("fault")]


def every_tag(machine: Machine) -> set[bytes]:
    """The tags in the database, which nobody has open."""
    with closing(sqlite3.connect(machine.state / "lock.db")) as db:
        tables = ("access_code", "local_code", "offline_code")
        return {tag for table in tables for (tag,) in db.execute(f"SELECT tag FROM {table}") if tag}


def bytes_below(directory: Path) -> bytes:
    """All that is in the files of a directory and those below."""
    return b"\n".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())
