"""Packets to bytes."""

from cloud_sim.mqtt5 import packets as p
from cloud_sim.mqtt5.errors import BadPacket
from cloud_sim.mqtt5.fields import binary, text, two_bytes, variable
from cloud_sim.mqtt5.packets import Packet
from cloud_sim.mqtt5.properties import NO_PROPERTIES, Properties, write_properties
from cloud_sim.mqtt5.reasons import Reason

PROTOCOL = text("MQTT") + b"\x05"


def encode(packet: Packet) -> bytes:
    """The packet as it goes over the wire; BadPacket if a value does not fit its field."""
    match packet:
        case p.Publish():
            return _publish(packet)
        case p.Puback(packet_id=packet_id, reason=reason, properties=properties):
            return _frame(p.PUBACK, 0, two_bytes(packet_id) + _ending("puback", reason, properties))
        case p.Connect():
            return _frame(p.CONNECT, 0, _connect(packet))
        case p.Connack(reason=reason, is_session_present=is_present, properties=properties):
            body = bytes((is_present, reason)) + write_properties(properties, "connack")
            return _frame(p.CONNACK, 0, body)
        case p.Disconnect(reason=reason, properties=properties):
            return _frame(p.DISCONNECT, 0, _ending("disconnect", reason, properties))
        case p.Pingreq():
            return _frame(p.PINGREQ, 0, b"")
        case p.Pingresp():
            return _frame(p.PINGRESP, 0, b"")
        case _:
            return _subscribing(packet)


def _subscribing(packet: p.Subscribe | p.Suback | p.Unsubscribe | p.Unsuback) -> bytes:
    head = two_bytes(packet.packet_id)
    match packet:
        case p.Subscribe(subscriptions=subscriptions, properties=properties):
            rows = b"".join(map(_subscription, subscriptions))
            return _frame(p.SUBSCRIBE, 2, head + write_properties(properties, "subscribe") + rows)
        case p.Suback(reasons=reasons, properties=properties):
            return _frame(p.SUBACK, 0, head + write_properties(properties, "suback") + bytes(reasons))
        case p.Unsubscribe(topic_filters=topic_filters, properties=properties):
            rows = b"".join(map(text, topic_filters))
            return _frame(p.UNSUBSCRIBE, 2, head + write_properties(properties, "unsubscribe") + rows)
        case p.Unsuback(reasons=reasons, properties=properties):
            return _frame(p.UNSUBACK, 0, head + write_properties(properties, "unsuback") + bytes(reasons))


def _frame(kind: int, flags: int, body: bytes) -> bytes:
    return bytes((kind << 4 | flags,)) + variable(len(body)) + body


def _publish(packet: p.Publish) -> bytes:
    if (packet.packet_id is None) != (packet.qos == 0):
        raise BadPacket(f"packet identifier {packet.packet_id} with QoS {packet.qos}")
    flags = packet.is_duplicate << 3 | packet.qos << 1 | packet.retain
    packet_id = b"" if packet.packet_id is None else two_bytes(packet.packet_id)
    head = text(packet.topic) + packet_id + write_properties(packet.properties, "publish")
    return _frame(p.PUBLISH, flags, head + packet.payload)


def _ending(where: str, reason: Reason, properties: Properties) -> bytes:
    """Reason and properties, both left out where they say nothing (sections 3.4.2.1 and 3.14.2.1)."""
    if properties != NO_PROPERTIES:
        return bytes((reason,)) + write_properties(properties, where)
    return b"" if reason is Reason.SUCCESS else bytes((reason,))


def _connect(packet: p.Connect) -> bytes:
    flags = (packet.user_name is not None) << 7 | (packet.password is not None) << 6 | packet.clean_start << 1
    tail = text(packet.client_id)
    if packet.will is not None:
        flags |= packet.will.retain << 5 | packet.will.qos << 3 | 1 << 2
        tail += write_properties(packet.will.properties, "will")
        tail += text(packet.will.topic) + binary(packet.will.payload)
    if packet.user_name is not None:
        tail += text(packet.user_name)
    if packet.password is not None:
        tail += binary(packet.password)
    head = PROTOCOL + bytes((flags,)) + two_bytes(packet.keep_alive_s)
    return head + write_properties(packet.properties, "connect") + tail


def _subscription(subscription: p.Subscription) -> bytes:
    options = (
        subscription.qos
        | subscription.no_local << 2
        | subscription.retain_as_published << 3
        | subscription.retain_handling << 4
    )
    return text(subscription.topic_filter) + bytes((options,))
