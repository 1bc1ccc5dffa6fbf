"""Keypads that send text on a line, Wiegand bursts, and a matrix: keys that were sent, and no others."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hal import wiegand
from hal.ascii_keypad import AsciiOptions, Reading
from hal.scan import EQUAL_SAMPLES, Scan
from tests.fuzz.target import Check, Draw, Target

KEYS = "0123456789*#"
LAYOUT = ["123", "456", "789", "*0#"]
PLAIN = AsciiOptions(port="/dev/ttyS0")
FRAMED = AsciiOptions(port="/dev/ttyS0", framing="stx-etx-lrc")
STX, ETX, LONGEST = 2, 3, 64
_MEANS = {**{ord(key): key for key in KEYS}, 13: "#", 27: "*", 10: ""}

Reader = Callable[[AsciiOptions], Reading]


def check(_: Path, reader: Reader = Reading) -> Check:
    """`reader`: what is to be tried of the serial line."""

    def one(data: bytes) -> None:
        draw = Draw(data)
        match draw.below(4):
            case 0:
                _plain(reader, draw)
            case 1:
                _framed(reader, draw)
            case 2:
                _burst(draw)
            case _:
                _matrix(draw)

    return one


def _taken(reader: Reader, options: AsciiOptions, draw: Draw) -> tuple[bytes, list[str | None]]:
    """What came in, in pieces of any size, and what was read of it."""
    size, data, reading = 1 + draw.below(16), draw.rest(), reader(options)
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return data, [key for piece in pieces for key in reading.take(piece)]


def _plain(reader: Reader, draw: Draw) -> None:
    data, keys = _taken(reader, PLAIN, draw)
    assert keys == [_MEANS.get(byte) for byte in data if _MEANS.get(byte) != ""]


def _framed(reader: Reader, draw: Draw) -> None:
    data, keys = _taken(reader, FRAMED, draw)
    assert keys == list(_framed_by_the_book(data))


def _framed_by_the_book(data: bytes) -> Iterable[str | None]:
    """Frame by frame: STX, keys, ETX and the XOR of keys and ETX; for anything else one doubt."""
    at = 0
    while at < len(data):
        if data[at] != STX:
            yield None
            at += 1
            continue
        end = data.find(ETX, at + 1)
        if end < 0 or end - at > LONGEST:
            if len(data) - at - 1 <= LONGEST:
                return  # not over yet
            yield None
            at += LONGEST + 2
            continue
        if end + 1 >= len(data):
            return
        keys, at = data[at + 1 : end], end + 2
        total = ETX
        for byte in keys:
            total ^= byte
        if data[end + 1] != total:
            yield None
            continue
        meant = [_MEANS.get(byte) for byte in keys if _MEANS.get(byte) != ""]
        yield from ("*", *meant, *(() if meant[-1:] == ["#"] else ("#",)))


def _burst(draw: Draw) -> None:
    size = draw.of((4, 6, 8, 26, 0, 1, 5, 27, 37))
    bits = "".join("01"[draw.below(2)] for _ in range(size))
    keys = wiegand.keys(bits)
    if keys is None:
        return
    assert size in (4, 6, 8, 26)
    assert set(keys) <= set(KEYS)
    number = int(bits[-4:] if size in (4, 8) else bits[1:-1] if size == 6 else bits[9:25], 2)
    assert keys == (KEYS[number] if size < 26 else f"*{number}#")
    half = size // 2
    if size in (6, 26):
        assert (bits[:half].count("1") % 2, bits[half:].count("1") % 2) == (0, 1)
    if size == 8:
        assert int(bits[:4], 2) ^ int(bits[4:], 2) == 15


@dataclass(slots=True)
class Levels:
    """The rule for a matrix: a key goes down once it was closed for four samples, and up likewise."""

    level: dict[str, int] = field(default_factory=lambda: dict.fromkeys("".join(LAYOUT), 0))
    down: set[str] = field(default_factory=set)

    def sample(self, closed: list[int]) -> str:
        """The keys that go down."""
        went_down = ""
        for row, keys in enumerate(LAYOUT):
            for column, key in enumerate(keys):
                step = 1 if closed[row] >> column & 1 else -1
                self.level[key] = min(max(self.level[key] + step, 0), EQUAL_SAMPLES)
                if self.level[key] == 0:
                    self.down.discard(key)
                elif self.level[key] == EQUAL_SAMPLES and key not in self.down:
                    self.down.add(key)
                    went_down += key
        return went_down


def _matrix(draw: Draw) -> None:
    """What goes down before it is known which keys are down anyway does not count, nor does a rectangle."""
    scan, levels, seen = Scan(LAYOUT), Levels(), 0
    while draw.is_left:
        closed = [draw.below(8) & draw.below(8) for _ in LAYOUT]
        for _ in range(1 + draw.below(6)):
            pressed = scan.sample(closed)
            if _has_rectangle(closed):
                assert pressed == ""
                continue
            went_down = levels.sample(closed)
            assert pressed == (went_down if seen >= EQUAL_SAMPLES else "")
            seen += 1


def _has_rectangle(closed: list[int]) -> bool:
    rows = [{column for column in range(3) if bits >> column & 1} for bits in closed]
    return any(len(one & other) > 1 for place, one in enumerate(rows) for other in rows[place + 1 :])


def seeds() -> list[bytes]:
    """Codes in each way, and some of each kind of noise."""
    frame = bytes([STX]) + b"4711#" + bytes([ETX])
    total = 0
    for byte in frame[1:]:
        total ^= byte
    framed = frame + bytes([total])
    return [
        b"\0\0" + b"4711#*\x1b12\r\n",
        b"\1\0" + framed,
        b"\1\3" + framed[:4] + framed + b"99" + framed,
        b"\1\17" + bytes([STX]) + b"1" * 70 + framed,
        *(bytes([2, kind]) + bytes([1, 0, 1, 1, 0, 0, 1, 0] * 5) for kind in range(4)),
        bytes([3]) + bytes([0, 0] * 4 + [5]) + bytes([7, 1] * 4 + [5]) + bytes([0, 0] * 4 + [5]) * 2,
        bytes([3]) + bytes([0, 0] * 4 + [5] + [1, 1, 0, 0, 0, 0, 0, 0, 5, 3, 3, 3, 3, 0, 0, 0, 0, 4]),
    ]


TARGET = Target(
    name="keypads",
    rules="what is read is what was sent, and anything else is a doubt that voids the code, never a key",
    check=check,
    seeds=seeds,
    quick=300,
)
