"""The client side of the control socket, for everything a technician runs next to the agent."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from agent.control_address import socket_address

DEFAULT_SOCKET = Path("/run/lock-agent/control.sock")
TIMEOUT_S = 5.0
SEE_LOG = "its log (`journalctl -u lock-agent`) says"


class AgentUnreachable(Exception):
    """Nobody answers at the socket; the text says what to do."""


class AgentRefused(Exception):
    """The agent answered that it cannot do it."""

    def __init__(self, code: str, message: str) -> None:
        """`code` is for programs, `message` for people."""
        super().__init__(message)
        self.code = code


class Client:
    """One connection to a running agent. Blocks, at most `timeout_s` for each answer. Use with `with`."""

    def __init__(self, path: Path, timeout_s: float = TIMEOUT_S) -> None:
        """Connect; `AgentUnreachable` with what to do when that is not possible."""
        self._path = path
        self._timeout_s = timeout_s
        self._socket = _connect(path, timeout_s)
        self._lines: BinaryIO = self._socket.makefile("rb")
        self._last_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, and with it a stream. May be called twice, and from another thread."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def ask(self, verb: str, args: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The result of `verb`; `AgentRefused` when the agent says no, `AgentUnreachable` when it is gone."""
        self._last_id += 1
        request = {"id": self._last_id, "verb": verb, "args": dict(args or {})}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            # It may have said why before it hung up, so the answer is read all the same.
            return _result(self._read(f"the agent closed the connection ({error.strerror})"))
        return _result(self._read("the agent closed the connection without an answer"))

    def stream(self, verb: str, args: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """The result of `verb`, then its events as they happen, until the agent or `close` ends it."""
        yield self.ask(verb, args)
        self._socket.settimeout(None)
        while True:
            yield self._read("the agent ended the stream; it was stopped, or this client read too slowly")[
                "event"
            ]

    def _read(self, when_closed: str) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except TimeoutError:
            raise AgentUnreachable(
                f"the agent at {self._path} took the question and did not answer in {self._timeout_s:g} s; "
                f"{SEE_LOG} what it is busy with"
            ) from None
        except (OSError, ValueError):  # reset, or closed by `close`
            line = b""
        if not line.endswith(b"\n"):
            raise AgentUnreachable(f"{when_closed}; {SEE_LOG} why")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    if not answer["ok"]:
        raise AgentRefused(answer["error"]["code"], answer["error"]["message"])
    result: dict[str, Any] = answer["result"]
    return result


def _connect(path: Path, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        with socket_address(path) as address:
            connection.connect(address)
    except OSError as error:
        connection.close()
        raise AgentUnreachable(_what_to_do(path, error)) from None
    return connection


def _what_to_do(path: Path, error: OSError) -> str:
    start = "start it with `systemctl start lock-agent`"
    match error:
        case FileNotFoundError():
            return (
                f"no agent at {path}: it is not running ({start}), or its socket is elsewhere (--socket PATH)"
            )
        case PermissionError():
            return (
                f"no permission to open {path}: join its group with `sudo usermod -aG lockctl $USER` "
                "and log in again, or use sudo"
            )
        case ConnectionRefusedError() if not path.is_socket():
            return f"{path} is not the socket of an agent; name that with --socket PATH"
        case ConnectionRefusedError():
            return f"nobody listens at {path}: the agent died or is stopping; {start}, and {SEE_LOG} why"
        case BlockingIOError():
            return f"too many clients want the agent at {path} at once; try again"
        case NotADirectoryError():
            return f"{path} is not the path of a socket: a part of it is a file"
        case _:
            return f"cannot connect to the agent at {path}: {error.strerror or error}"
