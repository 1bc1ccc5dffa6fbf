"""The local control socket: one thread that turns lines into `Asked` values and answers into lines.

A line is one JSON object. In: `{"id", "verb", "args"}`. Out: `{"id", "ok": true, "result"}` or
`{"id", "ok": false, "error": {"code", "message"}}`; a stream goes on with `{"id", "event"}` lines until
the client closes. Who may connect is decided by mode and group of the socket file.
"""

import logging
import queue
import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent.asked import Answer, Asked
from agent.control_address import ControlFault, listen
from agent.control_connection import Connection, Request

__all__ = ["Answer", "Asked", "ControlFault", "ControlSocket"]

log = logging.getLogger(__name__)

CLIENT_LIMIT = 16


class ControlSocket:
    """Offers the socket from `start` to `stop`; both are called on the controller thread."""

    def __init__(self, path: Path, group: str | None, post: Callable[[Asked], None]) -> None:
        """`post` puts on the controller's inbox and never blocks. Without `group` the socket is for the
        agent's own user (mode 0600), with it for the members of that group too (0660)."""
        self._path = path
        self._group = group
        self._post = post
        self._outbox: queue.SimpleQueue[tuple[Connection, Answer, dict[str, Any]]] = queue.SimpleQueue()
        self._waker, self._wakened = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._connections: dict[socket.socket, Connection] = {}
        self._turn = 0
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)

    def start(self) -> None:
        """Begin to listen; `ControlFault` if that is impossible.

        The caller holds the lock of the state directory: a socket found at the path belongs to nobody.
        """
        self._listener = listen(self._path, self._group)
        self._waker.setblocking(False)
        self._wakened.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wakened, selectors.EVENT_READ)
        self._thread.start()

    def stop(self) -> None:
        """Close every connection, end the thread, remove the socket. May be called twice."""
        if self._thread.ident is None or self._is_stopping:
            return
        self._is_stopping = True
        self._wake()
        self._thread.join(2)
        self._path.unlink(missing_ok=True)

    # Called by answers, on the controller thread.

    def _send(self, connection: Connection, answer: Answer, line: dict[str, Any]) -> None:
        self._outbox.put((connection, answer, line))
        self._wake()

    def _wake(self) -> None:
        with suppress(OSError):  # full: the thread is awake already; closed: nobody waits any more
            self._waker.send(b"\0")

    # The control thread.

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                for key, events in self._selector.select():
                    self._serve(key.fileobj, events)
            self._deliver()
        except Exception:  # a bug here may cost the socket, never the door
            log.exception("the control socket failed; the door goes on, lockctl works after a restart")
        finally:
            self._close()

    def _serve(self, source: Any, events: int) -> None:
        if source is self._listener:
            self._accept()
        elif source is self._wakened:
            self._deliver()
        elif source in self._connections:
            connection = self._connections[source]
            if events & selectors.EVENT_READ:
                connection.read()
            self._continue(connection)

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except OSError as error:  # the client is gone again
            log.warning("a client could not be accepted at %s: %s", self._path, error)
            return
        connection = Connection(peer)
        if len(self._connections) >= CLIENT_LIMIT and not self._drop_the_longest_idle():
            connection.refuse("busy", f"{CLIENT_LIMIT} clients are being served; close one of them")
            connection.close()
            return
        self._connections[peer] = connection
        self._touch(connection)
        self._selector.register(peer, selectors.EVENT_READ)

    def _drop_the_longest_idle(self) -> bool:
        """Clients that ask nothing make room for one that might."""
        idle = [connection for connection in self._connections.values() if connection.answer is None]
        if idle:
            self._drop(min(idle, key=lambda connection: connection.last_turn))
        return bool(idle)

    def _touch(self, connection: Connection) -> None:
        self._turn += 1
        connection.last_turn = self._turn

    def _deliver(self) -> None:
        with suppress(BlockingIOError):
            while self._wakened.recv(4096):
                pass
        while not self._outbox.empty():
            connection, answer, line = self._outbox.get()
            if connection.answer is answer:  # else the client is gone
                connection.deliver(line)
                self._continue(connection)

    def _continue(self, connection: Connection) -> None:
        """After any change: write what the client can take, take its next request, or let it go."""
        connection.write()
        request = connection.next_request()
        if request is not None:
            self._ask(connection, request)
        if connection.is_done:
            self._drop(connection)
        else:
            self._select(connection)

    def _ask(self, connection: Connection, request: Request) -> None:
        answer = Answer(lambda line: self._send(connection, answer, line), request.id)
        connection.ask(request.verb, answer)
        self._touch(connection)
        self._post(Asked(request.verb, request.args, answer))

    def _select(self, connection: Connection) -> None:
        reading = selectors.EVENT_READ if connection.wants_read else 0
        wanted = reading | (selectors.EVENT_WRITE if connection.wants_write else 0)
        is_selected = connection.peer in self._selector.get_map()
        if wanted and is_selected:
            self._selector.modify(connection.peer, wanted)
        elif wanted:
            self._selector.register(connection.peer, wanted)
        elif is_selected:  # it said its last word and waits for the controller
            self._selector.unregister(connection.peer)

    def _drop(self, connection: Connection) -> None:
        if connection.peer in self._selector.get_map():
            self._selector.unregister(connection.peer)
        self._connections.pop(connection.peer, None)
        connection.close()

    def _close(self) -> None:
        for connection in list(self._connections.values()):
            self._drop(connection)
        self._selector.close()
        for end in (self._listener, self._waker, self._wakened):
            end.close()
