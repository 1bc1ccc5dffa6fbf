"""Bytes to packets; whatever is not a packet of MQTT 5 raises BadPacket and nothing else."""

from collections.abc import Callable

from cloud_sim.mqtt5 import packets as p
from cloud_sim.mqtt5.errors import BadPacket
from cloud_sim.mqtt5.fields import Reader
from cloud_sim.mqtt5.frames import Frame
from cloud_sim.mqtt5.packets import Packet
from cloud_sim.mqtt5.properties import NO_PROPERTIES, Properties, read_properties
from cloud_sim.mqtt5.reasons import Reason


def decode(frame: Frame) -> Packet:
    """The packet in `frame`."""
    reader = Reader(frame.body)
    if frame.kind == p.PUBLISH:
        return _publish(reader, frame.first_byte & 0x0F)
    if frame.kind not in DECODERS:
        raise BadPacket(f"packets of type {frame.kind} are not spoken here", Reason.PROTOCOL_ERROR)
    flags, decoder = DECODERS[frame.kind]
    if frame.first_byte & 0x0F != flags:
        raise BadPacket("reserved flags of the first byte are wrong")
    packet = decoder(reader)
    if not reader.is_done:
        raise BadPacket("bytes after the end of a packet")
    return packet


def _publish(reader: Reader, flags: int) -> p.Publish:
    qos = _qos(flags >> 1 & 3)
    is_duplicate = bool(flags & 8)
    if is_duplicate and qos == 0:
        raise BadPacket("a duplicate with QoS 0")
    topic = reader.text()
    packet_id = reader.packet_id() if qos else None
    properties = read_properties(reader, "publish")
    return p.Publish(
        topic=topic,
        payload=reader.rest(),
        qos=qos,
        retain=bool(flags & 1),
        is_duplicate=is_duplicate,
        packet_id=packet_id,
        properties=properties,
    )


def _connect(reader: Reader) -> p.Connect:
    name, level = reader.text(), reader.byte()
    if (name, level) != ("MQTT", 5):
        raise BadPacket("only MQTT 5 is spoken here", Reason.UNSUPPORTED_PROTOCOL_VERSION)
    flags = reader.byte()
    if flags & 1:
        raise BadPacket("the reserved flag of CONNECT is set")
    keep_alive_s = reader.two_bytes()
    properties = read_properties(reader, "connect")
    return p.Connect(
        properties=properties,
        keep_alive_s=keep_alive_s,
        clean_start=bool(flags & 0x02),
        client_id=reader.text(),
        will=_will(reader, flags),
        user_name=reader.text() if flags & 0x80 else None,
        password=reader.binary() if flags & 0x40 else None,
    )


def _will(reader: Reader, flags: int) -> p.Will | None:
    qos, retain = flags >> 3 & 3, bool(flags & 0x20)
    if not flags & 0x04:
        if qos or retain:
            raise BadPacket("will flags without a will")
        return None
    properties = read_properties(reader, "will")
    topic, payload = reader.text(), reader.binary()
    return p.Will(topic=topic, payload=payload, qos=_qos(qos), retain=retain, properties=properties)


def _connack(reader: Reader) -> p.Connack:
    flags, reason = reader.byte(), _reason(reader.byte())
    if flags > 1:
        raise BadPacket("reserved flags of CONNACK are set")
    properties = read_properties(reader, "connack")
    return p.Connack(reason=reason, is_session_present=bool(flags), properties=properties)


def _puback(reader: Reader) -> p.Puback:
    packet_id = reader.packet_id()
    reason, properties = _ending(reader, "puback")
    return p.Puback(packet_id=packet_id, reason=reason, properties=properties)


def _subscribe(reader: Reader) -> p.Subscribe:
    packet_id = reader.packet_id()
    properties = read_properties(reader, "subscribe")
    subscriptions = []
    while not reader.is_done:
        subscriptions.append(_subscription(reader.text(), reader.byte()))
    if not subscriptions:
        raise BadPacket("SUBSCRIBE without a topic filter", Reason.PROTOCOL_ERROR)
    return p.Subscribe(packet_id=packet_id, subscriptions=tuple(subscriptions), properties=properties)


def _subscription(topic_filter: str, options: int) -> p.Subscription:
    retain_handling = options >> 4 & 3
    if options & 0xC0 or retain_handling == 3:
        raise BadPacket("subscription options are wrong", Reason.PROTOCOL_ERROR)
    return p.Subscription(
        topic_filter=topic_filter,
        qos=_qos(options & 3),
        no_local=bool(options & 4),
        retain_as_published=bool(options & 8),
        retain_handling=retain_handling,
    )


def _suback(reader: Reader) -> p.Suback:
    packet_id = reader.packet_id()
    properties = read_properties(reader, "suback")
    return p.Suback(packet_id=packet_id, reasons=_reasons(reader), properties=properties)


def _unsubscribe(reader: Reader) -> p.Unsubscribe:
    packet_id = reader.packet_id()
    properties = read_properties(reader, "unsubscribe")
    topic_filters = []
    while not reader.is_done:
        topic_filters.append(reader.text())
    if not topic_filters:
        raise BadPacket("UNSUBSCRIBE without a topic filter", Reason.PROTOCOL_ERROR)
    return p.Unsubscribe(packet_id=packet_id, topic_filters=tuple(topic_filters), properties=properties)


def _unsuback(reader: Reader) -> p.Unsuback:
    packet_id = reader.packet_id()
    properties = read_properties(reader, "unsuback")
    return p.Unsuback(packet_id=packet_id, reasons=_reasons(reader), properties=properties)


def _disconnect(reader: Reader) -> p.Disconnect:
    reason, properties = _ending(reader, "disconnect")
    return p.Disconnect(reason=reason, properties=properties)


def _ending(reader: Reader, where: str) -> tuple[Reason, Properties]:
    """Reason and properties, which may both be left out where they say nothing."""
    reason = Reason.SUCCESS if reader.is_done else _reason(reader.byte())
    return reason, NO_PROPERTIES if reader.is_done else read_properties(reader, where)


def _reasons(reader: Reader) -> tuple[Reason, ...]:
    return tuple(map(_reason, reader.rest()))


def _reason(value: int) -> Reason:
    try:
        return Reason(value)
    except ValueError:
        raise BadPacket(f"reason code {value:#04x} does not exist", Reason.PROTOCOL_ERROR) from None


def _qos(value: int) -> int:
    if value == 3:
        raise BadPacket("QoS 3 does not exist")
    return value


DECODERS: dict[int, tuple[int, Callable[[Reader], Packet]]] = {
    p.CONNECT: (0, _connect),
    p.CONNACK: (0, _connack),
    p.PUBACK: (0, _puback),
    p.SUBSCRIBE: (2, _subscribe),
    p.SUBACK: (0, _suback),
    p.UNSUBSCRIBE: (2, _unsubscribe),
    p.UNSUBACK: (0, _unsuback),
    p.PINGREQ: (0, lambda _: p.Pingreq()),
    p.PINGRESP: (0, lambda _: p.Pingresp()),
    p.DISCONNECT: (0, _disconnect),
}
"""Packet type -> the flags its first byte must have, and who reads the rest. PUBLISH has flags of its own."""
