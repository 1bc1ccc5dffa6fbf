"""One client of the control socket: its lines in, its lines out, and the one request it waits for."""

import socket
from contextlib import suppress
from typing import Any

import msgspec

from agent.asked import Answer

LINE_LIMIT_BYTES = 64 * 1024
"""The longest line a client may send; also all it may send ahead of its answers."""
BACKLOG_LIMIT_BYTES = 1024 * 1024
"""What a stream may be behind before its client is let go."""
STREAMS = frozenset({"watch"})


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line from a client."""

    verb: str
    id: int | str | None = None
    args: dict[str, Any] = {}  # msgspec copies an empty default for each request


class Connection:
    """Only the control thread uses it. It never blocks; a fault of the client ends the connection."""

    def __init__(self, peer: socket.socket) -> None:
        peer.setblocking(False)
        self.peer = peer
        self.answer: Answer | None = None
        """Of the request the client waits for; further lines wait until it is answered and taken."""
        self.last_turn = 0
        self._is_streaming = False
        self._has_ended = False
        self._is_broken = False
        self._incoming = bytearray()
        self._outgoing = bytearray()

    @property
    def wants_read(self) -> bool:
        """More may come from the client."""
        return not self._has_ended

    @property
    def wants_write(self) -> bool:
        """The client has not taken everything yet."""
        return bool(self._outgoing)

    @property
    def is_done(self) -> bool:
        """There is nothing more to be had from this client, or to be given to it."""
        if self._is_broken or (self._has_ended and self._is_streaming):
            return True
        return self._has_ended and self.answer is None and not self._outgoing

    def read(self) -> None:
        """Take what the client sent."""
        try:
            data = self.peer.recv(LINE_LIMIT_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._is_broken = True
            return
        self._has_ended = not data
        if not self._is_streaming:  # whoever streams has nothing more to say
            self._incoming += data

    def next_request(self) -> Request | None:
        """The next request, once the one before is answered and the answer taken. Bad lines are answered."""
        while self.answer is None and not self._outgoing and not self._is_broken:
            line, newline, rest = self._incoming.partition(b"\n")
            if not newline:
                break
            self._incoming = rest
            try:
                return msgspec.json.decode(line, type=Request)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self.refuse("bad_request", f'a line must be {{"id", "verb", "args"}} in JSON: {error}')
        if len(self._incoming) > LINE_LIMIT_BYTES:
            self.refuse("line_too_long", f"send at most {LINE_LIMIT_BYTES} bytes before reading the answer")
            self._is_broken = True
        return None

    def ask(self, verb: str, answer: Answer) -> None:
        """Note that the client now waits for `answer`."""
        self.answer = answer
        self._is_streaming = verb in STREAMS

    def deliver(self, line: dict[str, Any]) -> None:
        """Queue a line for the client; the last one of a request frees it for its next."""
        if self._is_streaming and len(self._outgoing) > BACKLOG_LIMIT_BYTES:
            self._is_broken = True
            return
        if not self._is_streaming or line.get("ok") is False:
            self.answer = None
            self._is_streaming = False
        try:
            self._outgoing += msgspec.json.encode(line) + b"\n"
        except (TypeError, ValueError) as error:
            self.refuse("internal", f"the answer cannot be written as JSON: {error}", line.get("id"))

    def refuse(self, code: str, message: str, request_id: int | str | None = None) -> None:
        """Queue an error that does not come from the controller, and try to send it."""
        error = {"code": code, "message": message}
        self._outgoing += msgspec.json.encode({"id": request_id, "ok": False, "error": error}) + b"\n"
        self.write()

    def write(self) -> None:
        """Give the client what it can take now."""
        try:
            while self._outgoing:
                del self._outgoing[: self.peer.send(self._outgoing)]
        except BlockingIOError:
            return
        except OSError:
            self._is_broken = True

    def close(self) -> None:
        """Let the client go; whoever answers it can see that, and what is still on its way is dropped."""
        if self.answer is not None:
            self.answer.closed = True
            self.answer = None
        with suppress(OSError):  # it may have gone first
            self.peer.shutdown(socket.SHUT_RDWR)
        self.peer.close()
