"""The middle of the broker: sessions, retained messages and wills, and who gets what; no I/O."""

import logging
from dataclasses import dataclass, replace

from cloud_sim.broker.messages import Delivery, Message, published
from cloud_sim.broker.session import Link, Session
from cloud_sim.broker.topics import matches
from cloud_sim.mqtt5 import Reason, Subscription, Will

log = logging.getLogger(__name__)

RETAINED_LIMIT = 10_000
SUBSCRIPTION_LIMIT = 100


@dataclass(frozen=True, slots=True)
class PendingWill:
    """The will of a client that vanished, published at `due_at` unless the client comes back before."""

    will: Will
    due_at: float


class Exchange:
    """Called from one thread; `now` is seconds on any clock that does not jump."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.retained: dict[str, Message] = {}
        self.changes = 0
        """Rises with whatever a snapshot would show."""
        self._wills: dict[str, PendingWill] = {}

    def open(self, client_id: str, link: Link, expiry_s: int, clean_start: bool, now: float) -> bool:
        """Give `link` the session of `client_id`, from whom or whatever had it; True if one was resumed."""
        self.changes += 1
        self.turn(now)
        old = self.sessions.get(client_id)
        if old is not None and old.link is not None:
            old.link.close(Reason.SESSION_TAKEN_OVER)
        if clean_start:
            self.wipe(client_id, now)
        self._wills.pop(client_id, None)
        is_resumed = client_id in self.sessions
        self.sessions.setdefault(client_id, Session(client_id)).attach(link, expiry_s)
        return is_resumed

    def leave(self, client_id: str, link: Link, will: Will | None, now: float) -> None:
        """`link` has ended; `will` is what its client asked to have published in this case."""
        session = self.sessions.get(client_id)
        if session is None or session.link is not link:
            return
        self.changes += 1
        session.detach(now)
        if will is not None:
            delay_s = will.properties.will_delay_interval or 0
            self._wills[client_id] = PendingWill(will, now + delay_s)
        self.turn(now)

    def wipe(self, client_id: str, now: float) -> None:
        """Forget a session and all that waits in it; a will that waited for its end is published."""
        self.changes += 1
        session = self.sessions.get(client_id)
        if session is not None and session.link is not None:
            session.link.close(Reason.ADMINISTRATIVE_ACTION)
        self.sessions.pop(client_id, None)
        self._publish_will(client_id, now)

    def publish(self, message: Message, now: float) -> Reason:
        """Give a message to everyone who subscribed, and keep it if it is retained."""
        if message.retain and not self._retain(message):
            return Reason.QUOTA_EXCEEDED
        self.changes += 1
        takers = [session.offer(message, now) for session in list(self.sessions.values())]
        return Reason.SUCCESS if any(takers) else Reason.NO_MATCHING_SUBSCRIBERS

    def subscribe(self, client_id: str, subscription: Subscription, now: float) -> Reason:
        """Add or replace a subscription and send the retained messages it asks for."""
        session = self.sessions[client_id]
        is_new = subscription.topic_filter not in session.subscriptions
        if is_new and len(session.subscriptions) >= SUBSCRIPTION_LIMIT:
            return Reason.QUOTA_EXCEEDED
        self.changes += 1
        granted = replace(subscription, qos=min(subscription.qos, 1))
        session.subscriptions[granted.topic_filter] = granted
        if granted.retain_handling == 0 or (granted.retain_handling == 1 and is_new):
            self._send_retained(session, granted, now)
        return Reason(granted.qos)

    def unsubscribe(self, client_id: str, topic_filter: str) -> Reason:
        self.changes += 1
        removed = self.sessions[client_id].subscriptions.pop(topic_filter, None)
        return Reason.NO_SUBSCRIPTION_EXISTED if removed is None else Reason.SUCCESS

    def acknowledged(self, client_id: str, packet_id: int, now: float) -> None:
        """The client has message `packet_id`."""
        self.changes += 1
        self.sessions[client_id].acknowledged(packet_id, now)

    def turn(self, now: float) -> None:
        """Do what is due: wills, the end of sessions, the end of retained messages."""
        for client_id in [one for one, pending in self._wills.items() if pending.due_at <= now]:
            self._publish_will(client_id, now)
        for session in [one for one in self.sessions.values() if _is_over(one, now)]:
            self.wipe(session.client_id, now)
        for topic in [topic for topic, message in self.retained.items() if message.is_expired(now)]:
            del self.retained[topic]

    def next_turn_at(self) -> float | None:
        """When `turn` has something to do that a client could notice; None: nothing waits."""
        ends = [one.ends_at for one in self.sessions.values() if one.ends_at is not None]
        return min([*ends, *(pending.due_at for pending in self._wills.values())], default=None)

    def _retain(self, message: Message) -> bool:
        if not message.payload:
            self.retained.pop(message.topic, None)
        elif len(self.retained) >= RETAINED_LIMIT and message.topic not in self.retained:
            log.warning("%s: %d messages are retained, no more are", message.publisher, RETAINED_LIMIT)
            return False
        else:
            self.retained[message.topic] = message
        return True

    def _send_retained(self, session: Session, subscription: Subscription, now: float) -> None:
        for message in list(self.retained.values()):
            is_own = subscription.no_local and message.publisher == session.client_id
            if matches(subscription.topic_filter, message.topic) and not is_own:
                qos = min(message.qos, subscription.qos)
                session.take(Delivery(message=message, qos=qos, retain=True), now)

    def _publish_will(self, client_id: str, now: float) -> None:
        pending = self._wills.pop(client_id, None)
        if pending is not None:
            self.publish(published(client_id, pending.will, now), now)


def _is_over(session: Session, now: float) -> bool:
    return session.ends_at is not None and session.ends_at <= now
