"""One thread that looks at all pins every 5 ms.

Not callbacks: one exception in a callback ends lgpio's only thread for all pins in silence, its debounce
loses releases, and an input that is looked at cannot be stale.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from queue import SimpleQueue

from hal.ports import LinkChanged, Post
from hal.scan import PERIOD_MS

PERIOD_S = PERIOD_MS / 1000
_FIRST_RETRY_S = 0.2
_LONGEST_RETRY_S = 5.0
_END_WITHIN_S = 2.0

_log = logging.getLogger(__name__)


class Polled(ABC):
    """What has to be looked at."""

    @abstractmethod
    def poll(self, now_s: float) -> bool:
        """Look, on the thread of the poller; True once it is known how the pins stand.

        Whatever it raises makes the unit fail for a while."""


@dataclass(slots=True)
class _Task:
    """One unit and how it is doing. Its thread alone touches the last three."""

    unit: str
    polled: Polled
    post: Post
    is_up: bool | None = None
    retry_s: float = _FIRST_RETRY_S
    again_at_s: float = 0.0

    def run(self, now_s: float) -> None:
        if now_s < self.again_at_s:
            return
        try:
            is_known = self.polled.poll(now_s)
        except Exception as error:  # noqa: BLE001 - libraries of pins raise what they like; others go on
            self._failed(now_s, f"{type(error).__name__}: {error}")
            return
        if is_known and not self.is_up:
            self.is_up, self.retry_s = True, _FIRST_RETRY_S
            self.post(LinkChanged(self.unit, True, "its pins are read"))

    def _failed(self, now_s: float, reason: str) -> None:
        self.again_at_s = now_s + self.retry_s
        self.retry_s = min(self.retry_s * 2, _LONGEST_RETRY_S)
        if self.is_up is not False:
            self.is_up = False
            _log.exception("the pins of %s cannot be used", self.unit)
            self.post(LinkChanged(self.unit, False, reason))


class Poller:
    """Units are added and removed on the controller's thread."""

    def __init__(self) -> None:
        self._changes: SimpleQueue[tuple[_Task, bool, threading.Event]] = SimpleQueue()
        self._tasks: dict[str, _Task] = {}
        self._thread: threading.Thread | None = None

    def add(self, unit: str, polled: Polled, post: Post) -> None:
        """Look at `polled` from now on; `post` hears when its pins fail and when they are back."""
        if unit in self._tasks:
            return
        self._tasks[unit] = task = _Task(unit, polled, post)
        self._changes.put((task, True, threading.Event()))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pins", daemon=True)
            self._thread.start()

    def remove(self, unit: str) -> None:
        """Look no more; when this returns, nobody touches its pins. Unknown units are gone already."""
        task = self._tasks.pop(unit, None)
        if task is None or self._thread is None:
            return
        gone = threading.Event()
        self._changes.put((task, False, gone))
        gone.wait(_END_WITHIN_S)
        if not self._tasks:
            self._thread.join(_END_WITHIN_S)
            self._thread = None

    def _run(self) -> None:
        running: list[_Task] = []
        due_s = time.monotonic()
        while self._take_changes(running):
            now_s = time.monotonic()
            for task in running:
                task.run(now_s)
            due_s = max(due_s + PERIOD_S, time.monotonic())  # after a pause, no samples in a row to catch up
            time.sleep(due_s - time.monotonic() if due_s > time.monotonic() else 0)

    def _take_changes(self, running: list[_Task]) -> bool:
        """Bring `running` up to date; False once the last unit was removed."""
        while not self._changes.empty() or not running:
            task, is_added, done = self._changes.get()
            if is_added:
                running.append(task)
            else:
                running.remove(task)
                done.set()
                if not running and self._changes.empty():
                    return False
        return True


POLLER = Poller()
"""Of this process, as its pins are."""
