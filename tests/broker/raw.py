"""A client that sends whatever bytes a test wants."""

import socket
import ssl
from pathlib import Path
from types import TracebackType

from cloud_sim.mqtt5 import Connack, Connect, Frames, Packet, decode, encode
from tests.broker.certificates import Files

TIMEOUT_S = 10.0


class RawClient:
    """A TLS connection and the packets that came over it. Use it as a context manager."""

    def __init__(self, ca: Path, certificate: Files, port: int) -> None:
        context = ssl.create_default_context(cafile=str(ca))
        context.load_cert_chain(certificate.certificate, certificate.key)
        plain = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self._frames = Frames(1 << 20)
        self._packets: list[Packet] = []

    def send(self, *what: Packet | bytes) -> None:
        self._socket.sendall(b"".join(one if isinstance(one, bytes) else encode(one) for one in what))

    def receive(self) -> Packet | None:
        """The next packet; None when the broker has closed the connection."""
        while not self._packets:
            data = self._received()
            if not data:
                return None
            self._packets += [decode(frame) for frame in self._frames.feed(data)]
        return self._packets.pop(0)

    def connect(self, packet: Connect) -> Connack:
        self.send(packet)
        answer = self.receive()
        assert isinstance(answer, Connack)
        return answer

    def _received(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except ConnectionError:
            return b""

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
