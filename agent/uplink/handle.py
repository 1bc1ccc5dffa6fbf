"""The uplink as the controller holds it: calls that only put an order on a queue, and a thread behind it."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from agent.enrolment import Enrolment
from agent.messages import Codes, Request, Status, UplinkSignal
from agent.uplink.backoff import Backoff
from agent.uplink.delivery import Delivery
from agent.uplink.orders import Acked, JournalGrew, Order, Rekey, Rows, Send, Settle, Stop

if TYPE_CHECKING:  # the real import is the thread's, see _run
    from agent.uplink.transport import TransportEvent

MESSAGES_A_START = 1 << 40
"""More than one start ever sends."""

_log = logging.getLogger(__name__)


def boottime_s() -> float:
    """Seconds since boot, suspended time included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkSnapshot:
    """How the uplink is doing. `since_s`: the `now` it went up or down; `attempts`: failures in a row."""

    is_up: bool
    since_s: float
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkClock:
    """What the uplink knows of time: `now`, the best guess of Unix time, and whether that may judge others.

    All three are called on the uplink's threads."""

    now: Callable[[], float] = boottime_s
    wall: Callable[[], float] = time.time
    is_trusted: Callable[[], bool] = lambda: True


@dataclass(slots=True, kw_only=True)
class Memory:
    """What outlives a session: the last state to publish, and how far the journal has got."""

    delivery: Delivery
    numbers: Iterator[int]
    """Of the messages that this lock sends; they rise over all its starts."""
    status: Status | None = None
    codes: Codes | None = None
    connections: int = 0
    snapshot: UplinkSnapshot


class Uplink:
    """The line to the cloud. Every method may be called from any thread and returns at once; none raises for
    the network's faults. What it has to say it says through `post`, from its own thread."""

    def __init__(
        self,
        enrolment: Enrolment,
        post: Callable[[UplinkSignal], None],
        *,
        journal_epoch: str,
        acked_seq: int = 0,
        last_seq: int = 0,
        start: int = 0,
        backoff: Backoff | None = None,
        clock: UplinkClock | None = None,
    ) -> None:
        """Nothing happens before `start()`. `acked_seq` and `last_seq` are where the journal stands now; the
        number `start` is higher than for any uplink of this journal before."""
        self._enrolment = enrolment
        self._post = post
        self._backoff = backoff or Backoff()
        self._clock = clock or UplinkClock()
        self._inbox: SimpleQueue[Order | TransportEvent] = SimpleQueue()
        self._memory = Memory(
            delivery=Delivery(journal_epoch, acked_seq, last_seq),
            numbers=itertools.count(start * MESSAGES_A_START),
            snapshot=UplinkSnapshot(
                is_up=False, since_s=self._clock.now(), attempts=0, reason="not tried yet"
            ),
        )
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    def start(self) -> None:
        """Begin to connect, and go on trying for as long as it takes."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the session; the broker then says that this lock is offline. Waits for up to `timeout_s`."""
        self._is_stopping.set()
        self._inbox.put(Stop())
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def status(self, fields: dict[str, Any]) -> None:
        """Publish this state, retained, now and at each connection: the fields of `Status` but `online`,
        `sid` and `device_time`, which the uplink knows. Raises TypeError for a field that Status lacks."""
        self._inbox.put(Status(online=True, sid="", **fields))

    def codes(self, codes: Codes) -> None:
        """Publish what the lock holds, retained, now and at each connection."""
        self._inbox.put(codes)

    def request(self, request: Request) -> None:
        """Ask the cloud something. Dropped when the uplink is down: ask again when it comes up."""
        self._inbox.put(Send(request))

    def journal_grew(self, last_seq: int) -> None:
        """There are journal rows up to `last_seq`."""
        self._inbox.put(JournalGrew(last_seq))

    def rows(self, after_seq: int, rows: list[dict[str, Any]]) -> None:
        """Answer a `RowsWanted`: the rows after `after_seq` as they travel, oldest first; may be empty."""
        self._inbox.put(Rows(after_seq, rows))

    def acked(self, upto: int) -> None:
        """The cloud holds the journal up to `upto`, and that is durable here."""
        self._inbox.put(Acked(upto))

    def settle(self, token: int) -> None:
        """The message posted with this token is dealt with. Each one must be settled, believed or not; the
        broker holds back more when ten are waiting."""
        self._inbox.put(Settle(token))

    def rekey(self, enrolment: Enrolment) -> None:
        """Other keys count from now on; what was said before stays said."""
        self._enrolment = enrolment
        self._inbox.put(Rekey(enrolment))

    def snapshot(self) -> UplinkSnapshot:
        """How it is doing now."""
        return self._memory.snapshot

    def _run(self) -> None:
        # Imported here, on this thread: 150 ms that the keypad need not wait for.
        from agent.uplink.session import Session

        for failures in itertools.count(1):
            session = Session(
                self._enrolment,
                self._post,
                self._inbox,
                self._memory,
                backoff=self._backoff,
                clock=self._clock,
            )
            try:
                session.run()
            except Exception:  # noqa: BLE001 - a bug here must cost the session, not the uplink or the door
                _log.exception("the uplink failed and starts afresh")
                session.abandon()
            else:
                return
            if self._is_stopping.wait(self._backoff.delay_s(failures)):
                return
