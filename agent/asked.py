"""What somebody at the control socket asked, and the way back to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


class Answer:
    """The way back to whoever asked. Callable from the controller thread; never blocks, never raises.

    The first call is the result of the verb, later ones are events of its stream. Values are turned into
    JSON on the control thread, so they must not be changed afterwards.
    """

    __slots__ = ("_is_given", "_request_id", "_send", "closed")

    def __init__(self, send: Callable[[dict[str, Any]], None], request_id: int | str | None = None) -> None:
        """`send` takes one line as an object and must be callable from any thread."""
        self._send = send
        self._request_id = request_id
        self._is_given = False
        self.closed = False
        """The client is gone: a stream may end, nobody reads it."""

    def __call__(self, result: Mapping[str, Any]) -> None:
        """Answer with `result`, or with one more event when the result was given before."""
        if self._is_given:
            self._send({"id": self._request_id, "event": result})
        else:
            self._is_given = True
            self._send({"id": self._request_id, "ok": True, "result": result})

    def refuse(self, code: str, message: str) -> None:
        """Answer that it cannot be done; `message` says why and what to do instead."""
        self._is_given = True
        error = {"code": code, "message": message}
        self._send({"id": self._request_id, "ok": False, "error": error})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, posted to the controller's inbox. `args` may hold access codes: never in a repr."""

    verb: str
    args: Mapping[str, Any] = field(repr=False)
    answer: Answer = field(repr=False)
