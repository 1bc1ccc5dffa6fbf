"""Cuts a stream of bytes into packets, without ever buffering more than one packet may hold."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cloud_sim.mqtt5.errors import BadPacket
from cloud_sim.mqtt5.reasons import Reason


@dataclass(frozen=True, slots=True)
class Frame:
    """One packet as it came: type and flags in the first byte, then what follows the length."""

    first_byte: int
    body: bytes = field(repr=False)

    @property
    def kind(self) -> int:
        return self.first_byte >> 4


class Frames:
    """`feed` what arrives, iterate what is complete. A packet over `limit_bytes` raises BadPacket."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._waiting = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._waiting += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        header = self._header()
        if header is None:
            return None
        start, length = header
        if start + length > self._limit_bytes:
            raise BadPacket(
                f"a packet of {start + length} bytes, {self._limit_bytes} are allowed",
                Reason.PACKET_TOO_LARGE,
            )
        if len(self._waiting) < start + length:
            return None
        frame = Frame(self._waiting[0], bytes(self._waiting[start : start + length]))
        del self._waiting[: start + length]
        return frame

    def _header(self) -> tuple[int, int] | None:
        """Where the body starts and how long it is; None while the length is incomplete."""
        length = 0
        for place, byte in enumerate(self._waiting[1:5]):
            length |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                if byte == 0 and place > 0:
                    raise BadPacket("the length of a packet is written longer than it needs to be")
                return place + 2, length
        if len(self._waiting) >= 5:
            raise BadPacket("the length of a packet has more than four bytes")
        return None
