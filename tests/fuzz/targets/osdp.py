"""The line to OSDP readers: noise, replays and strangers open and type nothing, and it recovers; a reader or
a host that lost its mind stops nobody."""

from collections.abc import Callable, Iterator
from pathlib import Path

from firmware_sim.controller.peripheral import Peripheral
from hal.osdp import codec, records
from hal.osdp.aes import aes
from hal.osdp.events import Command, Report
from tests.fuzz.target import Check, Draw, Target
from tests.hal.bench import KEYS, Bench, clean, dead, inside_reader

MOST_ACTS = 16
HOST_LOST_S = 4.0
RECOVERS_WITHIN_S = 30.0
POLL_S = 0.2
"""So slow that an input takes some milliseconds."""

Parse = Callable[[], codec.Parser]


def check(_: Path, parser: Parse = codec.Parser) -> Check:
    """`parser`: what is to be tried of the codec."""

    def one(data: bytes) -> None:
        draw = Draw(data)
        match draw.below(4):
            case 0:
                _parse(parser, draw)
            case 1:
                _disturb(draw)
            case 2:
                _odd_reader(draw)
            case _:
                _odd_host(draw)

    return one


def _parse(parser: Parse, draw: Draw) -> None:
    size, data = 1 + draw.below(32), draw.rest()
    whole, pieces = parser(), parser()
    found = whole.feed(data)
    in_pieces = [packet for at in range(0, len(data), size) for packet in pieces.feed(data[at : at + size])]
    assert [packet.raw for packet in found] == [packet.raw for packet in in_pieces]
    for packet in found:
        assert packet.raw in data
        frame = codec.finish(packet.raw)
        assert frame[1:] in data, "a packet whose check is wrong"
        assert len(frame) - 1 == packet.raw[2] | packet.raw[3] << 8
        assert not records.led(packet.data) or len(packet.data) == 14
        assert set(records.keys(packet.data) or []) <= set("0123456789*#")


def _disturb(draw: Draw) -> None:
    """Somebody on the wires who knows no key: what he sends and what he makes of what goes by."""
    bench = Bench(poll_s=POLL_S).up()
    heard: list[bytes] = []
    frames = _frames(draw, heard)

    def line(data: bytes) -> bytes:
        if data:
            heard.append(data)
        return next(frames, data) if data and draw.is_left and not draw.below(3) else data

    bench.line = line
    for _ in range(MOST_ACTS):
        if not draw.is_left:
            break
        frame = next(frames, b"")
        now_ms = bench.now_ms()
        for reader in bench.readers:
            bench.panel.receive(reader.receive(frame, now_ms), bench.now)
        bench.panel.receive(frame, bench.now)
        bench.run(draw.of((0.02, 0.0, 0.1, 0.5)))
        assert not bench.is_released(), "a stranger moved the relay"
        assert bench.typed() == "", "keys that nobody pressed"
    bench.line = clean
    bench.run_until(lambda: bench.is_up("outside") and bench.is_up("inside"), RECOVERS_WITHIN_S)
    bench.run(1.0)
    bench.outside.press("7")
    bench.run_until(lambda: bench.typed() == "7", RECOVERS_WITHIN_S)


def _frames(draw: Draw, heard: list[bytes]) -> Iterator[bytes]:
    """Rubbish, packets in plain text, and what was heard, altered or not."""
    while draw.is_left:
        match draw.below(4):
            case 0:
                yield bytes(draw.number(1) for _ in range(draw.below(40)))
            case 1:
                code, size = draw.number(1), draw.below(24)
                data = bytes(draw.number(1) for _ in range(size))
                block = draw.of(
                    (b"", b"", b"\3\x11\1", b"\3\x13\1", b"\2\x15", b"\2\x17", b"\2\x16", b"\2\x18")
                )
                yield codec.plain(draw.below(3), draw.below(2) == 1, draw.below(4), code, data, block)
            case 2 if heard:
                yield heard[-1 - draw.below(len(heard))]
            case _ if heard:
                frame = bytearray(heard[-1 - draw.below(min(8, len(heard)))])
                frame[draw.below(len(frame))] ^= 1 << draw.below(8)
                yield bytes(frame[: -1 if draw.below(4) == 1 else None])
            case _:
                yield b""


