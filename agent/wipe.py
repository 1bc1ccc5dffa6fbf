"""Takes a lock out of its owner's hands: tells the cloud, then leaves nothing on it that could be read.

The root secret goes first. Without it nothing of the rest can be opened any more, whatever a flash card
keeps of files that were deleted.
"""

import os
import queue
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from agent.enrolment import Enrolment
from agent.messages import HeartbeatReceived, Request, UplinkChanged, UplinkSignal
from agent.root_change import next_file

TELL_WITHIN_S = 15.0


class WipeFault(Exception):
    """Something could not be removed; the message says what, and what to do."""


def tell_cloud(enrolment: Enrolment, within_s: float = TELL_WITHIN_S) -> bool:
    """Have the cloud forget the keys of this lock; whether it confirmed that in time. Blocks."""
    from agent.uplink import Uplink, UplinkClock

    heard: queue.SimpleQueue[UplinkSignal] = queue.SimpleQueue()
    nonce = secrets.token_hex(16)
    # A life of its own for the numbers of messages: the database is none of our business any more.
    clock = UplinkClock(is_trusted=lambda: False)
    uplink = Uplink(enrolment, heard.put, journal_epoch=secrets.token_hex(8), clock=clock)
    uplink.start()
    try:
        return _is_confirmed(uplink.request, heard, nonce, time.monotonic() + within_s)
    finally:
        uplink.stop()


def _is_confirmed(
    ask: Callable[[Request], None], heard: "queue.SimpleQueue[UplinkSignal]", nonce: str, deadline: float
) -> bool:
    while (left_s := deadline - time.monotonic()) > 0:
        try:
            signal = heard.get(timeout=left_s)
        except queue.Empty:
            break
        match signal:
            case UplinkChanged(is_up=True):
                ask(Request(type="retire", nonce=nonce))
            case HeartbeatReceived() if signal.heartbeat.nonce == nonce:
                return True
    return False


def wipe(state_dir: Path, root_secret_file: Path | None) -> None:
    """Make the root secret, and the next one if there is one, unreadable, then remove everything in
    `state_dir`, durably. Again is harmless: a power cut in between is mended by doing it once more. Raises
    WipeFault."""
    for secret in (root_secret_file, next_file(root_secret_file)) if root_secret_file is not None else ():
        if secret.exists():
            _overwrite(secret)
    for path in sorted(state_dir.iterdir()) if state_dir.exists() else ():
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError as error:
            raise WipeFault(
                f"cannot remove {path}: {error.strerror}; remove it, and run this again"
            ) from None
    if state_dir.exists():
        _sync(state_dir)


def _overwrite(secret: Path) -> None:
    """Zeros in the place of the secret; the name may be in a directory that is not ours."""
    try:
        secret.chmod(0o600)
        size = secret.stat().st_size
        descriptor = os.open(secret, os.O_WRONLY)
        try:
            os.write(descriptor, b"\0" * size)
            os.ftruncate(descriptor, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if os.access(secret.parent, os.W_OK):
            secret.unlink()
            _sync(secret.parent)
    except OSError as error:
        raise WipeFault(
            f"cannot overwrite the root secret {secret}: {error.strerror}; remove it, and run this again"
        ) from None


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
