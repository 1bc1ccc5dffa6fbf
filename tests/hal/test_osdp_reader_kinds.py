"""Readers that differ: busy, checksum-only, small, poor in capabilities, away, and with much to say."""

import os
from collections.abc import Callable

import pytest

from firmware_sim.controller.peripheral import Peripheral
from hal.osdp import codec, records
from hal.osdp.aes import aes
from hal.osdp.capabilities import Capabilities, capabilities
from hal.osdp.events import Command, LinkDown, LinkUp
from tests.hal.bench import KEYS, Bench, clean, dead, inside_reader, outside_reader


def everything(packet: codec.Packet) -> bool:
    """Passes."""
    return bool(packet)


class Filtered:
    """A reader with something between it and the line."""

    def __init__(
        self, reader: Peripheral, passes: Callable[[codec.Packet], bool], instead: bytes = b""
    ) -> None:
        """What does not pass is answered `instead`."""
        self._reader = reader
        self.passes = passes
        self._instead = instead
        self.step = reader.step
        self.due_ms = reader.due_ms

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Only what passes reaches it."""
        for packet in codec.Parser().feed(data):
            if packet.address == self._reader.address and not self.passes(packet):
                return self._instead
        return self._reader.receive(data, now_ms)


class TellsOfItself(Peripheral):
    """A reader with capabilities of its own."""

    pdcap = b""

    def _capabilities(self) -> bytes:
        return self.pdcap


def with_pdcap(pdcap: bytes) -> TellsOfItself:
    """What is at address 1, and says this of itself."""
    reader = TellsOfItself(1, KEYS["inside"], aes, os.urandom, outputs=1, inputs=2)
    reader.pdcap = pdcap
    return reader


def sent_to(bench: Bench, address: int) -> list[codec.Packet]:
    """What the panel sent to that address."""
    packets = [packet for frame in bench.sent for packet in codec.Parser().feed(frame)]
    return [packet for packet in packets if packet.address == address]


def ask(bench: Bench, code: int, data: bytes, within_s: float = 1.0) -> list[str]:
    """Have a command sent to `inside`; the outcome appears in the list."""
    outcome: list[str] = []
    bench.panel.submit("inside", Command(code, data, bench.now + within_s, outcome.append))
    return outcome


# --- the check --------------------------------------------------------------------------------------------


def test_a_reader_that_knows_the_checksum_only_is_met_beside_one_with_crc() -> None:
    old = outside_reader(KEYS["outside"])
    bench = Bench(others=(Filtered(old, lambda packet: not packet.has_crc), inside_reader()))
    bench.up()
    old.press("7")
    bench.run(0.2)
    assert bench.typed() == "7"
    assert {packet.has_crc for packet in sent_to(bench, 1)} == {True}


def test_a_reader_with_crc_is_asked_with_crc_again_after_an_outage() -> None:
    bench = Bench().up()
    bench.line = dead
    bench.run(30)
    bench.sent.clear()
    bench.line = clean
    bench.run_until(lambda: bench.is_up("outside") and bench.is_up("inside"), limit_s=7)
    assert {packet.has_crc for packet in sent_to(bench, 0) if packet.is_secured} == {True}


def test_an_answer_with_the_other_kind_of_check_is_no_answer() -> None:
    bench = Bench().up()
    stranger = codec.plain(0, True, 0, codec.NAK, bytes((codec.NAK_SEQUENCE,)), has_crc=False)
    bench.line = lambda data: stranger + data if data[:3] == b"\xff\x53\x80" else data
    bench.run(1)
    assert not [event for event in bench.events if isinstance(event, LinkDown)]


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [codec.NAK_CHECK, codec.NAK_LENGTH, codec.NAK_UNKNOWN_COMMAND])
def test_a_plain_refusal_of_one_packet_is_answered_by_the_packet_again(reason: int) -> None:
    bench = Bench().up()
    refusals = [codec.plain(1, True, 0, codec.NAK, bytes((reason,)))] * 2
    bench.line = lambda data: refusals.pop() if refusals and data[:3] == b"\xff\x53\x81" else data
    outcome = bench.unlock(1.0)
    bench.run(0.5)
    assert (outcome, refusals) == ([""], [])
    assert not [event for event in bench.events if isinstance(event, LinkDown)]


def test_a_plain_refusal_that_stays_ends_the_session_which_comes_back() -> None:
    bench = Bench().up()
    refusal = codec.plain(1, True, 0, codec.NAK, bytes((codec.NAK_CHECK,)))
    bench.line = lambda data: refusal if data[:3] == b"\xff\x53\x81" else data
    bench.run(1)
    assert not bench.is_up("inside")
    bench.line = clean
    bench.run_until(lambda: bench.is_up("inside"), limit_s=4)


@pytest.mark.parametrize("reason", [codec.NAK_SEQUENCE, codec.NAK_SECURITY_BLOCK])
def test_a_refusal_of_the_sequence_or_the_session_ends_it_at_once(reason: int) -> None:
    bench = Bench().up()
    refusals = [codec.plain(1, True, 0, codec.NAK, bytes((reason,)))]
    bench.line = lambda data: refusals.pop() if refusals and data[:3] == b"\xff\x53\x81" else data
    bench.run(1)
    assert bench.events.count(LinkUp("inside")) == 2


def test_a_command_for_a_busy_reader_is_done_when_it_has_time_within_its_deadline() -> None:
    bench = Bench().up()
    busy = [codec.plain(1, True, 0, codec.BUSY, b"")] * 10
    bench.line = lambda data: busy.pop() if busy and data[:3] == b"\xff\x53\x81" else data
    outcome = bench.unlock(1.0)
    bench.run(0.8)
    assert (outcome, busy) == ([""], [])


def test_a_command_for_a_reader_that_stays_busy_is_dead_at_its_deadline() -> None:
    unit = inside_reader()
    inside = Filtered(unit, everything, codec.plain(1, True, 0, codec.BUSY, b""))
    bench = Bench(others=(outside_reader(KEYS["outside"]), inside)).up()
    inside.passes = lambda packet: packet.code == codec.ID
    outcome = ask(bench, codec.OUT, records.output(0, records.OUTPUT_TIMED_ON, 50), within_s=0.3)
    bench.run(0.4)
    assert outcome == ["the reader says that it is busy, for too long"]
    inside.passes = everything
    bench.run_until(lambda: bench.events.count(LinkUp("inside")) == 2)
    assert not unit.outputs.is_on(0)


# --- capabilities -----------------------------------------------------------------------------------------


def test_a_reader_without_lights_and_sounder_is_sent_neither() -> None:
    bench = Bench(others=(outside_reader(KEYS["outside"]), with_pdcap(bytes((2, 3, 1)))))
    bench.up()
    light = ask(bench, codec.LED, records.standing_led(records.steady(records.RED)))
    sound = ask(bench, codec.BUZ, records.buzzer(records.TONE_OFF, 0, 0, 0))
    bench.run(0.3)
    assert (light, sound) == (
        ["the reader says that it has no light"],
        ["the reader says that it has no sounder"],
    )
    assert not {codec.LED, codec.BUZ} & {packet.code for packet in sent_to(bench, 1)}


def test_a_reader_without_inputs_is_not_asked_for_them() -> None:
    bench = Bench(others=(outside_reader(KEYS["outside"]), with_pdcap(bytes((2, 3, 1)))))
    bench.panel.ask_regularly("inside", codec.ISTAT)
    bench.up()
    bench.run(6)
    assert codec.ISTAT not in {packet.code for packet in sent_to(bench, 1)}
    assert LinkUp("inside", "the reader says that it has no inputs") in bench.events


def test_an_output_that_a_reader_does_not_have_is_a_failure_that_says_so() -> None:
    bench = Bench().up()
    outcome = ask(bench, codec.OUT, records.output(3, records.OUTPUT_TIMED_ON, 50))
    bench.run(0.2)
    assert outcome == ["the reader has 1 outputs, none with the number 3"]


@pytest.mark.parametrize("pdcap", [b"", b"\x01\x02"])
def test_a_reader_that_does_not_say_what_it_can_is_tried(pdcap: bytes) -> None:
    bench = Bench(others=(outside_reader(KEYS["outside"]), with_pdcap(pdcap)))
    bench.up()
    outcome = ask(bench, codec.OUT, records.output(0, records.OUTPUT_TIMED_ON, 10))
    bench.run(0.2)
    assert outcome == [""]


def test_what_a_reader_can_is_asked_where_nobody_can_answer_for_it() -> None:
    bench = Bench().up()
    asked = [packet for packet in sent_to(bench, 0) if packet.code == codec.CAP]
    assert asked and all(packet.is_secured for packet in asked)


def test_no_packet_is_longer_than_the_reader_takes() -> None:
    small = capabilities(bytes((10, 48, 0)))
    assert small.refusal(0x80, bytes(16)) == "" != small.refusal(0x80, bytes(32))
    assert Capabilities().refusal(0x80, bytes(1000)) == ""
    bench = Bench(others=(outside_reader(KEYS["outside"]), with_pdcap(bytes((2, 3, 1, 10, 64, 0)))))
    bench.up()
    outcome = ask(bench, 0x80, bytes(100))
    bench.run(0.2)
    assert outcome == ["the reader takes 64 bytes at once, this needs 126"]


# --- length -----------------------------------------------------------------------------------------------


def test_a_command_and_an_answer_of_more_than_256_bytes_pass() -> None:
    bench = Bench().up()
    many = records.output(0, records.OUTPUT_OFF, 0) * 99 + records.output(0, records.OUTPUT_TIMED_ON, 10)
    outcome = ask(bench, codec.OUT, many)
    bench.run(0.2)
    assert outcome == [""]
    assert max(len(packet.raw) for packet in sent_to(bench, 1)) > 256
    wide = Peripheral(1, KEYS["inside"], aes, os.urandom, inputs=255)
    bench = Bench(others=(outside_reader(KEYS["outside"]), wide)).up()
    wide.set_input(254, True)
    bench.run(0.2)
    assert bench.reports("inside", codec.ISTATR) == [bytes(254) + b"\x01"]


# --- away -------------------------------------------------------------------------------------------------


def without_outside(data: bytes) -> bytes:
    """A line on which the reader with address 0 is torn off."""
    return b"" if data[2:3] in (b"\x00", b"\x80") else data


def test_a_reader_that_is_away_costs_the_others_less_than_a_tenth_of_their_pace() -> None:
    polls = []
    for line in (clean, without_outside):
        bench = Bench().up()
        bench.line = line
        bench.run(30)
        bench.sent.clear()
        bench.run(30)
        polls.append(len(sent_to(bench, 1)))
    assert polls[1] > polls[0] * 0.9
