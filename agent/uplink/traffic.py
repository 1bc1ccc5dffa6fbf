"""What goes to and fro while a connection is up: state and journal rows out, typed messages in."""

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import structs

from agent.messages import Codes, Events, MessageRefused, Status, UplinkSignal
from agent.uplink.handle import Memory, UplinkClock
from agent.uplink.inbound import Arrival, Inbound
from agent.uplink.orders import Acked, JournalGrew, Rows, Send, Settle
from agent.uplink.outbox import Outbox
from agent.uplink.settling import Settling
from agent.uplink.transport import Arrived, Connection, Delivered, Opened

STATUS_EVERY_S = 15 * 60.0
REFUSALS_PER_MINUTE = 60
REQUESTS_IN_FLIGHT = 16


@dataclass(slots=True)
class Traffic:
    """Uplink thread only. Between `open` and `close` it publishes; orders are taken at any time."""

    memory: Memory
    outbox: Outbox
    inbound: Inbound
    clock: UplinkClock
    post: Callable[[UplinkSignal], None]
    _settling: Settling = field(default_factory=Settling)
    _connection: Connection | None = None
    _sid: str = ""
    _status_due_s: float = 0.0
    _changed_meanwhile: set[str] = field(default_factory=set)
    _refusals: int = 0
    _refusals_since_s: float = 0.0

    def open(self, connection: Connection, opened: Opened, sid: str) -> None:
        """A session began: the broker may have forgotten everything, so everything is said again."""
        now = self.clock.now()
        self._connection, self._sid = connection, sid
        self._refusals, self._refusals_since_s = 0, now
        self._changed_meanwhile.clear()
        self._settling.restart()
        self.memory.delivery.restart(now)
        self.outbox.open(connection, opened.packet_limit, opened.window)
        self._publish("status")
        self._publish("codes")

    def close(self) -> None:
        """The session is over; what was not settled comes again with the next one."""
        self._connection = None
        self._settling.restart()
        self.outbox.close()

    def obey(self, order: JournalGrew | Acked | Rows | Send | Settle | Status | Codes) -> None:
        """Do what the controller asks, or remember it."""
        match order:
            case JournalGrew():
                self.memory.delivery.grew(order.last_seq)
            case Acked():
                self.memory.delivery.acknowledge(order.upto, self.clock.now())
            case Rows():
                self._send_rows(order)
            case Send():
                if self.outbox.in_flight("request") < REQUESTS_IN_FLIGHT:
                    self.outbox.send("request", order.request)
            case Settle():
                self._settle(order.token)
            case Status():
                self.memory.status = order
                self._publish("status")
            case Codes():
                self.memory.codes = order
                self._publish("codes")

    def delivered(self, event: Delivered) -> None:
        """The broker took or refused a message of ours."""
        stream = self.outbox.delivered(event.mid, event.failure)
        if stream in self._changed_meanwhile:
            self._publish(stream)

    def arrived(self, event: Arrived) -> None:
        """Post what a message says, or why it is refused; a refused one is settled at once."""
        token = self._settling.arrived(event.mid)
        if event.is_retained and not event.payload:
            self._settle(token)  # how a broker is told to forget what it kept: it says nothing to us
            return
        wall = int(self.clock.wall()) if self.clock.is_trusted() else None
        arrival = Arrival(event.topic, event.payload, event.is_retained, event.arrived_s)
        received = self.inbound.read(arrival, token, wall)
        self.post(received)
        if isinstance(received, MessageRefused):
            self._settle(token)  # sent again, it would be refused again
            self._count_refusal()

    def complaint(self, now: float) -> str:
        """Why this connection should be given up, if it should. A broker that brings rubbish without end, or
        takes nothing, is left alone for a while: the door has better to do."""
        stalled_s = self.outbox.stalled_at()
        if stalled_s is not None and now >= stalled_s:
            return "the broker acknowledges nothing"
        return "too many messages had to be refused" if self._refusals > REFUSALS_PER_MINUTE else ""

    def deadlines(self) -> list[float]:
        """When `do_what_is_due` or `complaint` may have something to do."""
        times = (self._status_due_s, self.outbox.stalled_at(), self.memory.delivery.deadline())
        return [time for time in times if time is not None]

    def do_what_is_due(self, now: float) -> None:
        """Say again what must be repeated, and ask for the journal rows there is room for."""
        delivery = self.memory.delivery
        if now >= self._status_due_s:
            self._publish("status")
        resend_s = delivery.deadline()
        if resend_s is not None and now >= resend_s and not self.outbox.in_flight("events"):
            delivery.restart(now)
        wanted = delivery.wanted(now)
        if wanted is not None:
            self.post(wanted)

    def _publish(self, stream: str) -> None:
        """The newest status or code summary, retained; when the last one has arrived, if one is under way."""
        if self.outbox.in_flight(stream):
            self._changed_meanwhile.add(stream)
            return
        self._changed_meanwhile.discard(stream)
        status, codes = self.memory.status, self.memory.codes
        if stream == "status":
            self._status_due_s = self.clock.now() + STATUS_EVERY_S
            if status is not None:
                body = structs.replace(status, sid=self._sid, device_time=int(self.clock.wall()))
                self.outbox.send(stream, body, retain=True, sid=self._sid)
        elif codes is not None:
            self.outbox.send(stream, codes, retain=True)

    def _send_rows(self, answer: Rows) -> None:
        delivery = self.memory.delivery
        rows = delivery.batch(answer.after_seq, answer.rows, self.outbox.batch_bytes)
        if rows:
            self.outbox.send("events", Events(journal_epoch=delivery.journal_epoch, rows=rows))

    def _settle(self, token: int) -> None:
        for mid in self._settling.settle(token):
            if self._connection is not None:
                self._connection.acknowledge(mid)

    def _count_refusal(self) -> None:
        now = self.clock.now()
        if now - self._refusals_since_s >= 60.0:
            self._refusals, self._refusals_since_s = 0, now
        self._refusals += 1
