"""One agent per state directory: an flock taken before anything in it is opened."""

import fcntl
import os
from pathlib import Path

from agent.errors import StateDirBusy


class StateDirLock:
    """Holds the directory until `release`, or until the process ends however it ends."""

    def __init__(self, state_dir: Path) -> None:
        """Take the lock, creating the directory (mode 0700). Raises StateDirBusy when it is taken."""
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(state_dir / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise StateDirBusy(
                f"{state_dir} belongs to a running lock-agent (process {holder}); "
                "stop that one first, or give this one a state_dir of its own"
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let another agent have the directory."""
        os.close(self._file)
