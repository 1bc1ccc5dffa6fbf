"""The MQTT 5 packets a broker and its clients exchange: values, bytes to values, values to bytes; no I/O.

Section numbers in this package are those of the OASIS standard "MQTT Version 5.0".
"""

from cloud_sim.mqtt5.decoding import decode
from cloud_sim.mqtt5.encoding import encode
from cloud_sim.mqtt5.errors import BadPacket
from cloud_sim.mqtt5.frames import Frame, Frames
from cloud_sim.mqtt5.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Subscription,
    Unsuback,
    Unsubscribe,
    Will,
)
from cloud_sim.mqtt5.properties import NO_PROPERTIES, Properties
from cloud_sim.mqtt5.reasons import Reason

__all__ = [
    "NO_PROPERTIES",
    "BadPacket",
    "Connack",
    "Connect",
    "Disconnect",
    "Frame",
    "Frames",
    "Packet",
    "Pingreq",
    "Pingresp",
    "Properties",
    "Puback",
    "Publish",
    "Reason",
    "Suback",
    "Subscribe",
    "Subscription",
    "Unsuback",
    "Unsubscribe",
    "Will",
    "decode",
    "encode",
]
