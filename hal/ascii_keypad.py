"""A keypad that sends its keys as text on a serial line. Legacy: nothing on that line is secret or sure."""

import logging
import threading
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
import serial

from hal.osdp.line import Line
from hal.ports import CLEAR, ENTER, KEYS, Device, KeyPressed, KeysLost, LinkChanged, Post

STX, ETX = 0x02, 0x03
_FIRST_REOPEN_S = 0.2
_LONGEST_REOPEN_S = 5.0
_LOOK_S = 0.2
_END_S = 2.0
_LONGEST_FRAME = 64

_log = logging.getLogger(__name__)


class AsciiOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "ascii-keypad"`."""

    port: str
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    framing: Literal["none", "stx-etx-lrc"] = "none"
    """none: each byte is a key. stx-etx-lrc: STX, keys, ETX, and the XOR of keys and ETX."""
    enter: Annotated[str, msgspec.Meta(min_length=1)] = "#\r"
    """Characters that enter the code; in a frame its end enters it besides."""
    clear: Annotated[str, msgspec.Meta(min_length=1)] = "*\x1b"
    ignored: str = "\n"


class Reading:
    """From bytes to keys; None stands for something that was no key, so that a code being typed is void."""

    def __init__(self, options: AsciiOptions) -> None:
        self._is_framed = options.framing == "stx-etx-lrc"
        self._meaning: dict[int, str] = {ord(key): key for key in KEYS}
        self._meaning |= dict.fromkeys(options.ignored.encode("latin-1"), "")
        self._meaning |= dict.fromkeys(options.enter.encode("latin-1"), ENTER)
        self._meaning |= dict.fromkeys(options.clear.encode("latin-1"), CLEAR)
        self._frame: bytearray | None = None

    def take(self, data: bytes) -> list[str | None]:
        """The keys that `data` completes, in order."""
        if self._is_framed:
            return [key for byte in data for key in self._framed(byte)]
        return [key for byte in data if (key := self._meaning.get(byte)) != ""]

    def _framed(self, byte: int) -> list[str | None]:
        frame = self._frame
        if frame is None:
            self._frame = bytearray() if byte == STX else None
            return [] if byte == STX else [None]
        if frame[-1:] == bytes([ETX]):
            self._frame = None
            return self._keys(bytes(frame[:-1])) if byte == _lrc(bytes(frame)) else [None]
        if len(frame) >= _LONGEST_FRAME:
            self._frame = None
            return [None]
        frame.append(byte)
        return []

    def _keys(self, frame: bytes) -> list[str | None]:
        """A frame is a whole code: it starts afresh and is entered at its end."""
        keys: list[str | None] = [key for byte in frame if (key := self._meaning.get(byte)) != ""]
        return [CLEAR, *keys] if keys[-1:] == [ENTER] else [CLEAR, *keys, ENTER]


def _lrc(data: bytes) -> int:
    total = 0
    for byte in data:
        total ^= byte
    return total


class AsciiKeypad(Device):
    """Posts `KeyPressed` and `KeysLost` from a thread of its own, and `LinkChanged` as its port comes and
    goes. Whether a keypad hangs on the port nobody can know."""

    Options = AsciiOptions

    def __init__(self, name: str, options: AsciiOptions, lines: Mapping[str, Line], post: Post) -> None:
        del lines
        self._name = name
        self._options = options
        self._post = post
        self._is_ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """See `Device`."""
        if self._thread is None:
            self._is_ending.clear()
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """See `Device`."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._is_ending.set()
            thread.join(_END_S)

    def _run(self) -> None:
        pause_s, was_told = _FIRST_REOPEN_S, False
        while not self._is_ending.is_set():
            try:
                with serial.Serial(
                    self._options.port, self._options.baud, timeout=_LOOK_S, exclusive=True
                ) as port:
                    self._post(LinkChanged(self._name, True, "its port is open"))
                    pause_s, was_told = _FIRST_REOPEN_S, False
                    self._read(port)
            except OSError as fault:
                if not was_told:
                    was_told = True
                    _log.warning("%s: %s", self._name, fault)
                    self._post(KeysLost(self._name))
                    self._post(LinkChanged(self._name, False, f"serial port {self._options.port}: {fault}"))
                self._is_ending.wait(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_REOPEN_S)

    def _read(self, port: serial.Serial) -> None:
        """Until the port fails or the device is closed. What waited in it was typed for nobody."""
        port.reset_input_buffer()
        self._post(KeysLost(self._name))
        reading = Reading(self._options)
        while not self._is_ending.is_set():
            # One byte, then what came with it: a longer read would wait for keys nobody has typed yet.
            data = port.read(1)
            for key in reading.take(data + port.read(port.in_waiting) if data else b""):
                self._post(KeysLost(self._name) if key is None else KeyPressed(self._name, key))
