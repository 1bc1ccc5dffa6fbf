"""Where the next root secret may not take the place of the one before, a person has to finish it."""

import errno
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from agent.enrolment import load_enrolment
from agent.root_change import finish, settle
from agent.secrets import SecretFault, SecretSource
from firmware_sim.site import Site
from firmware_sim.virtual_parts import VirtualClock
from tests.controller.offline import opens
from tests.root_change.machine import (
    DIGITS,
    STAMP,
    STILL,
    Machine,
    faults,
    lived,
    new_machine,
    what_opens,
)

NOBODY = 65534


def test_a_secret_whose_place_may_not_be_taken_is_worked_with_and_said(
    machine: Machine, clock: VirtualClock, mocker: MockerFixture
) -> None:
    mocker.patch.object(Path, "replace", side_effect=OSError(errno.EROFS, "Read-only file system"))
    for start in range(2):
        settled = machine.settle()
        assert (settled.is_next, settled.stage()) == (True, "unfinished")
        site = machine.start(clock)
        assert faults(site) == ["root_secret_of_before_still_there"] * (start + 1)
        assert opens(site, DIGITS["anna"])
        site.close()
    mocker.stopall()
    assert finish(machine.state, machine.secret)
    assert settled.stage() == "none"
    site = machine.start(clock)
    assert opens(site, DIGITS["anna"])
    assert len(faults(site)) == 2
    site.close()


@pytest.fixture
def installed() -> Iterator[Machine]:
    """As the pages have it: the secret is in a directory where the agent may not write."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        machine = new_machine(Path(directory))
        lived(machine).close()
        machine.rotate()
        machine.secret.parent.chmod(0o555)
        yield machine
        machine.secret.parent.chmod(0o755)


def test_the_agent_of_the_pages_leaves_the_last_step_to_root(installed: Machine) -> None:
    if is_root := os.geteuid() == 0:
        for path in (installed.secret, installed.coming, installed.state, *installed.state.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    assert as_the_agent(lambda: installed.settle().stage(), is_root) == "unfinished"
    assert installed.secret.stat().st_mode & 0o777 == 0o400
    installed.secret.parent.chmod(0o755)
    new = installed.coming.read_bytes()
    assert finish(installed.state, installed.secret)
    assert (installed.secret.read_bytes(), installed.coming.exists()) == (new, False)
    assert as_the_agent(lambda: installed.settle().stage(), is_root) == "none"


def as_the_agent(act: Callable[[], str], is_root: bool) -> str:
    """What it says in a process of its own, which is not root's."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        if is_root:
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        try:
            os.write(writing, act().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        return said.read()


def test_once_everything_is_moved_a_database_under_the_old_secret_is_a_strangers(
    machine: Machine, clock: VirtualClock, mocker: MockerFixture
) -> None:
    before = (machine.state / "lock.db").read_bytes()
    mocker.patch.object(Path, "replace", side_effect=OSError(errno.EROFS, "Read-only file system"))
    machine.settle()
    (machine.state / "lock.db").write_bytes(before)
    site = machine.start(clock)
    assert faults(site)[0] == "database_set_aside"
    site.close()


def test_a_full_disk_moves_nothing_and_the_next_start_does(machine: Machine, clock: VirtualClock) -> None:
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, unlimited[1]))
    try:
        settled = machine.settle()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert settled.stage() == "failed"
    assert load_enrolment(machine.state, machine.root)
    site = machine.start(clock)
    assert (what_opens(site), faults(site)) == (STILL, [])
    site.close()


def test_nothing_is_finished_before_everything_is_moved(machine: Machine, clock: VirtualClock) -> None:
    del clock
    with pytest.raises(SecretFault, match="restart the agent first"):
        finish(machine.state, machine.secret)
    assert machine.coming.exists()
    machine.settle()
    assert not finish(machine.state, machine.secret)


def test_of_a_credential_the_next_one_is_worked_with_until_it_has_the_name(
    machine: Machine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = machine.directory / "credentials"
    credentials.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    source = SecretSource(credential="root")
    (credentials / "root").write_bytes(machine.secret.read_bytes())
    (credentials / "root-next").write_bytes(machine.coming.read_bytes())
    settled = settle(machine.state, source, STAMP)
    assert (settled.stage(), "credential root-next" in settled.root.describe()) == ("unfinished", True)
    (credentials / "root-next").rename(credentials / "root")
    settled = settle(machine.state, source, STAMP)
    assert settled.stage() == "none"
    site = Site(machine.state, clock, root=settled.root)
    assert opens(site, DIGITS["anna"])
    site.close()
