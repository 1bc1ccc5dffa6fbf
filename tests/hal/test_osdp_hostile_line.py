"""What noise, replays and impostors on the line achieve: nothing that opens the door."""

import os
import random
from collections.abc import Callable

import pytest

from hal.osdp import codec, handshake, records, secure
from hal.osdp.aes import aes
from hal.osdp.events import LinkDown, Reader
from hal.osdp.panel import Panel
from hal.ports import KeyRefused
from tests.hal.bench import KEYS, Bench, clean


def noisy(rate: float, seed: int) -> Callable[[bytes], bytes]:
    """A line that damages each byte with probability `rate`."""
    dice = random.Random(seed)

    def disturb(data: bytes) -> bytes:
        return bytes(byte ^ (1 << dice.randrange(8)) if dice.random() < rate else byte for byte in data)

    return disturb


@pytest.mark.parametrize(("rate", "least"), [(0.001, 0.95), (0.005, 0.8)])
def test_through_noise_spaced_keys_arrive_in_order_and_none_that_was_not_pressed(
    rate: float, least: float
) -> None:
    pressed = arrived = 0
    for seed in range(25):
        bench = Bench().up()
        bench.line = noisy(rate, seed)
        for key in "1234567890" * 2:
            bench.outside.press(key)
            bench.run(0.25)
            assert not bench.is_released()
        bench.run(5)
        rest = iter("1234567890" * 2)
        assert all(key in rest for key in bench.typed())
        pressed, arrived = pressed + 20, arrived + len(bench.typed())
    assert arrived >= pressed * least


def test_through_heavy_noise_the_relay_moves_only_for_commands_that_were_given() -> None:
    bench = Bench().up()
    bench.line = noisy(0.01, 7)
    for _ in range(50):
        bench.run(0.5)
        assert not bench.is_released()


def test_when_noise_ends_the_line_is_up_again() -> None:
    bench = Bench().up()
    bench.line = noisy(0.05, 1)
    bench.run(20)
    bench.line = clean
    bench.run(5)
    assert bench.is_up("outside")
    assert bench.is_up("inside")


def test_replayed_frames_do_not_move_the_relay_in_the_same_session_or_a_later_one() -> None:
    bench = Bench().up()
    bench.unlock(1.0)
    bench.run(2)
    recorded = list(bench.sent)
    bench.inside.receive(b"".join(recorded), bench.now_ms())
    assert not bench.is_released()
    bench.reboot(1)
    for frame in recorded:
        bench.inside.receive(frame, bench.now_ms())
        assert not bench.is_released()


def test_replayed_frames_do_not_keep_a_relay_on_when_the_host_is_gone() -> None:
    bench = Bench().up()
    bench.unlock(30.0)
    bench.run(0.5)
    for _ in range(40):
        bench.now += 0.1
        bench.inside.receive(bench.sent[-1] + bench.sent[-2], bench.now_ms())
    assert not bench.is_released()


def test_what_a_stranger_says_in_plain_text_does_not_end_a_session_at_the_reader() -> None:
    bench = Bench().up()
    for code in (codec.ID, codec.CAP, codec.POLL, codec.OUT, codec.CHLNG):
        answer = bench.inside.receive(codec.plain(1, False, 0, code, bytes(8)), bench.now_ms())
        assert codec.KEYPAD not in [packet.code for packet in codec.Parser().feed(answer)]
    outcome = bench.unlock(1.0)
    bench.run(0.2)
    assert outcome == [""]
    assert not [event for event in bench.events if isinstance(event, LinkDown)]


def plain_reader(command: codec.Packet) -> bytes:
    """A reader that knows no Secure Channel and reports keys in plain text."""
    if command.code == codec.ID:
        return codec.plain(0, True, command.sequence, codec.PDID, bytes(12))
    if command.code == codec.POLL:
        return codec.plain(0, True, command.sequence, codec.KEYPAD, records.keypad("1234#"))
    return codec.plain(0, True, command.sequence, codec.NAK, b"\x05")


def default_key_reader(command: codec.Packet) -> bytes:
    """A reader that answers with the public default key SCBK-D, as in install mode."""
    if command.code == codec.CHLNG:
        session = secure.Session(aes, bytes(range(0x30, 0x40)), command.data)
        data = bytes(16) + session.cryptogram(command.data, bytes(8))
        return codec.plain(0, True, command.sequence, codec.CCRYPT, data, bytes((3, codec.SCS_12, 0)))
    return plain_reader(command)


@pytest.mark.parametrize(
    ("impostor", "reason"), [(plain_reader, handshake.REFUSED), (default_key_reader, handshake.DEFAULT_KEY)]
)
def test_a_reader_without_its_own_key_never_comes_online(
    impostor: Callable[[codec.Packet], bytes], reason: str
) -> None:
    panel = Panel([Reader("outside", 0, KEYS["outside"])], 0.02, aes, os.urandom)
    events = []
    for tick in range(3000):
        for command in codec.Parser().feed(panel.step(tick / 100)):
            panel.receive(impostor(command), tick / 100)
        events += panel.take_events()
    assert events == [LinkDown("outside", reason), KeyRefused("outside", reason)]


def test_a_reader_that_is_busy_for_ever_does_not_look_alive() -> None:
    bench = Bench().up()
    busy = codec.plain(0, True, 0, codec.BUSY, b"")
    bench.line = lambda data: busy if data[:3] == b"\xff\x53\x80" else data
    bench.run(5)
    assert not bench.is_up("outside")


def test_a_reader_that_is_busy_for_a_moment_loses_nothing() -> None:
    bench = Bench().up()
    busy = [codec.plain(0, True, 0, codec.BUSY, b"")] * 5
    bench.outside.press("5")
    bench.line = lambda data: busy.pop() if busy and data[:3] == b"\xff\x53\x80" else data
    bench.run(1)
    assert bench.typed() == "5"
    assert bench.is_up("outside")
