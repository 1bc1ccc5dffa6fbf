"""The control connections of a virtual board: one JSON object a line in and out, on the loopback only."""

import contextlib
import json
import selectors
import socket
from collections.abc import Callable
from typing import Any

from firmware_sim.board_requests import AnyRequest, BadRequest, Watch, read_request

_LONGEST_LINE = 65536
_LONGEST_BACKLOG = 4 * 1024 * 1024
"""A watcher that does not read is dropped beyond this, rather than kept in memory."""


class Client:
    """One connection. Bytes wait here in both directions."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.received = b""
        self.to_send = b""
        self.is_watching = False

    def take_lines(self) -> list[bytes]:
        """The whole lines received so far."""
        *lines, self.received = self.received.split(b"\n")
        return [line for line in lines if line.strip()]


class BoardServer:
    """Answers through `answer`, which runs on the loop's thread and must not block."""

    def __init__(
        self, port: int, selector: selectors.BaseSelector, answer: Callable[[AnyRequest], dict[str, Any]]
    ) -> None:
        self._selector = selector
        self._answer = answer
        self._clients: set[Client] = set()
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, lambda _: self._accept())
        self.port: int = self._listener.getsockname()[1]

    def is_watched(self) -> bool:
        """Whether anybody wants to hear of changes."""
        return any(client.is_watching for client in self._clients)

    def tell(self, state: dict[str, Any]) -> None:
        """Send `state` to all who watch."""
        for client in [client for client in self._clients if client.is_watching]:
            self._send(client, {"ok": True, **state})

    def close(self) -> None:
        """End all connections."""
        for client in list(self._clients):
            self._drop(client)
        self._selector.unregister(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        client = Client(connection)
        self._clients.add(client)
        self._selector.register(connection, selectors.EVENT_READ, lambda mask: self._serve(client, mask))

    def _serve(self, client: Client, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                self._flush(client)
            if mask & selectors.EVENT_READ:
                self._read(client)
        except OSError:
            self._drop(client)

    def _read(self, client: Client) -> None:
        data = client.connection.recv(65536)
        client.received += data
        for line in client.take_lines():
            self._send(client, self._answered(client, line))
        if not data or len(client.received) > _LONGEST_LINE:
            self._drop(client)

    def _answered(self, client: Client, line: bytes) -> dict[str, Any]:
        try:
            request = read_request(line)
        except BadRequest as refusal:
            return {"ok": False, "error": str(refusal)}
        answer = self._answer(request)
        client.is_watching = client.is_watching or isinstance(request, Watch)
        return {"ok": True, **answer}

    def _send(self, client: Client, message: dict[str, Any]) -> None:
        client.to_send += json.dumps(message).encode() + b"\n"
        try:
            self._flush(client)
        except OSError:
            self._drop(client)

    def _flush(self, client: Client) -> None:
        with contextlib.suppress(BlockingIOError):
            sent = client.connection.send(client.to_send)
            client.to_send = client.to_send[sent:]
        if len(client.to_send) > _LONGEST_BACKLOG:
            self._drop(client)
        elif client in self._clients:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.to_send else 0)
            data = self._selector.get_key(client.connection).data
            self._selector.modify(client.connection, events, data)

    def _drop(self, client: Client) -> None:
        if client in self._clients:
            self._clients.remove(client)
            self._selector.unregister(client.connection)
            client.connection.close()
