"""The board's end of the serial line: a pseudo-terminal under a stable name, which can be cut or noisy."""

import contextlib
import os
import random
import tty
from pathlib import Path


class Wire:
    """Bytes to and from whoever opens `link`, as often as they like. Never blocks; one thread."""

    def __init__(self, link: Path) -> None:
        self.is_cut = False
        self.noise_rate = 0.0
        """Chance of each byte, in both directions, to be damaged or joined by a false one."""
        self._link = link
        # The other end stays open here too: otherwise the line would hang up whenever the agent closes it.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._target = os.ttyname(self._slave)
        fresh = link.with_name(link.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self._target)
        # One left behind by a board that was killed is replaced.
        fresh.replace(link)

    def fileno(self) -> int:
        """For a selector: readable when the agent has sent something."""
        return self._master

    def read(self) -> bytes:
        """What has arrived; nothing while the line is cut."""
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:
            return b""
        return b"" if self.is_cut else self._disturbed(data)

    def write(self, data: bytes) -> None:
        """Send; what does not fit because nobody listens is lost, as on a real line."""
        if data and not self.is_cut:
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, self._disturbed(data))

    def close(self) -> None:
        """Hang up, and take the name away if it is still ours."""
        with contextlib.suppress(OSError):
            if str(self._link.readlink()) == self._target:
                self._link.unlink()
        os.close(self._master)
        os.close(self._slave)

    def _disturbed(self, data: bytes) -> bytes:
        if not self.noise_rate:
            return data
        out = bytearray()
        for byte in data:
            if random.random() < self.noise_rate:
                if random.random() < 0.5:
                    out.append(random.randrange(256))
                else:
                    byte ^= 1 << random.randrange(8)
            out.append(byte)
        return bytes(out)
