"""The data types of MQTT 5 (section 1.5), read with every length checked, and written."""

from cloud_sim.mqtt5.errors import BadPacket
from cloud_sim.mqtt5.reasons import Reason

VARIABLE_LIMIT = 268_435_455
"""The largest variable byte integer: four bytes of seven bits."""


class Reader:
    """Takes fields from the front of `data`; raises BadPacket where one does not fit or is ill-formed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_done(self) -> bool:
        return self._at == len(self._data)

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise BadPacket("the packet ends inside a field")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def byte(self) -> int:
        return self.take(1)[0]

    def two_bytes(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def four_bytes(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def variable(self) -> int:
        value = 0
        for place in range(4):
            byte = self.byte()
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                if byte == 0 and place > 0:
                    raise BadPacket("a variable byte integer is longer than it needs to be")
                return value
        raise BadPacket("a variable byte integer has more than four bytes")

    def binary(self) -> bytes:
        return self.take(self.two_bytes())

    def text(self) -> str:
        try:
            text = self.binary().decode()
        except UnicodeDecodeError:
            raise BadPacket("a string is not UTF-8") from None
        if "\0" in text:
            raise BadPacket("a string holds a NUL character")
        return text

    def pair(self) -> tuple[str, str]:
        return self.text(), self.text()

    def packet_id(self) -> int:
        packet_id = self.two_bytes()
        if packet_id == 0:
            raise BadPacket("packet identifier 0", Reason.PROTOCOL_ERROR)
        return packet_id

    def section(self) -> "Reader":
        """A reader of the next bytes, as many as a variable byte integer before them says."""
        return Reader(self.take(self.variable()))


def two_bytes(value: int) -> bytes:
    return value.to_bytes(2, "big")


def four_bytes(value: int) -> bytes:
    return value.to_bytes(4, "big")


def variable(value: int) -> bytes:
    if not 0 <= value <= VARIABLE_LIMIT:
        raise BadPacket(f"{value} does not fit a variable byte integer")
    out = bytearray()
    while True:
        value, byte = value >> 7, value & 0x7F
        out.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(out)


def binary(value: bytes) -> bytes:
    if len(value) > 0xFFFF:
        raise BadPacket(f"{len(value)} bytes do not fit a field of at most 65535")
    return two_bytes(len(value)) + value


def text(value: str) -> bytes:
    return binary(value.encode())


def pair(value: tuple[str, str]) -> bytes:
    return text(value[0]) + text(value[1])
