"""The clocks of the host: time since boot, wall time, which boot this is, and whether NTP answers for it."""

import time
from pathlib import Path
from typing import Protocol

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
"""Touched by systemd-timesyncd at each synchronisation; /run is empty after a boot."""


class Clocks(Protocol):
    """What the controller needs of time. All in seconds."""

    boot: str
    """Names this boot; times since boot compare within one only."""

    def now(self) -> float:
        """Since boot, suspend included; never goes back."""

    def wall(self) -> float:
        """Unix time as the host believes it."""

    def ntp_wall(self) -> float | None:
        """Unix time if the host says that it is synchronised."""


class HostClock:
    """The real clocks of this machine (Linux)."""

    def __init__(self) -> None:
        """Read the boot id once."""
        self.boot = _BOOT_ID.read_text("ascii").strip()

    def now(self) -> float:
        """See `Clocks.now`."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """See `Clocks.wall`."""
        return time.time()

    def ntp_wall(self) -> float | None:
        """See `Clocks.ntp_wall`. Reads a file: a tight sandbox closes `adjtimex`."""
        return time.time() if _SYNCHRONIZED.exists() else None


def read_rtc(path: Path) -> int | None:
    """What a hardware clock shows (sysfs `since_epoch`), Unix seconds; None if it shows nothing."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
