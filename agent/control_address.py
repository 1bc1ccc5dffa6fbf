"""The file of the control socket: its address, and who may open it."""

import grp
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ADDRESS_LIMIT_BYTES = 107
"""Longest path that fits a unix socket address (`sun_path`, unix(7))."""
BACKLOG = 128
"""Clients that may wait to be accepted: beyond that a client is turned away by the kernel (EAGAIN)."""


class ControlFault(Exception):
    """The control socket cannot be offered as configured; the text says what to mend."""


@contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """`path` as a socket address; one that is too long goes by way of its open directory."""
    if len(os.fsencode(path)) <= ADDRESS_LIMIT_BYTES:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def listen(path: Path, group: str | None) -> socket.socket:
    """A listening, non-blocking socket at `path` that only its owner, or also `group`, may open.

    A socket left there by a dead agent is replaced; anything else there is left alone. `ControlFault`.
    """
    group_id = _group_id(group)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        with socket_address(path) as address:
            listener.bind(address)
        if group_id is not None:
            _give_to_group(path, group_id, group)
        path.chmod(0o600 if group_id is None else 0o660)
        listener.listen(BACKLOG)  # last: nobody can connect before the mode is right
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ControlFault(f"cannot offer the control socket {path}: {error.strerror}") from error
    except ControlFault:
        listener.close()
        raise
    return listener


def _group_id(group: str | None) -> int | None:
    if group is None:
        return None
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ControlFault(
            f"control_group: there is no group {group!r}; create it with `groupadd --system {group}`, "
            "or leave control_group out to let only the agent's own user in"
        ) from None


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlFault(
            f"control_socket: {path} exists and is not a socket; move it or choose another path"
        )
    path.unlink()


def _give_to_group(path: Path, group_id: int, group: str | None) -> None:
    try:
        os.chown(path, -1, group_id)
    except PermissionError as error:
        path.unlink()
        raise ControlFault(
            f"control_group: the agent's user may not give {path} to group {group!r}; "
            "add that user to the group, or leave control_group out"
        ) from error
