"""Keys of readers: given in a window, changed in a session, missed when they are gone; and COMSET."""

import os

import pytest

from firmware_sim.controller.peripheral import Peripheral
from hal.osdp import codec, link, records, secure
from hal.osdp.aes import aes
from hal.osdp.events import Command, LinkDown, LinkUp, Reader, Report
from hal.osdp.panel import Panel
from hal.ports import KeyRefused, NextKeyUsed
from tests.hal.bench import KEYS, Bench, clean, dead, inside_reader

NEW_KEY = bytes(range(100, 116))


class Unit(Peripheral):
    """The keypad at address 0, with what it keeps on its flash."""

    def __init__(self, scbk: bytes | None) -> None:
        self.kept: list[bytes] = []
        self.places: list[tuple[int, int]] = []
        self.can_keep = True
        super().__init__(0, scbk, aes, os.urandom, keep_key=self._keep, keep_place=self._move)

    def _keep(self, scbk: bytes) -> bool:
        self.kept += [scbk] if self.can_keep else []
        return self.can_keep

    def _move(self, address: int, baud: int) -> bool:
        self.places.append((address, baud))
        return True


def bench_with(unit: Peripheral) -> Bench:
    """`unit` as the outside reader, beside the inside one."""
    return Bench(others=(unit, inside_reader()))


def submit(bench: Bench, code: int, data: bytes) -> list[str]:
    """Send a command to the outside reader; the outcome appears in the list."""
    outcome: list[str] = []
    bench.panel.submit("outside", Command(code, data, bench.now + 2, outcome.append))
    return outcome


def install(bench: Bench, for_s: float = 60.0) -> list[str]:
    """Open the window; the outcome appears in the list."""
    outcome: list[str] = []
    command = Command(codec.KEYSET, records.keyset(KEYS["outside"]), bench.now + for_s, outcome.append)
    bench.panel.install("outside", command, bench.now)
    return outcome


def told(bench: Bench) -> list[KeyRefused]:
    """The alarms about keys."""
    return [event for event in bench.events if isinstance(event, KeyRefused)]


# --- given ------------------------------------------------------------------------------------------------


def test_a_reader_without_a_key_is_given_its_own_in_the_window_and_keeps_it() -> None:
    unit = Unit(None)
    bench = bench_with(unit)
    outcome = install(bench)
    bench.up()
    assert (outcome, unit.kept) == ([""], [KEYS["outside"]])
    unit.press("7")
    bench.run(0.2)
    assert bench.typed() == "7"


def test_a_reader_without_a_key_stays_away_while_nobody_opened_a_window() -> None:
    unit = Unit(None)
    bench = bench_with(unit)
    bench.run(30)
    assert not bench.is_up("outside")
    assert (unit.kept, len(told(bench))) == ([], 1)


def test_the_window_ends_and_after_it_nothing_is_given() -> None:
    unit = Unit(None)
    bench = bench_with(unit)
    bench.line = dead
    outcome = install(bench, for_s=5.0)
    bench.run(5.1)
    assert outcome == [link.WINDOW_OVER]
    bench.line = clean
    bench.run(20)
    assert (unit.kept, bench.is_up("outside")) == ([], False)


def test_a_window_that_ends_while_a_reader_is_given_its_key_ends_that_too() -> None:
    unit = Unit(None)
    bench = bench_with(unit)
    bench.line = lambda data: b"" if secured(data) else data
    outcome = install(bench, for_s=2.0)
    bench.run(2.5)
    bench.line = clean
    bench.run(10)
    assert (outcome, unit.kept, bench.is_up("outside")) == ([link.WINDOW_OVER], [], False)


def secured(data: bytes) -> list[int]:
    """The commands with a MAC for the outside reader."""
    packets = codec.Parser().feed(data)
    return [one.code for one in packets if one.is_secured and not one.is_reply and one.address == 0]


def test_a_window_ends_with_the_line_and_is_not_open_when_that_comes_back() -> None:
    bench = bench_with(Unit(None))
    bench.line = dead
    outcome = install(bench)
    bench.run(1)
    bench.panel.drop("the line is gone", bench.now)
    bench.line = clean
    bench.run(10)
    assert (outcome, bench.is_up("outside")) == (["the line is gone"], False)


