"""What carries the bytes of a line: a serial port, or a TCP connection to a converter."""

import fcntl
import os
import socket
import termios
from types import TracebackType
from typing import Literal, Protocol, Self
from urllib.parse import urlsplit

import serial
from serial.rs485 import RS485Settings

Direction = Literal["auto", "rts-high", "rts-low"]
"""How an RS-485 driver is switched to sending: by itself, or by the kernel with RTS high or low meanwhile."""
_TCP = "tcp"
_CONNECT_S = 1.0
_WRITE_S = 0.5
_UNACKNOWLEDGED_MS = 2000
_AT_ONCE = 4096


class Transport(Protocol):
    """An open port. Everything raises OSError when the port is of no use any more."""

    def __enter__(self) -> Self:
        """Itself."""

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""

    def fileno(self) -> int:
        """For `select`: readable when there are bytes, or an end."""

    def read(self) -> bytes:
        """What there is; not empty."""

    def write(self, data: bytes) -> None:
        """Send all of it, soon."""

    def discard(self) -> None:
        """Throw away what was written and has not been sent: it would come too late."""


def tcp_address(port: str) -> tuple[str, int] | None:
    """Host and port of `tcp://host:port`; None if `port` is a device. Raises ValueError if it is neither."""
    if "://" not in port:
        return None
    host, number = _parts(port)
    if not host or not number:
        raise ValueError(f"port {port!r} is neither a device nor tcp://HOST:PORT")
    return host, number


def _parts(port: str) -> tuple[str | None, int | None]:
    url = urlsplit(port)
    is_bare = url.scheme == _TCP and url.path in ("", "/") and not (url.username or url.query or url.fragment)
    try:
        return (url.hostname, url.port) if is_bare else (None, None)
    except ValueError:  # a port beyond 65535
        return None, None


def open_transport(port: str, baud: int, direction: Direction) -> Transport:
    """Open it; blocks for a second at most, besides the look-up of a name. Raises OSError."""
    address = tcp_address(port)
    return SerialPort(port, baud, direction) if address is None else TcpPort(*address)


class SerialPort:
    """A device of this machine, for this program alone."""

    def __init__(self, port: str, baud: int, direction: Direction) -> None:
        self._serial = serial.Serial(port, baud, timeout=0, write_timeout=_WRITE_S, exclusive=True)
        if direction != "auto":
            self._let_kernel_turn(is_high=direction == "rts-high")

    def _let_kernel_turn(self, *, is_high: bool) -> None:
        try:
            self._serial.rs485_mode = RS485Settings(rts_level_for_tx=is_high, rts_level_for_rx=not is_high)
        except ValueError as fault:
            self._serial.close()
            raise OSError(
                f"its driver does not switch the direction, set direction = 'auto': {fault}"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._serial.close()

    def fileno(self) -> int:
        """See `Transport`; likewise the rest."""
        return int(self._serial.fileno())

    def read(self) -> bytes:
        """Bytes of the line."""
        return _not_ended(os.read(self.fileno(), _AT_ONCE))

    def write(self, data: bytes) -> None:
        """Blocks for half a second at most."""
        self._serial.write(data)

    def discard(self) -> None:
        """What the adapter has not got yet."""
        self._serial.reset_output_buffer()


class TcpPort:
    """A connection to a converter between TCP and RS-485, which has its own settings for the line."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), _CONNECT_S)
        # Small packets go at once; whoever is gone is noticed; and a close throws away what is under way.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self._socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """See `Transport`; likewise the rest."""
        return self._socket.fileno()

    def read(self) -> bytes:
        """Bytes of the line."""
        return _not_ended(self._socket.recv(_AT_ONCE))

    def write(self, data: bytes) -> None:
        """Never blocks: what cannot go now would come late."""
        if self._socket.send(data) < len(data):
            raise OSError("the connection is stuck")

    def discard(self) -> None:
        """What has been given to the network cannot be taken back, but the connection can end."""
        unacknowledged = int.from_bytes(fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4)), "little")
        if unacknowledged:
            raise OSError("what was sent did not arrive")


def _not_ended(data: bytes) -> bytes:
    if not data:
        raise OSError("the other end is gone")
    return data
