"""What a client that was let in may say, and what it is answered."""

from dataclasses import replace
from typing import Protocol

from cloud_sim.broker.exchange import Exchange
from cloud_sim.broker.greeting import Welcome
from cloud_sim.broker.messages import published
from cloud_sim.broker.session import Link
from cloud_sim.broker.topics import SHARED_PREFIX, is_topic_filter, is_topic_name
from cloud_sim.mqtt5 import (
    BadPacket,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Reason,
    Suback,
    Subscribe,
    Subscription,
    Unsuback,
    Unsubscribe,
)


class Wire(Link, Protocol):
    """The connection a conversation is held over."""

    def send(self, packet: Packet) -> None:
        """Send a packet; does not block."""


class Conversation:
    """One connection's packets after CONNECT. A packet that ends the connection raises BadPacket."""

    def __init__(self, exchange: Exchange, wire: Wire, welcome: Welcome) -> None:
        self._exchange = exchange
        self._wire = wire
        self._client_id = welcome.client_id
        self._access = welcome.access
        self._will = welcome.will
        self._expiry_s = welcome.expiry_s

    def begin(self, welcome: Welcome, now: float) -> None:
        """Take the session, say so, and send what waited in it."""
        is_resumed = self._exchange.open(
            self._client_id, self._wire, welcome.expiry_s, welcome.is_clean_start, now
        )
        self._wire.send(replace(welcome.connack, is_session_present=is_resumed))
        self.pump(now)

    def receive(self, packet: Packet, now: float) -> bool:
        """Act on a packet; False when it was the client's goodbye."""
        match packet:
            case Publish():
                self._publish(packet, now)
            case Puback(packet_id=packet_id):
                self._exchange.acknowledged(self._client_id, packet_id, now)
            case Subscribe():
                self._subscribe(packet, now)
            case Unsubscribe():
                self._unsubscribe(packet)
            case Pingreq():
                self._wire.send(Pingresp())
            case Disconnect():
                self._goodbye(packet, now)
                return False
            case _:
                kind = type(packet).__name__.upper()
                raise BadPacket(f"a client may not send {kind} now", Reason.PROTOCOL_ERROR)
        return True

    def pump(self, now: float) -> None:
        """Send what waits: the wire takes more again."""
        self._exchange.sessions[self._client_id].pump(now)

    def end(self, now: float) -> None:
        """The connection is gone. The will is due, unless the client has said goodbye before."""
        self._exchange.leave(self._client_id, self._wire, self._will, now)

    def _goodbye(self, packet: Disconnect, now: float) -> None:
        expiry_s = packet.properties.session_expiry_interval
        if expiry_s and not self._expiry_s:
            raise BadPacket("a session that was to end now cannot be prolonged", Reason.PROTOCOL_ERROR)
        if packet.reason is Reason.SUCCESS:
            self._will = None
        if expiry_s is not None:
            self._exchange.sessions[self._client_id].expiry_s = min(expiry_s, self._expiry_s)
        self.end(now)

    def _publish(self, packet: Publish, now: float) -> None:
        _check_publish(packet)
        reason = Reason.NOT_AUTHORIZED
        if self._access.may_publish(packet.topic):
            reason = self._exchange.publish(published(self._client_id, packet, now), now)
        if packet.packet_id is not None:
            self._wire.send(Puback(packet_id=packet.packet_id, reason=reason))

    def _subscribe(self, packet: Subscribe, now: float) -> None:
        if packet.properties.subscription_identifier is not None:
            why = "subscription identifiers are not supported"
            raise BadPacket(why, Reason.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED)
        reasons = tuple(self._subscribe_one(one, now) for one in packet.subscriptions)
        self._wire.send(Suback(packet_id=packet.packet_id, reasons=reasons))

    def _subscribe_one(self, subscription: Subscription, now: float) -> Reason:
        topic_filter = subscription.topic_filter
        if topic_filter.startswith(SHARED_PREFIX):
            return Reason.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED
        if not is_topic_filter(topic_filter):
            return Reason.TOPIC_FILTER_INVALID
        if not self._access.may_subscribe(topic_filter):
            return Reason.NOT_AUTHORIZED
        return self._exchange.subscribe(self._client_id, subscription, now)

    def _unsubscribe(self, packet: Unsubscribe) -> None:
        reasons = tuple(self._exchange.unsubscribe(self._client_id, one) for one in packet.topic_filters)
        self._wire.send(Unsuback(packet_id=packet.packet_id, reasons=reasons))


def _check_publish(packet: Publish) -> None:
    if packet.qos > 1:
        raise BadPacket("QoS 2 is not supported", Reason.QOS_NOT_SUPPORTED)
    if packet.properties.topic_alias is not None:
        raise BadPacket("topic aliases are not supported", Reason.TOPIC_ALIAS_INVALID)
    if packet.properties.subscription_identifier is not None:
        raise BadPacket("a client may not send a subscription identifier", Reason.PROTOCOL_ERROR)
    if not is_topic_name(packet.topic):
        raise BadPacket("the topic is not a topic name", Reason.TOPIC_NAME_INVALID)
    response_topic = packet.properties.response_topic
    if response_topic is not None and not is_topic_name(response_topic):
        raise BadPacket("the response topic is not a topic name", Reason.PROTOCOL_ERROR)
