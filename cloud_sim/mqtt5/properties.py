"""The properties of MQTT 5 packets (section 2.2.2): which exist, where each may stand, how it is written."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from cloud_sim.mqtt5 import fields as wire
from cloud_sim.mqtt5.errors import BadPacket
from cloud_sim.mqtt5.fields import Reader
from cloud_sim.mqtt5.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """All properties of one packet; None (or no user property) means absent. Intervals are seconds."""

    payload_format_indicator: int | None = None
    message_expiry_interval: int | None = None
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    subscription_identifier: int | None = None
    session_expiry_interval: int | None = None
    assigned_client_identifier: str | None = None
    server_keep_alive: int | None = None
    authentication_method: str | None = None
    authentication_data: bytes | None = None
    request_problem_information: int | None = None
    will_delay_interval: int | None = None
    request_response_information: int | None = None
    response_information: str | None = None
    server_reference: str | None = None
    reason_string: str | None = None
    receive_maximum: int | None = None
    topic_alias_maximum: int | None = None
    topic_alias: int | None = None
    maximum_qos: int | None = None
    retain_available: int | None = None
    user_properties: tuple[tuple[str, str], ...] = ()
    maximum_packet_size: int | None = None
    wildcard_subscription_available: int | None = None
    subscription_identifier_available: int | None = None
    shared_subscription_available: int | None = None


NO_PROPERTIES = Properties()

PUBLISH_OR_WILL = frozenset({"publish", "will"})
CONNECT_OR_CONNACK = frozenset({"connect", "connack"})
CONNACK = frozenset({"connack"})
CONNECT = frozenset({"connect"})
ANSWERS = frozenset({"connack", "puback", "suback", "unsuback", "disconnect"})
EVERYWHERE = ANSWERS | {"connect", "publish", "will", "subscribe", "unsubscribe"}


@dataclass(frozen=True, slots=True)
class Kind:
    """How a type of property is read and written; `lowest` and `highest` are what the standard allows."""

    read: Callable[[Reader], Any]
    write: Callable[[Any], bytes]
    lowest: int | None = None
    highest: int | None = None


FLAG = Kind(Reader.byte, lambda value: bytes((value,)), 0, 1)
TWO_BYTES = Kind(Reader.two_bytes, wire.two_bytes)
ABOVE_ZERO = Kind(Reader.two_bytes, wire.two_bytes, 1)
FOUR_BYTES = Kind(Reader.four_bytes, wire.four_bytes)
FOUR_ABOVE_ZERO = Kind(Reader.four_bytes, wire.four_bytes, 1)
VARIABLE = Kind(Reader.variable, wire.variable, 1)
TEXT = Kind(Reader.text, wire.text)
BINARY = Kind(Reader.binary, wire.binary)
PAIR = Kind(Reader.pair, wire.pair)

TABLE: dict[int, tuple[str, Kind, frozenset[str]]] = {
    0x01: ("payload_format_indicator", FLAG, PUBLISH_OR_WILL),
    0x02: ("message_expiry_interval", FOUR_BYTES, PUBLISH_OR_WILL),
    0x03: ("content_type", TEXT, PUBLISH_OR_WILL),
    0x08: ("response_topic", TEXT, PUBLISH_OR_WILL),
    0x09: ("correlation_data", BINARY, PUBLISH_OR_WILL),
    0x0B: ("subscription_identifier", VARIABLE, frozenset({"publish", "subscribe"})),
    0x11: ("session_expiry_interval", FOUR_BYTES, CONNECT_OR_CONNACK | {"disconnect"}),
    0x12: ("assigned_client_identifier", TEXT, CONNACK),
    0x13: ("server_keep_alive", TWO_BYTES, CONNACK),
    0x15: ("authentication_method", TEXT, CONNECT_OR_CONNACK),
    0x16: ("authentication_data", BINARY, CONNECT_OR_CONNACK),
    0x17: ("request_problem_information", FLAG, CONNECT),
    0x18: ("will_delay_interval", FOUR_BYTES, frozenset({"will"})),
    0x19: ("request_response_information", FLAG, CONNECT),
    0x1A: ("response_information", TEXT, CONNACK),
    0x1C: ("server_reference", TEXT, CONNACK | {"disconnect"}),
    0x1F: ("reason_string", TEXT, ANSWERS),
    0x21: ("receive_maximum", ABOVE_ZERO, CONNECT_OR_CONNACK),
    0x22: ("topic_alias_maximum", TWO_BYTES, CONNECT_OR_CONNACK),
    0x23: ("topic_alias", ABOVE_ZERO, frozenset({"publish"})),
    0x24: ("maximum_qos", FLAG, CONNACK),
    0x25: ("retain_available", FLAG, CONNACK),
    0x26: ("user_properties", PAIR, EVERYWHERE),
    0x27: ("maximum_packet_size", FOUR_ABOVE_ZERO, CONNECT_OR_CONNACK),
    0x28: ("wildcard_subscription_available", FLAG, CONNACK),
    0x29: ("subscription_identifier_available", FLAG, CONNACK),
    0x2A: ("shared_subscription_available", FLAG, CONNACK),
}
BY_NAME = {name: (identifier, kind, where) for identifier, (name, kind, where) in TABLE.items()}
NAMES = tuple(field.name for field in fields(Properties))


def read_properties(reader: Reader, where: str) -> Properties:
    """The properties that follow in a packet of kind `where`; none may be unknown, misplaced or repeated."""
    section = reader.section()
    if section.is_done:
        return NO_PROPERTIES
    found: dict[str, Any] = {}
    pairs: list[tuple[str, str]] = []
    while not section.is_done:
        name, kind = _known(section.variable(), where)
        value = kind.read(section)
        if kind is PAIR:
            pairs.append(value)
            continue
        if name in found:
            raise BadPacket(f"{name} stands twice in one {where}", Reason.PROTOCOL_ERROR)
        _check_range(name, kind, value)
        found[name] = value
    return Properties(**found, user_properties=tuple(pairs))


def write_properties(properties: Properties, where: str) -> bytes:
    """The bytes of `properties` with their length; a property that may not stand in `where` is refused."""
    if properties is NO_PROPERTIES:
        return b"\0"
    out = bytearray()
    for name in NAMES:
        value = getattr(properties, name)
        if value is None:
            continue
        identifier, kind, allowed = BY_NAME[name]
        if value != () and where not in allowed:
            raise BadPacket(f"{name} may not stand in {where}", Reason.PROTOCOL_ERROR)
        for one in value if kind is PAIR else (value,):
            out.append(identifier)
            out += kind.write(one)
    return wire.variable(len(out)) + bytes(out)


def _known(identifier: int, where: str) -> tuple[str, Kind]:
    if identifier not in TABLE:
        raise BadPacket(f"property {identifier:#04x} does not exist")
    name, kind, allowed = TABLE[identifier]
    if where not in allowed:
        raise BadPacket(f"{name} may not stand in {where}", Reason.PROTOCOL_ERROR)
    return name, kind


def _check_range(name: str, kind: Kind, value: Any) -> None:
    too_low = kind.lowest is not None and value < kind.lowest
    too_high = kind.highest is not None and value > kind.highest
    if too_low or too_high:
        raise BadPacket(f"{name} may not be {value}", Reason.PROTOCOL_ERROR)
