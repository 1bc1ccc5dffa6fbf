"""A root secret that is wrong, gone or readable by others is named, and costs nothing."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from agent.move_rows import move_database
from agent.root_change import make_next, root_of
from agent.secrets import SecretFault, SecretSource, load_root_secret
from firmware_sim.virtual_parts import VirtualClock
from tests.controller.offline import opens
from tests.root_change.machine import (
    DIGITS,
    STAMP,
    STILL,
    Machine,
    faults,
    what_opens,
)


def spoil(path: Path, content: str, mode: int = 0o400) -> None:
    path.unlink(missing_ok=True)
    path.write_text(content)
    path.chmod(mode)


WRONG: dict[str, tuple[str, Callable[[Machine], None]]] = {
    "both wrong": ("the root secret is another one", lambda machine: spoil(machine.secret, "ab" * 32)),
    "the old one is gone": ("does not exist", lambda machine: machine.secret.unlink()),
}


def test_an_enrolment_that_cannot_be_moved_is_found_before_anything_is(
    machine: Machine, clock: VirtualClock
) -> None:
    (machine.state / "enrolment" / "tls-key.pem").write_bytes(b"no key")
    assert machine.settle().stage() == "failed"
    site = machine.start(clock)
    assert what_opens(site) == STILL
    site.close()


UNUSABLE: dict[str, tuple[str, Callable[[Machine], None]]] = {
    "garbage": ("64 hexadecimal digits", lambda machine: spoil(machine.coming, "garbage")),
    "empty": ("64 hexadecimal digits", lambda machine: spoil(machine.coming, "")),
    "readable by others": ("chmod 0400", lambda machine: machine.coming.chmod(0o444)),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_next_secret_that_cannot_be_used_keeps_no_door_shut(
    machine: Machine, clock: VirtualClock, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    message, make_wrong = UNUSABLE[what]
    coming = machine.coming.read_bytes()
    make_wrong(machine)
    assert machine.settle().stage() == "failed"
    assert root_of(machine.state, SecretSource(file=machine.secret)).derive("row") == machine.root.derive(
        "row"
    )
    site = machine.start(clock)
    assert (what_opens(site), faults(site)) == (STILL, ["next_root_secret_not_used"])
    assert message in caplog.text
    site.close()
    spoil(machine.coming, coming.decode())
    site = machine.start(clock)
    assert (opens(site, DIGITS["anna"]), machine.coming.exists()) == (True, False)
    site.close()


def test_one_that_cannot_be_used_any_more_in_the_middle_of_it_is_a_fault(
    machine: Machine, clock: VirtualClock
) -> None:
    del clock
    coming = load_root_secret(SecretSource(file=machine.coming))
    move_database(machine.state / "lock.db", machine.root, coming, STAMP)
    spoil(machine.coming, "garbage")
    with pytest.raises(SecretFault, match="64 hexadecimal digits"):
        machine.settle()


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_secret_is_named_and_nothing_is_lost(
    machine: Machine, clock: VirtualClock, what: str
) -> None:
    message, make_wrong = WRONG[what]
    kept = (machine.secret.read_bytes(), machine.coming.read_bytes())
    make_wrong(machine)
    with pytest.raises(SecretFault, match=message):
        machine.settle()
    for path, content in zip((machine.secret, machine.coming), kept, strict=True):
        spoil(path, content.decode())
    site = machine.start(clock)
    assert what_opens(site) == STILL
    site.close()


def test_the_old_secret_is_not_needed_once_everything_is_moved(
    machine: Machine, clock: VirtualClock, mocker: MockerFixture
) -> None:
    mocker.patch.object(Path, "replace", side_effect=OSError(errno.EROFS, "Read-only file system"))
    machine.settle()
    mocker.stopall()
    machine.secret.unlink()
    site = machine.start(clock)
    assert opens(site, DIGITS["anna"])
    assert machine.secret.exists()
    site.close()


def test_a_next_secret_is_never_replaced_and_one_that_lies_there_unused_is_said(machine: Machine) -> None:
    settled = machine.settle()
    assert settled.stage() == "none"
    machine.rotate()
    assert settled.stage() == "unused"
    with pytest.raises(SecretFault, match="is not replaced"):
        machine.rotate()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_made_by_root_it_belongs_to_whoever_the_root_secret_belongs_to(machine: Machine) -> None:
    os.chown(machine.secret, 65534, 65534)
    machine.rotate()
    assert (machine.coming.stat().st_uid, machine.coming.stat().st_gid) == (65534, 65534)


def test_a_symbolic_link_is_not_replaced_by_a_file(machine: Machine) -> None:
    link = machine.directory / "link"
    link.symlink_to(machine.secret)
    with pytest.raises(SecretFault, match="symbolic link"):
        make_next(link)


def test_there_must_be_a_root_secret_to_replace(tmp_path: Path) -> None:
    with pytest.raises(SecretFault, match="new-root-secret"):
        make_next(tmp_path / "root-secret")
