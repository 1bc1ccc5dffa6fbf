"""The one exception of the codec."""

from cloud_sim.mqtt5.reasons import Reason


class BadPacket(Exception):
    """The peer's bytes are not MQTT 5: `reason` is what to tell it before the connection is closed."""

    def __init__(self, why: str, reason: Reason = Reason.MALFORMED_PACKET) -> None:
        super().__init__(why)
        self.why = why
        self.reason = reason
