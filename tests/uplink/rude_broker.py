"""A broker that speaks just enough MQTT 5 to get a lock connected, and then misbehaves as told."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cloud_sim.broker.tls import TlsFiles, server_context
from tests.uplink.clouds import DEVICE, Authority

CONNECT, PUBLISH, PUBACK, SUBSCRIBE = 0x10, 0x30, 0x40, 0x80
CONNACK_OK = bytes.fromhex("2003000000")
CONNACK_NOT_AUTHORIZED = bytes.fromhex("2003008700")

Manners = Callable[["RudeBroker", socket.socket], None]


def publish(payload: bytes, *, mid: int = 1, topic: bytes = b"", qos: int = 1) -> bytes:
    """A PUBLISH packet to the lock, by default on `down/ack`."""
    name = topic or f"lock/v1/{DEVICE}/down/ack".encode()
    body = len(name).to_bytes(2, "big") + name + (mid.to_bytes(2, "big") if qos else b"") + b"\0" + payload
    return bytes([PUBLISH | qos << 1]) + length(len(body)) + body


def length(size: int) -> bytes:
    """MQTT's variable byte integer."""
    out = b""
    while True:
        size, digit = divmod(size, 128)
        out += bytes([digit | 0x80 * bool(size)])
        if not size:
            return out


class RudeBroker:
    """Serves one connection after the other. `connack` answers the CONNECT; `manners` runs once the lock has
    subscribed; after that it reads and answers nothing, unless `is_acknowledging`."""

    def __init__(
        self, directory: Path, authority: Authority, manners: Manners, connack: bytes = CONNACK_OK
    ) -> None:
        authority.write_server(directory)
        files = TlsFiles(
            ca=directory / "ca.pem", certificate=directory / "broker.pem", key=directory / "broker-key.pem"
        )
        self._tls = server_context(files)
        self._manners = manners
        self.connack = connack
        self.connections = 0
        self.packets: list[bytes] = []
        """What the lock sent, each with its first byte and its body."""
        self.is_acknowledging = True
        self.after_puback = b""
        """What to send each time the lock has acknowledged something."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtts://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def pubacked(self) -> list[int]:
        """The mids of what the lock has acknowledged, in order."""
        return [int.from_bytes(each[1:3], "big") for each in list(self.packets) if each[0] == PUBACK]

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError), self._tls.wrap_socket(plain, server_side=True) as lock:
                self.connections += 1
                self._converse(lock)

    def _converse(self, lock: ssl.SSLSocket) -> None:
        with lock.makefile("rb") as stream:
            while first := stream.read(1):
                size = shift = 0
                while True:
                    digit = stream.read(1)[0]
                    size |= (digit & 127) << shift
                    shift += 7
                    if digit < 128:
                        break
                packet = first + stream.read(size)
                self.packets.append(packet)
                self._answer(lock, packet)

    def _answer(self, lock: ssl.SSLSocket, packet: bytes) -> None:
        kind = packet[0] & 0xF0
        if kind == CONNECT:
            lock.sendall(self.connack)
        elif kind == SUBSCRIBE:
            lock.sendall(b"\x90\x07" + packet[1:3] + b"\0" + b"\1" * 4)
            self._manners(self, lock)
        elif kind == PUBACK:
            lock.sendall(self.after_puback)
        elif kind == PUBLISH and self.is_acknowledging:
            name_end = 3 + int.from_bytes(packet[1:3], "big")
            lock.sendall(b"\x40\x02" + packet[name_end : name_end + 2])