def test_in_the_window_a_reader_with_a_strange_key_is_no_alarm_yet_and_stays_away() -> None:
    unit = Unit(bytes(16))
    bench = bench_with(unit)
    outcome = install(bench, for_s=10)
    bench.run(9)
    assert told(bench) == []
    bench.run(10)
    assert (outcome, unit.kept, len(told(bench))) == ([link.WINDOW_OVER], [], 1)


def test_under_the_public_key_a_reader_is_sent_nothing_but_its_key() -> None:
    unit = Unit(None)
    bench = bench_with(unit)
    sent: list[int] = []

    def overheard(data: bytes) -> bytes:
        sent.extend([] if unit.is_secure() else secured(data))
        return data

    bench.line = overheard
    install(bench)
    waiting = submit(bench, codec.LED, records.standing_led(records.steady(records.RED)))
    bench.up()
    assert sent == [codec.KEYSET]
    assert waiting == [""]


def test_a_reader_under_the_public_key_does_nothing_but_take_a_key() -> None:
    unit = Unit(None)
    session = secure.Session(aes, secure.PUBLIC_KEY, bytes(8))
    sequence = 0

    def ask(code: int, data: bytes, block: bytes = b"") -> codec.Packet:
        [packet] = codec.Parser().feed(unit.receive(codec.plain(0, False, sequence, code, data, block), 0))
        return packet

    answer = ask(codec.CHLNG, bytes(8), bytes((3, codec.SCS_11, 0)))
    assert answer.security_data == b"\x00"
    proof = session.cryptogram(answer.data[8:16], bytes(8))
    first_mac = session.start(proof)
    assert ask(codec.SCRYPT, proof, bytes((3, codec.SCS_13, 0))).data == first_mac
    assert not unit.is_secure()
    assert not unit.press("1")
    for code in (codec.LED, codec.OUT, codec.COMSET, codec.LSTAT):
        sequence = codec.next_sequence(sequence)
        sent = session.seal(0, False, sequence, code, records.comset(3, 9600))
        [reply] = codec.Parser().feed(unit.receive(sent, 0))
        assert session.open(reply) == bytes((codec.NAK_SECURITY_REQUIRED,))
    assert unit.address == 0


def test_a_window_for_a_reader_that_is_online_is_not_opened() -> None:
    bench = Bench().up()
    outcome = install(bench)
    bench.run(0.1)
    assert outcome == [link.HAS_ITS_KEY]
    assert not [event for event in bench.events if isinstance(event, LinkDown)]


def test_a_reader_that_cannot_keep_its_key_is_a_failure_that_says_so() -> None:
    unit = Unit(None)
    unit.can_keep = False
    bench = bench_with(unit)
    outcome = install(bench)
    bench.run(3)
    assert outcome == ["the reader refused its key (NAK 09)"]
    assert not bench.is_up("outside")


def test_a_lost_answer_while_a_key_is_given_does_no_harm() -> None:
    unit = Unit(None)
    bench = bench_with(unit)
    lost = iter([True, True])
    bench.line = lambda data: b"" if data[1:3] == b"\x53\x80" and unit.kept and next(lost, False) else data
    outcome = install(bench)
    bench.up()
    assert outcome == [""]


# --- changed ----------------------------------------------------------------------------------------------


def test_a_key_is_changed_in_the_session_and_the_old_one_counts_no_more() -> None:
    unit = Unit(KEYS["outside"])
    bench = bench_with(unit).up()
    outcome = submit(bench, codec.KEYSET, records.keyset(NEW_KEY))
    bench.run_until(lambda: bench.events.count(LinkUp("outside")) == 2)
    assert (outcome, unit.kept) == ([""], [NEW_KEY])
    assert NextKeyUsed("outside") in bench.events
    assert NEW_KEY not in b"".join(bench.sent)
    bench.others = (Unit(KEYS["outside"]), bench.readers[1])
    bench.run(20)
    assert not bench.is_up("outside")