class OddReader(Peripheral):
    """It has the right key, and says what it likes."""

    def __init__(self, draw: Draw) -> None:
        super().__init__(0, KEYS["outside"], aes, lambda size: bytes(range(size)))
        self._draw = draw

    def _obey(self, code: int, data: bytes) -> tuple[int, bytes]:
        if not self._draw.is_left or self._draw.below(3):
            return super()._obey(code, data)
        replies = (
            codec.KEYPAD,
            codec.ISTATR,
            codec.LSTATR,
            codec.PDCAP,
            codec.NAK,
            codec.COM,
            codec.BUSY,
            codec.ACK,
        )
        said = self._draw.of((*replies, self._draw.number(1)))
        return said, bytes(self._draw.number(1) for _ in range(self._draw.of((0, 1, 2, 3, 8, 30))))


def _odd_reader(draw: Draw) -> None:
    bench = Bench(poll_s=POLL_S)
    bench.others = [OddReader(draw), inside_reader()]
    bench.panel.ask_regularly("outside", codec.ISTAT)
    bench.run(3.0)
    for _ in range(MOST_ACTS):
        if not draw.is_left:
            break
        bench.run(draw.of((0.1, 0.5, 3.0)))
    for event in bench.events:
        if isinstance(event, Report):  # what a driver makes of it
            assert set(records.keys(event.data) or ()) <= set("0123456789*#")
    bench.run_until(lambda: bench.is_up("inside"), RECOVERS_WITHIN_S)


def _odd_host(draw: Draw) -> None:
    """Any command in a session: done or refused once, and no relay stays on."""
    bench, asked = Bench(poll_s=POLL_S).up(), 0
    outcomes: list[str] = []
    for _ in range(MOST_ACTS):
        if not draw.is_left:
            break
        usual = (
            codec.OUT,
            codec.OUT,
            codec.LED,
            codec.BUZ,
            codec.KEYSET,
            codec.COMSET,
            codec.ISTAT,
            codec.CAP,
        )
        code = draw.of((*usual, draw.number(1)))
        data = bytes(draw.number(1) for _ in range(draw.of((4, 14, 5, 18, 0, 1, 8, 40))))
        asked += 1
        bench.panel.submit(
            draw.of(("inside", "outside")), Command(code, data, bench.now + 1.0, outcomes.append)
        )
        bench.run(draw.of((0.1, 0.5, 2.0)))
    bench.run(2.0)
    assert len(outcomes) == asked, "a command was forgotten or answered twice"
    bench.line = dead
    bench.run(HOST_LOST_S)
    assert not bench.is_released(), "a relay stayed on without its host"


def seeds() -> list[bytes]:
    """Packets of other implementations, and some of each kind of mischief."""
    packets = [
        bytes.fromhex("ff53650900046100d97a"),
        bytes.fromhex("53e514000445bebafe0101afbeaddeaddead07fd"),
        codec.plain(0, True, 1, codec.KEYPAD, records.keypad("4711#")),
        codec.plain(1, False, 2, codec.OUT, records.output(0, records.OUTPUT_TIMED_ON, 50), has_crc=False),
    ]
    mischief = [bytes((place * step + step) % 256 for place in range(90)) for step in (7, 31, 101, 193)]
    return [
        *(b"\0\3" + packet for packet in packets),
        b"\0\1" + b"".join(packets),
        *(bytes([way]) + each for way in (1, 2, 3) for each in mischief),
    ]


TARGET = Target(
    name="osdp",
    rules="who has no key opens nothing and types nothing; no reader and no host stops the line",
    check=check,
    seeds=seeds,
    quick=40,
)
