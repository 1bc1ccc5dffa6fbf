"""What a CONNECT is answered with: who may come in, and on which terms."""

from dataclasses import dataclass

from cloud_sim.broker.access import Access
from cloud_sim.broker.topics import is_topic_name
from cloud_sim.mqtt5 import Connack, Connect, Properties, Reason, Will

PACKET_LIMIT_BYTES = 64 * 1024
RECEIVE_MAXIMUM = 20
EXPIRY_LIMIT_S = 7 * 24 * 3600
"""No session is kept longer than this after its client has gone; CONNACK says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why nobody comes in; `why` is for the person who reads the log of the client."""

    reason: Reason
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The terms of one connection. Sizes are bytes, times seconds."""

    client_id: str
    access: Access
    is_clean_start: bool
    expiry_s: int
    keep_alive_s: int
    receive_maximum: int
    packet_limit_bytes: int
    will: Will | None
    connack: Connack


def greet(packet: Connect, identity: str) -> Welcome | Refused:
    """Judge a CONNECT from the holder of the certificate for `identity`; its user name does not matter."""
    try:
        access = Access(identity)
    except ValueError as error:
        return Refused(reason=Reason.NOT_AUTHORIZED, why=f"the certificate's name {error}")
    if packet.properties.authentication_method is not None:
        return Refused(reason=Reason.BAD_AUTHENTICATION_METHOD, why="only certificates are asked for")
    if packet.client_id not in ("", identity):
        why = f"the client id must be the certificate's name, {identity}"
        return Refused(reason=Reason.CLIENT_IDENTIFIER_NOT_VALID, why=why)
    return _refused_will(packet.will, access) or _welcome(packet, identity, access)


def _refused_will(will: Will | None, access: Access) -> Refused | None:
    if will is None:
        return None
    if will.qos > 1:
        return Refused(reason=Reason.QOS_NOT_SUPPORTED, why="the will asks for QoS 2")
    if not is_topic_name(will.topic):
        return Refused(reason=Reason.TOPIC_NAME_INVALID, why="the will's topic is not a topic name")
    if not access.may_publish(will.topic):
        return Refused(reason=Reason.NOT_AUTHORIZED, why="the will's topic is not this client's to write")
    return None


def _welcome(packet: Connect, identity: str, access: Access) -> Welcome:
    asked = packet.properties
    asked_expiry_s = asked.session_expiry_interval or 0
    expiry_s = min(asked_expiry_s, EXPIRY_LIMIT_S)
    told = Properties(
        session_expiry_interval=None if expiry_s == asked_expiry_s else expiry_s,
        receive_maximum=RECEIVE_MAXIMUM,
        maximum_qos=1,
        maximum_packet_size=PACKET_LIMIT_BYTES,
        assigned_client_identifier=None if packet.client_id else identity,
        subscription_identifier_available=0,
        shared_subscription_available=0,
    )
    return Welcome(
        client_id=identity,
        access=access,
        is_clean_start=packet.clean_start,
        expiry_s=expiry_s,
        keep_alive_s=packet.keep_alive_s,
        receive_maximum=asked.receive_maximum or 0xFFFF,
        packet_limit_bytes=asked.maximum_packet_size or PACKET_LIMIT_BYTES,
        will=packet.will,
        connack=Connack(properties=told),
    )