@pytest.mark.parametrize("scbk", [KEYS["outside"], NEW_KEY], ids=["old", "new"])
def test_a_panel_that_died_in_between_finds_the_reader_with_either_key(scbk: bytes) -> None:
    bench = bench_with(Unit(scbk))
    reader = Reader("outside", 0, KEYS["outside"], NEW_KEY)
    bench.panel = Panel([reader, Reader("inside", 1, KEYS["inside"])], 0.02, aes, os.urandom)
    # Both are tried at once, without the pause of a reader that is away.
    bench.run_until(lambda: bench.is_up("outside"), limit_s=0.15)
    assert (NextKeyUsed("outside") in bench.events) == (scbk == NEW_KEY)


@pytest.mark.parametrize("data", [b"", b"\x01\x10" + bytes(15), b"\x02\x10" + bytes(16)])
def test_what_is_no_key_is_refused_and_the_old_key_stays(data: bytes) -> None:
    unit = Unit(KEYS["outside"])
    bench = bench_with(unit).up()
    outcome = submit(bench, codec.KEYSET, data)
    public = submit(bench, codec.KEYSET, records.keyset(secure.PUBLIC_KEY))
    bench.run(1)
    assert [outcome, public] == [["the reader refused it (NAK 09)"]] * 2
    assert unit.kept == []


# --- missed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scbk", [None, bytes(16)])
def test_a_reader_that_comes_back_without_its_key_is_an_alarm_and_no_pairing(scbk: bytes | None) -> None:
    bench = bench_with(Unit(KEYS["outside"])).up()
    bench.line = dead
    bench.run(10)
    back = Unit(scbk)
    bench.others = (back, bench.readers[1])
    bench.line = clean
    bench.run(30)
    assert not bench.is_up("outside")
    assert bench.is_up("inside")
    assert ([alarm.unit for alarm in told(bench)], back.kept) == (["outside"], [])
    bench.others = (Unit(KEYS["outside"]), bench.readers[1])
    bench.run_until(lambda: bench.is_up("outside"))


def test_noise_while_a_session_is_set_up_is_no_alarm_about_keys() -> None:
    bench = Bench()
    refusal = [codec.plain(0, True, 1, codec.NAK, bytes((codec.NAK_SECURITY_REQUIRED,)))]
    bench.line = lambda data: (
        refusal.pop() if refusal and data[1:3] == b"\x53\x80" and len(data) > 25 else data
    )
    bench.up()
    assert (refusal, told(bench)) == ([], [])


# --- COMSET -----------------------------------------------------------------------------------------------


def test_a_reader_is_given_another_address_and_says_so_even_twice() -> None:
    unit = Unit(KEYS["outside"])
    bench = bench_with(unit).up()
    lost = iter([True])
    bench.line = lambda data: b"" if bool(unit.places) and next(lost, False) else data
    outcome = submit(bench, codec.COMSET, records.comset(5, 115200))
    bench.run(1)
    assert (outcome, unit.places, unit.address) == ([""], [(5, 115200)], 5)
    assert [event.data for event in bench.events if isinstance(event, Report)] == [records.comset(5, 115200)]


def test_a_reader_that_chooses_another_place_is_a_failure_that_names_it() -> None:
    class Obstinate(Unit):
        def _take_place(self, data: bytes) -> tuple[int, bytes]:
            del data
            return codec.COM, records.comset(9, 9600)

    bench = bench_with(Obstinate(KEYS["outside"])).up()
    outcome = submit(bench, codec.COMSET, records.comset(5, 115200))
    bench.run(0.5)
    assert outcome == ["the reader chose address 9 and 9600 baud"]


@pytest.mark.parametrize("data", [b"\x05", records.comset(127, 9600), records.comset(5, 9600) + b"\x00"])
def test_what_is_no_place_is_refused(data: bytes) -> None:
    unit = Unit(KEYS["outside"])
    bench = bench_with(unit).up()
    outcome = submit(bench, codec.COMSET, data)
    bench.run(0.5)
    assert (outcome, unit.places) == (["the reader refused it (NAK 09)"], [])


def test_no_key_is_in_a_repr() -> None:
    command = Command(codec.KEYSET, records.keyset(NEW_KEY), 1.0, print)
    shown = repr(command) + repr(Reader("outside", 0, KEYS["outside"], NEW_KEY))
    assert [scbk for scbk in (NEW_KEY, KEYS["outside"]) if repr(scbk)[2:-1] in shown] == []
