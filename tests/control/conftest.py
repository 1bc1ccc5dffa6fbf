"""A real control socket with the smallest possible controller behind it: an inbox and a loop."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.control import Asked, ControlSocket


class SmallController:
    """Answers `echo`, `fail` and `odd`, keeps `watch` streams and `never` for the test to look at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inbox: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self.kept: list[Asked] = []
        self.control = ControlSocket(path, None, self.inbox.put)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while (asked := self.inbox.get()) is not None:
            self._handle(asked)

    def _handle(self, asked: Asked) -> None:
        match asked.verb:
            case "echo":
                asked.answer(asked.args)
            case "big":
                asked.answer({"text": "x" * int(asked.args["size"])})
            case "odd":
                asked.answer({"not_json": object()})
            case "watch":
                asked.answer({})
                self.kept.append(asked)
            case "never":
                self.kept.append(asked)
            case _:
                asked.answer.refuse("unknown_verb", f"there is no verb {asked.verb!r}")

    def tell(self, **event: Any) -> None:
        """One event to every kept stream, as the controller thread would."""
        for asked in self.kept:
            asked.answer(event)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[SmallController]:
    small = SmallController(tmp_path / "control.sock")
    small.control.start()
    small.thread.start()
    yield small
    small.control.stop()
    small.inbox.put(None)
    small.thread.join(5)
