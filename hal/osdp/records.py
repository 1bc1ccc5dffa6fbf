"""The data of the OSDP commands and replies we use; the same code at both ends, MicroPython too."""

import struct

# OUT: what an output shall do. The standard's 3, 4 and 6 are not used by us.
OUTPUT_OFF = 1
OUTPUT_ON = 2
OUTPUT_TIMED_ON = 5
_OUT = "<BBH"

# Colours of a LED.
BLACK = 0
RED = 1
GREEN = 2
AMBER = 3
BLUE = 4

# LED: control codes of the temporary and of the permanent half.
LED_KEEP = 0
LED_CANCEL_TEMPORARY = 1
LED_SET_TEMPORARY = 2
LED_SET = 1
_LED = "<BBBBBBBHBBBBB"

# BUZ: tones.
TONE_OFF = 1
TONE_DEFAULT = 2
_BUZ = "<BBBBB"

_COM = "<BI"
# KEYSET: the only kind of key there is, and its length.
_SCBK = b"\x01\x10"

_KEY_BYTES = {"*": 0x7F, "#": 0x0D}
# Some readers send the printed character instead.
_KEYS = {0x7F: "*", 0x0D: "#", 0x2A: "*", 0x23: "#"}


def output(number: int, control: int, tenths: int) -> bytes:
    """Data of OUT for one output; `tenths` of a second, 0 to 65535, for the timed control code."""
    return struct.pack(_OUT, number, control, tenths)


def outputs(data: bytes) -> "list[tuple[int, int, int]]":
    """The (number, control, tenths) records of OUT; empty if the length is wrong."""
    size = struct.calcsize(_OUT)
    if not data or len(data) % size:
        return []
    return [struct.unpack(_OUT, data[at : at + size]) for at in range(0, len(data), size)]


class Light:
    """One half of a LED command: colours, and how long each shows in tenths of a second."""

    def __init__(self, on: int, off: int, on_tenths: int, off_tenths: int) -> None:
        self.on = on
        self.off = off
        self.on_tenths = on_tenths
        self.off_tenths = off_tenths

    def blinks(self) -> bool:
        """Whether it alternates."""
        return self.off_tenths > 0 and self.on != self.off


def steady(colour: int) -> Light:
    """A light that does not blink."""
    return Light(colour, colour, 1, 0)


def standing_led(light: Light) -> bytes:
    """Data of LED: show `light` from now on, and end a momentary one."""
    permanent = (LED_SET, light.on_tenths, light.off_tenths, light.on, light.off)
    return struct.pack(_LED, 0, 0, LED_CANCEL_TEMPORARY, 0, 0, 0, 0, 0, *permanent)


def momentary_led(light: Light, tenths: int) -> bytes:
    """Data of LED: show `light` for `tenths` of a second, then the standing one again."""
    temporary = (LED_SET_TEMPORARY, light.on_tenths, light.off_tenths, light.on, light.off, tenths)
    return struct.pack(_LED, 0, 0, *temporary, LED_KEEP, 0, 0, 0, 0)


def led(data: bytes) -> "tuple[int, ...] | None":
    """(reader, LED, temporary control, on, off, colours, tenths, permanent control, on, off, colours)."""
    return struct.unpack(_LED, data) if len(data) == struct.calcsize(_LED) else None


def buzzer(tone: int, on_tenths: int, off_tenths: int, count: int) -> bytes:
    """Data of BUZ; `count` 0 sounds until told otherwise."""
    return struct.pack(_BUZ, 0, tone, on_tenths, off_tenths, count)


def buzzer_fields(data: bytes) -> "tuple[int, ...] | None":
    """(reader, tone, on tenths, off tenths, count) of BUZ, or None if the length is wrong."""
    return struct.unpack(_BUZ, data) if len(data) == struct.calcsize(_BUZ) else None


def keypad(keys: str) -> bytes:
    """Data of KEYPAD for keys out of `0-9*#`."""
    return bytes((0, len(keys))) + bytes([_KEY_BYTES.get(key, ord(key)) for key in keys])


def keys(data: bytes) -> "list[str] | None":
    """The keys of KEYPAD in order; None if there is one that no keypad of ours has, or the count is wrong."""
    if len(data) < 2 or data[1] != len(data) - 2:
        return None
    found = [_KEYS.get(byte, chr(byte)) for byte in data[2:]]
    return found if all(key in "0123456789*#" for key in found) else None


def keyset(scbk: bytes) -> bytes:
    """Data of KEYSET: the 16 bytes of a reader's new Secure Channel base key."""
    return _SCBK + scbk


def key_of(data: bytes) -> "bytes | None":
    """The key of KEYSET; None if it is none for the Secure Channel, or the length is wrong."""
    return data[2:] if data[:2] == _SCBK and len(data) == 18 else None


def comset(address: int, baud: int) -> bytes:
    """Data of COMSET, and of COM, its answer."""
    return struct.pack(_COM, address, baud)


def com(data: bytes) -> "tuple[int, int] | None":
    """(address, baud) of COMSET or COM; None if it is no address of a reader, or the length is wrong."""
    if len(data) != struct.calcsize(_COM) or data[0] > 126:
        return None
    address, baud = struct.unpack(_COM, data)
    return address, baud
