"""A message on its way from its publisher to its subscribers."""

import math
from dataclasses import dataclass, field, replace

from cloud_sim.mqtt5 import NO_PROPERTIES, Properties, Publish, Will


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What was published. `expires_at` is on the broker's clock, None for a message that does not expire."""

    publisher: str
    topic: str
    payload: bytes = field(repr=False)
    qos: int
    retain: bool
    properties: Properties = NO_PROPERTIES
    expires_at: float | None = None

    def is_expired(self, now: float) -> bool:
        return self.expires_at is not None and self.expires_at <= now


def published(publisher: str, packet: Publish | Will, now: float) -> Message:
    """The message of a PUBLISH, or of a will that is due, received at `now`."""
    interval = packet.properties.message_expiry_interval
    return Message(
        publisher=publisher,
        topic=packet.topic,
        payload=packet.payload,
        qos=packet.qos,
        retain=packet.retain,
        properties=replace(packet.properties, will_delay_interval=None),
        expires_at=None if interval is None else now + interval,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message for one subscriber."""

    message: Message
    qos: int
    retain: bool
    packet_id: int | None = None
    """Given when it is sent with QoS 1; one that waits with a packet id was sent before."""

    def packet(self, now: float) -> Publish:
        """The packet to send, with the rest of the message's life as its expiry (section 3.3.2.3.3)."""
        properties = self.message.properties
        if self.message.expires_at is not None:
            left_s = math.ceil(self.message.expires_at - now)
            properties = replace(properties, message_expiry_interval=left_s)
        return Publish(
            topic=self.message.topic,
            payload=self.message.payload,
            qos=self.qos,
            retain=self.retain,
            packet_id=self.packet_id,
            properties=properties,
        )
