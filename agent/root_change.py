"""The root secret is replaced in place: another one lies beside it as the next, and a start moves everything
under that one before anything is used.

Each thing decides for itself under which of the two it is, and the enrolment is moved last: once it is under
the next one everything is, and the one of before opens nothing any more. So it does not matter where the
power goes.
"""

import errno
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.emergency_code import FILE_NAME, move_emergency_code
from agent.enrolment import NotEnrolled, forget_older, is_enrolled, keep_files, load_enrolment
from agent.errors import StorageFault
from agent.journal import Stamp
from agent.secrets import (
    RootSecret,
    SecretFault,
    SecretSource,
    create_root_secret_file,
    is_there,
    load_root_secret,
    sync_directory,
)
from agent.set_aside import forget_set_aside

log = logging.getLogger(__name__)

DATABASE = "lock.db"

Stage = Literal["none", "unused", "failed", "unfinished"]
"""unused: a next root secret waits for a start; failed: this start could not use it; unfinished: everything
is under it, and the one of before is still there."""


def next_of(source: SecretSource) -> SecretSource:
    """Where the next root secret is, if there is one."""
    if source.file is not None:
        return SecretSource(file=next_file(source.file))
    return SecretSource(credential=f"{source.credential}-next")


def next_file(file: Path) -> Path:
    """The next root secret of one that is a file."""
    return file.with_name(f"{file.name}.next")


@dataclass(frozen=True, slots=True)
class SettledRoot:
    """The root secret under which everything is, and where it came from."""

    root: RootSecret
    source: SecretSource
    is_next: bool = False
    """It could not be put in the place of the one before."""
    has_failed: bool = False
    """There is a next one, and nothing could be moved."""

    def stage(self) -> Stage:
        """How far a replacement is now; files may have come and gone since the start."""
        if not is_there(next_of(self.source)):
            return "none"
        if self.is_next:
            return "unfinished"
        return "failed" if self.has_failed else "unused"


def settle(state_dir: Path, source: SecretSource, stamp: Stamp) -> SettledRoot:
    """The root secret to work with; where a next one lies, everything is under it when this returns.

    For whoever holds the lock of the state directory, before anything else is opened. `stamp` goes to the
    journal. Raises SecretFault or StorageFault; done again it goes on where it was. A fault that has changed
    nothing is logged only: the door is served under the secret that is good."""
    coming = next_of(source)
    if not is_there(coming):
        return SettledRoot(load_root_secret(source), source)
    try:
        new = load_root_secret(coming)
        if not is_under(state_dir, new):
            _move(state_dir, load_root_secret(source), new, stamp)
    except (SecretFault, StorageFault) as fault:
        return _as_before(state_dir, source, fault)
    forget_older(state_dir)
    if source.file is not None and coming.file is not None:
        try:
            put_in_place(coming.file, source.file)
        except OSError as error:
            log.warning("%s cannot take the place of %s: %s", coming.file, source.file, error.strerror)
        else:
            return SettledRoot(load_root_secret(source), source)
    log.warning("everything is under the next root secret; the one before is still there: see lockctl doctor")
    return SettledRoot(new, source, is_next=True)


def _as_before(state_dir: Path, source: SecretSource, fault: SecretFault | StorageFault) -> SettledRoot:
    """Go on under the secret of before, if everything still is. Raises `fault` if not."""
    from agent.database import Database

    try:
        old = load_root_secret(source)
        load_enrolment(state_dir, old)
        if (path := state_dir / DATABASE).exists():
            Database(path, old.derive("row")).close()
    except (SecretFault, NotEnrolled, StorageFault):
        raise fault from None
    log.warning("the root secret stays as it is: %s", fault)
    return SettledRoot(old, source, has_failed=True)


def is_under(state_dir: Path, root: RootSecret) -> bool:
    """Whether this lock's enrolment opens with `root`; then everything does."""
    if not is_enrolled(state_dir):
        return False
    try:
        load_enrolment(state_dir, root)
    except SecretFault:
        return False
    return True


def _move(state_dir: Path, old: RootSecret, new: RootSecret, stamp: Stamp) -> None:
    from agent.move_enrolment import enrolment_under  # nothing that the keypad waits for at other starts
    from agent.move_rows import move_database

    files: Mapping[str, bytes] = {}
    if is_enrolled(state_dir):
        load_enrolment(state_dir, old)  # with a wrong root secret nothing is touched
        files = enrolment_under(new, old, state_dir)
    move_database(state_dir / DATABASE, old, new, stamp)
    for name in forget_set_aside(state_dir / DATABASE):
        log.warning("%s is removed: what it holds was under the root secret of before", name)
    move_emergency_code(state_dir / FILE_NAME, old.derive("emergency"), new.derive("emergency"))
    if files:
        keep_files(state_dir, files, keeps_old=False)
    log.info("everything is under the next root secret")


def make_next(file: Path) -> Path:
    """Make the next root secret beside `file`, for the same owner; returns where. Raises SecretFault."""
    coming = next_file(file)
    if file.is_symlink():
        raise SecretFault(f"{file} is a symbolic link: let root_secret_file name the file itself")
    if not file.exists():
        raise SecretFault(f"{file} does not exist: make it with lock-agent new-root-secret")
    create_root_secret_file(coming, owner_of=file)
    return coming


def finish(state_dir: Path, file: Path) -> bool:
    """Put the next root secret in the place of `file`, once everything is under it; whether there was one. An
    agent may run. Raises SecretFault."""
    coming = next_file(file)
    try:
        if not coming.exists():
            return False
        if not is_under(state_dir, load_root_secret(SecretSource(file=coming))):
            raise SecretFault(f"not everything is under {coming} yet: restart the agent first")
        put_in_place(coming, file)
    except OSError as error:
        raise SecretFault(f"cannot finish: {error}; do it as root, or as whoever owns {file}") from None
    return True


def root_of(state_dir: Path, source: SecretSource) -> RootSecret:
    """The root secret under which the enrolment is, or is to be; also in the middle of a change. What is made
    with it is moved by the next start. Raises SecretFault."""
    coming = next_of(source)
    if is_there(coming):
        with suppress(SecretFault):  # one that cannot be used is nobody's yet
            if is_under(state_dir, new := load_root_secret(coming)):
                return new
    return load_root_secret(source)


def put_in_place(coming: Path, file: Path) -> None:
    """Let the next root secret be the root secret, durably; that of before is overwritten where it lies, as
    far as the file belongs to us. Raises OSError; both are there then."""
    if not os.access(file.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file.parent))
    before = _opened_to_overwrite(file)
    try:
        coming.replace(file)
        sync_directory(file.parent)
        if before is not None:
            os.write(before, bytes(os.fstat(before).st_size))
            os.fsync(before)
    finally:
        if before is not None:
            os.close(before)


def _opened_to_overwrite(file: Path) -> int | None:
    try:
        reading = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fchmod(reading, 0o600)
        finally:
            os.close(reading)
        return os.open(file, os.O_WRONLY | os.O_NOFOLLOW)
    except OSError:  # gone already, or somebody else's
        return None
