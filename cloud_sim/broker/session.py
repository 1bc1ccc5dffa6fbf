"""What the broker keeps for one client: subscriptions, messages that wait, messages not acknowledged."""

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from cloud_sim.broker.messages import Delivery, Message
from cloud_sim.broker.topics import matches
from cloud_sim.mqtt5 import Publish, Reason, Subscription

log = logging.getLogger(__name__)

WAITING_LIMIT = 1000
"""Messages that wait for one client; later ones are dropped, as mosquitto does by default."""


class Link(Protocol):
    """The connection of a session, all on the broker's one thread; nothing blocks."""

    @property
    def receive_maximum(self) -> int:
        """How many QoS 1 messages the client takes before it acknowledges one."""

    @property
    def is_writable(self) -> bool:
        """False while the client does not read what was sent already."""

    def deliver(self, packet: Publish) -> bool:
        """Send a message; False if it is larger than the client takes."""

    def close(self, reason: Reason) -> None:
        """Tell the client why and end the connection; the session has been left when this returns."""


class Session:
    """One client's session. Times are seconds on the broker's clock."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.subscriptions: dict[str, Subscription] = {}
        self.expiry_s = 0
        self.ends_at: float | None = None
        """When the session is forgotten; None while its client is connected."""
        self.link: Link | None = None
        self._waiting: deque[Delivery] = deque()
        self._unacknowledged: dict[int, Delivery] = {}
        self._last_packet_id = 0

    def attach(self, link: Link, expiry_s: int) -> None:
        """The client is back: what it never acknowledged goes first, with its old packet ids."""
        self.link = link
        self.expiry_s = expiry_s
        self.ends_at = None
        self._waiting.extendleft(reversed(self._unacknowledged.values()))
        self._unacknowledged.clear()

    def detach(self, now: float) -> None:
        """The connection is gone; QoS 0 messages that still waited are gone with it."""
        self.link = None
        self.ends_at = now + self.expiry_s
        self._waiting = deque(delivery for delivery in self._waiting if delivery.qos)

    def offer(self, message: Message, now: float) -> bool:
        """Take a message that was just published if a subscription asks for it; whether one does."""
        wanted = [
            subscription
            for subscription in self.subscriptions.values()
            if matches(subscription.topic_filter, message.topic)
            and not (subscription.no_local and message.publisher == self.client_id)
        ]
        if not wanted:
            return False
        qos = min(message.qos, max(subscription.qos for subscription in wanted))
        retain = message.retain and any(subscription.retain_as_published for subscription in wanted)
        self.take(Delivery(message=message, qos=qos, retain=retain), now)
        return True

    def take(self, delivery: Delivery, now: float) -> None:
        """Send it now or when the client can take it; QoS 0 is not kept for an absent client."""
        if self.link is None and delivery.qos == 0:
            return
        if len(self._waiting) >= WAITING_LIMIT:
            log.warning("%s: %d messages wait, one more was dropped", self.client_id, WAITING_LIMIT)
            return
        self._waiting.append(delivery)
        self.pump(now)

    def pump(self, now: float) -> None:
        """Send what waits, in order, as far as the client takes it."""
        while self._waiting and self.link is not None and self._may_send(self.link, self._waiting[0]):
            delivery = self._waiting.popleft()
            if not delivery.message.is_expired(now):
                self._send(self.link, delivery, now)

    def acknowledged(self, packet_id: int, now: float) -> None:
        """The client has message `packet_id`; an unknown id (a duplicate's second answer) is ignored."""
        self._unacknowledged.pop(packet_id, None)
        self.pump(now)

    def kept(self) -> list[Delivery]:
        """The QoS 1 messages the client still has to get, in order."""
        return [*self._unacknowledged.values(), *(one for one in self._waiting if one.qos)]

    def restore(self, deliveries: Iterable[Delivery]) -> None:
        """Put back what `kept` returned before the broker was started again."""
        self._waiting.extend(deliveries)

    def _may_send(self, link: Link, delivery: Delivery) -> bool:
        return link.is_writable and (delivery.qos == 0 or len(self._unacknowledged) < link.receive_maximum)

    def _send(self, link: Link, delivery: Delivery, now: float) -> None:
        was_sent_before = delivery.packet_id is not None
        if delivery.qos and not was_sent_before:
            delivery = replace(delivery, packet_id=self._next_packet_id())
        if not link.deliver(replace(delivery.packet(now), is_duplicate=was_sent_before)):
            log.warning("%s: a message is larger than the client takes, dropped", self.client_id)
        elif delivery.packet_id is not None:
            self._unacknowledged[delivery.packet_id] = delivery

    def _next_packet_id(self) -> int:
        while True:
            self._last_packet_id = self._last_packet_id % 0xFFFF + 1
            if self._last_packet_id not in self._unacknowledged:
                return self._last_packet_id
