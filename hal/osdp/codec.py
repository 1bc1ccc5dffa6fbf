"""OSDP packets (IEC 60839-11-5): built, and found in a noisy stream; the same code at both ends.

Runs on MicroPython too: only built-ins, no dataclasses. A packet on the line is
`FF | 53 address length-LE16 control [security block] code data [MAC] check`; length counts from 53. The check
is a CRC in two bytes, little-endian, or a checksum in one; a reader answers with what it was asked with.
"""

BROADCAST = 0x7F
_MARK = 0xFF
_START = 0x53
_REPLY = 0x80
_HAS_CRC = 0x04
_HAS_SECURITY = 0x08
_HEAD_BYTES = 5
MAC_BYTES = 4
LONGEST = 1440
"""No packet may be longer (IEC 60839-11-5, 5.6): a length field that says so is noise."""

# Commands.
POLL = 0x60
ID = 0x61
CAP = 0x62
LSTAT = 0x64
ISTAT = 0x65
OSTAT = 0x66
OUT = 0x68
LED = 0x69
BUZ = 0x6A
COMSET = 0x6E
KEYSET = 0x75
CHLNG = 0x76
SCRYPT = 0x77

# Replies.
ACK = 0x40
NAK = 0x41
PDID = 0x45
PDCAP = 0x46
LSTATR = 0x48
ISTATR = 0x49
OSTATR = 0x4A
KEYPAD = 0x53
COM = 0x54
CCRYPT = 0x76
RMAC_I = 0x78
BUSY = 0x79

# Reasons of a NAK.
NAK_CHECK = 1
NAK_LENGTH = 2
NAK_UNKNOWN_COMMAND = 3
NAK_SEQUENCE = 4
NAK_SECURITY_BLOCK = 5
NAK_SECURITY_REQUIRED = 6
NAK_RECORD = 9

# Types of a security block.
SCS_11 = 0x11
SCS_12 = 0x12
SCS_13 = 0x13
SCS_14 = 0x14
SCS_15 = 0x15
SCS_16 = 0x16
SCS_17 = 0x17
SCS_18 = 0x18


def _crc_of(high: int) -> int:
    value = high << 8
    for _ in range(8):
        value = ((value << 1) ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


_CRC_TABLE = tuple([_crc_of(high) for high in range(256)])


def crc16(data: bytes) -> int:
    """CRC-16 with polynomial 1021 and initial value 1D0F, as in annex C of SIA OSDP 2.2."""
    crc = 0x1D0F
    for byte in data:
        crc = ((crc << 8) & 0xFFFF) ^ _CRC_TABLE[(crc >> 8) ^ byte]
    return crc


def next_sequence(sequence: int) -> int:
    """0 starts over; after it 1, 2, 3, 1, ..."""
    return sequence % 3 + 1


def checksum(data: bytes) -> int:
    """What makes the sum of all bytes of a packet a multiple of 256."""
    return -sum(data) & 0xFF


def _check_of(raw: bytes) -> bytes:
    """The check that follows `raw`, of the kind its control byte names."""
    if not raw[4] & _HAS_CRC:
        return bytes((checksum(raw),))
    crc = crc16(raw)
    return bytes((crc & 0xFF, crc >> 8))


def _check_bytes(control: int) -> int:
    return 2 if control & _HAS_CRC else 1


class Packet:
    """One packet whose check was right, not authenticated yet; `raw` is all of it before the check."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.address = raw[1] & BROADCAST
        self.is_reply = bool(raw[1] & _REPLY)
        self.sequence = raw[4] & 3
        self.has_crc = bool(raw[4] & _HAS_CRC)
        block = raw[_HEAD_BYTES : _HEAD_BYTES + raw[_HEAD_BYTES]] if raw[4] & _HAS_SECURITY else b""
        self.security = block[1] if block else 0
        """Type of the security block, 0 without one."""
        self.security_data = block[2:]
        body_at = _HEAD_BYTES + len(block)
        self.is_secured = self.security >= SCS_15 and len(raw) > body_at + MAC_BYTES
        """Some panels begin with a security block for a MAC, and no MAC."""
        end = len(raw) - MAC_BYTES if self.is_secured else len(raw)
        body = raw[body_at:end]
        self.code = body[0]
        self.data = body[1:]
        """Still encrypted under SCS_17 and SCS_18."""

    def __repr__(self) -> str:
        return f"<Packet {self.code:02x} for {self.address}, {len(self.raw)} bytes>"


def head(
    address: int,
    is_reply: bool,
    sequence: int,
    block: bytes,
    code: int,
    data: bytes,
    mac_size: int,
    has_crc: bool = True,
) -> bytes:
    """A packet up to its MAC, with the length as if `mac_size` more bytes and the check followed.

    `block` is a whole security block with its own length in front, or empty.
    """
    control = sequence | (_HAS_CRC if has_crc else 0) | (_HAS_SECURITY if block else 0)
    length = _HEAD_BYTES + len(block) + 1 + len(data) + mac_size + _check_bytes(control)
    start = bytes((_START, address | (_REPLY if is_reply else 0), length & 0xFF, length >> 8, control))
    return start + block + bytes((code,)) + data


def finish(packet: bytes) -> bytes:
    """What goes onto the line for a packet that lacks only its check."""
    return bytes((_MARK,)) + packet + _check_of(packet)


def plain(
    address: int,
    is_reply: bool,
    sequence: int,
    code: int,
    data: bytes,
    block: bytes = b"",
    has_crc: bool = True,
) -> bytes:
    """A packet without MAC, ready for the line: identification, session set-up and refusals only."""
    return finish(head(address, is_reply, sequence, block, code, data, 0, has_crc))


class Parser:
    """Finds packets in a stream, whatever else is in it; feed it bytes as they come.

    A false start can hold it waiting for bytes that never come: call `forget` after a silence on the line.
    """

    def __init__(self, longest: int = LONGEST) -> None:
        """A packet longer than `longest` bytes is noise: where memory is small it is less."""
        self._longest = longest
        self._waiting = b""

    def forget(self) -> None:
        """Drop a half-received packet."""
        self._waiting = b""

    def feed(self, data: bytes) -> "list[Packet]":
        """The packets that `data` completes, in order."""
        found = []
        rest = self._waiting + data
        while True:
            start = rest.find(bytes((_START,)))
            if start < 0:
                rest = b""
                break
            rest = rest[start:]
            size = self._size_of(rest)
            if size > len(rest):
                break
            packet = _read(rest[:size]) if size else None
            # A byte that only looked like a start: what follows may hold the real one.
            rest = rest[size:] if packet else rest[1:]
            if packet:
                found.append(packet)
        self._waiting = rest
        return found

    def _size_of(self, rest: bytes) -> int:
        """Bytes the packet at the start of `rest` has or needs at least; 0 if no packet can start here."""
        if len(rest) < _HEAD_BYTES:
            return _HEAD_BYTES
        length = rest[2] | rest[3] << 8
        return length if _HEAD_BYTES + 1 + _check_bytes(rest[4]) <= length <= self._longest else 0


def _read(frame: bytes) -> "Packet | None":
    """The packet in `frame`, or None if it is damaged or contradicts itself."""
    if len(frame) <= _HEAD_BYTES:
        return None
    raw = frame[: -_check_bytes(frame[4])]
    if len(raw) <= _HEAD_BYTES or _check_of(raw) != frame[len(raw) :]:
        return None
    if not raw[4] & _HAS_SECURITY:
        return Packet(raw)
    block = raw[_HEAD_BYTES]
    return Packet(raw) if block >= 2 and len(raw) > _HEAD_BYTES + block else None
