"""The uplink's thread: one queue in, one connection at a time, and when to try again."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from queue import Empty, SimpleQueue

from agent.enrolment import Enrolment
from agent.envelope import OKPKey, Signer
from agent.messages import DOWN_STREAMS, Status, UplinkChanged, UplinkSignal, topic
from agent.uplink.backoff import Backoff
from agent.uplink.handle import Memory, UplinkClock, UplinkSnapshot
from agent.uplink.inbound import RETAINED_STREAMS, inbound_of
from agent.uplink.orders import Order, Rekey, Stop
from agent.uplink.outbox import Outbox
from agent.uplink.tls import client_context
from agent.uplink.traffic import Traffic
from agent.uplink.transport import Address, Arrived, Connection, Delivered, Ended, Opened, TransportEvent

ATTEMPT_S = 60.0
"""Longest a connection may take to come up: name, TCP, TLS, CONNACK, SUBACK."""
GOODBYE_S = 1.5
"""Longest to wait for a connection to end once it was closed."""
RENEWED = "this lock has other keys"

_log = logging.getLogger(__name__)


class Session:
    """Everything the uplink does, on one thread. Used until it fails; what must outlive it is in `Memory`."""

    def __init__(
        self,
        enrolment: Enrolment,
        post: Callable[[UplinkSignal], None],
        inbox: "SimpleQueue[Order | TransportEvent]",
        memory: Memory,
        *,
        backoff: Backoff,
        clock: UplinkClock,
    ) -> None:
        self._enrolment = enrolment
        self._post = post
        self._inbox = inbox
        self._memory = memory
        self._backoff = backoff
        self._clock = clock
        life = memory.delivery.journal_epoch
        self._outbox = Outbox(_signer(enrolment), clock.now, clock.wall, life, memory.numbers)
        self._traffic = Traffic(memory, self._outbox, inbound_of(enrolment), clock, post)
        self._connection: Connection | None = None
        self._checks_dates = True
        self._sid = ""
        self._up_since_s: float | None = None
        self._give_up_s: float | None = None
        """Set while a connection is coming up or ending."""
        self._early: list[Arrived] = []
        """What a resumed session brings before we are subscribed; bounded by the transport."""
        self._retry_s = clock.now()
        self._failures = 0

    def run(self) -> None:
        """Serve until told to stop."""
        while True:
            self._do_what_is_due(self._clock.now())
            item = self._next()
            if isinstance(item, Stop):
                self._say_goodbye()
                return
            if item is not None:
                self._handle(item)

    def abandon(self) -> None:
        """After a failure: leave nothing behind but `Memory`."""
        if self._connection is not None:
            self._connection.close("the uplink failed")
            self._connection.abandon()
        if self._up_since_s is not None:
            self._show_down("the uplink failed")

    def _next(self) -> "Order | TransportEvent | None":
        deadline = self._deadline()
        try:
            return self._inbox.get(timeout=max(0.0, deadline - self._clock.now()))
        except Empty:
            return None

    def _handle(self, item: "Order | TransportEvent") -> None:
        if isinstance(item, Opened | Arrived | Delivered | Ended):
            # What an earlier connection still has to say is about nothing that exists.
            if self._connection is not None and item.connection == self._memory.connections:
                self._heard(item, self._connection)
        elif isinstance(item, Rekey):
            self._rekey(item.enrolment)
        elif not isinstance(item, Stop):
            self._traffic.obey(item)

    def _rekey(self, enrolment: Enrolment) -> None:
        """Open with other keys from the next message on. With another identity the session ends as well, and
        the next one begins at once: with the other certificate, saying everything anew."""
        is_renewed = enrolment.terms.identity_kid != self._enrolment.terms.identity_kid
        self._enrolment = enrolment
        self._traffic.inbound = inbound_of(enrolment)
        if is_renewed:
            self._outbox.signer = _signer(enrolment)
            if self._connection is not None:
                self._end(self._connection, RENEWED, self._clock.now())

    def _end(self, connection: Connection, reason: str, now: float) -> None:
        connection.close(reason)
        self._traffic.close()
        self._give_up_s = now + GOODBYE_S

    def _heard(self, event: TransportEvent, connection: Connection) -> None:
        match event:
            case Opened():
                self._came_up(connection, event)
            case Arrived() if self._up_since_s is None:
                self._early.append(event)
            case Arrived() if self._give_up_s is None:
                self._traffic.arrived(event)
            case Delivered():
                self._traffic.delivered(event)
            case Ended():
                self._went_down(event.reason)

    def _deadline(self) -> float:
        if self._connection is None:
            return self._retry_s
        if self._give_up_s is not None:
            return self._give_up_s
        return min(self._traffic.deadlines())

    def _do_what_is_due(self, now: float) -> None:
        if self._connection is None:
            if now >= self._retry_s:
                self._connect(now)
        elif self._give_up_s is not None:
            if now >= self._give_up_s:
                self._connection.close("no answer from the broker")
                self._connection.abandon()
                self._went_down("no answer from the broker")
        elif reason := self._reason_to_close(self._connection, now):
            self._end(self._connection, reason, now)
        else:
            self._traffic.do_what_is_due(now)

    def _reason_to_close(self, connection: Connection, now: float) -> str:
        if not self._checks_dates and self._clock.is_trusted():
            # What could not be checked while connecting is checked as soon as somebody tells the time.
            self._checks_dates = True
            if not connection.is_certified_at(self._clock.wall()):
                return "the broker's certificate is not valid at this time"
        return self._traffic.complaint(now)

    def _connect(self, now: float) -> None:
        self._checks_dates = self._clock.is_trusted()
        self._sid = secrets.token_hex(8)
        try:
            address = self._address()
        except OSError as error:
            self._went_down(f"the certificates of the enrolment cannot be used: {error}")
            return
        # Signed now, while the key is at hand: the broker will publish it when it hears no more of us.
        will = self._outbox.signed("status", Status(online=False, sid=self._sid), self._sid)
        self._memory.connections += 1
        self._connection = Connection(
            self._memory.connections, address, will, self._inbox.put, self._clock.now
        )
        self._early.clear()
        self._give_up_s = now + ATTEMPT_S
        self._connection.open()

    def _address(self) -> Address:
        device_id = self._enrolment.device_id
        return Address(
            url=self._enrolment.mqtt_url,
            device_id=device_id,
            tls=client_context(self._enrolment, check_dates=self._checks_dates),
            subscriptions=[(topic(device_id, "down", s), s in RETAINED_STREAMS) for s in DOWN_STREAMS],
            will_topic=topic(device_id, "up", "status"),
        )

    def _came_up(self, connection: Connection, event: Opened) -> None:
        now = self._clock.now()
        self._up_since_s, self._give_up_s = now, None
        self._memory.snapshot = UplinkSnapshot(is_up=True, since_s=now, attempts=self._failures, reason="")
        self._traffic.open(connection, event, self._sid)
        _log.info("connected to %s", self._enrolment.mqtt_url)
        self._post(UplinkChanged(True, self._sid, ""))
        for arrived in self._early:
            self._traffic.arrived(arrived)
        self._early.clear()

    def _went_down(self, reason: str) -> None:
        now = self._clock.now()
        was_up = self._up_since_s is not None
        if self._up_since_s is not None and now - self._up_since_s >= self._backoff.stable_s:
            self._failures = 0
        self._failures = 0 if reason == RENEWED else self._failures + 1
        delay_s = 0.0 if reason == RENEWED else self._backoff.delay_s(self._failures)
        self._retry_s = now + delay_s
        if self._connection is not None:
            self._connection.release()
        self._connection = self._give_up_s = self._up_since_s = None
        self._traffic.close()
        if was_up or reason != self._memory.snapshot.reason:
            _log.warning(
                "not connected to %s: %s; next try in %.1f s", self._enrolment.mqtt_url, reason, delay_s
            )
            self._show_down(reason)
        self._memory.snapshot = replace(self._memory.snapshot, attempts=self._failures)

    def _show_down(self, reason: str) -> None:
        last = self._memory.snapshot
        since_s = self._clock.now() if last.is_up else last.since_s
        self._memory.snapshot = UplinkSnapshot(
            is_up=False, since_s=since_s, attempts=self._failures, reason=reason
        )
        self._post(UplinkChanged(False, self._sid, reason))

    def _say_goodbye(self) -> None:
        """Wait for the connection to end, but not for long: whoever stops us is waiting too."""
        if self._connection is None:
            return
        self._connection.close("stopped")
        deadline = self._clock.now() + GOODBYE_S
        while (left_s := deadline - self._clock.now()) > 0:
            try:
                item = self._inbox.get(timeout=left_s)
            except Empty:
                break
            if isinstance(item, Ended) and item.connection == self._memory.connections:
                return
        self._connection.abandon()


def _signer(enrolment: Enrolment) -> Signer:
    """What signs the messages of this lock."""
    return Signer(enrolment.device_id, OKPKey.import_key(dict(enrolment.identity)))
