"""Panel and readers on one line: sessions, keys, commands and their deadlines."""

import pytest

from hal.osdp import codec, records
from hal.osdp.events import Command, LinkDown, LinkUp, Reader
from hal.osdp.handshake import WRONG_KEY
from hal.osdp.panel import Panel
from tests.hal.bench import KEYS, Bench, clean, dead


def press(bench: Bench, keys: str) -> int:
    """How many keys the keypad took."""
    return sum([bench.outside.press(key) for key in keys])


def test_both_readers_come_online_by_themselves() -> None:
    bench = Bench().up()
    assert bench.outside.is_secure()
    assert bench.inside.is_secure()


def test_keys_arrive_in_order_and_no_digit_is_readable_on_the_line() -> None:
    bench = Bench().up()
    heard = bytearray()

    def overheard(data: bytes) -> bytes:
        heard.extend(data)
        return data

    bench.line = overheard
    press(bench, "1234*90#")
    bench.run(0.2)
    assert bench.typed() == "1234*90#"
    assert b"1234" not in heard


def test_a_command_is_acknowledged_and_carried_out() -> None:
    bench = Bench().up()
    outcome = bench.unlock(5.0)
    bench.run(0.1)
    assert outcome == [""]
    assert bench.is_released()


@pytest.mark.parametrize("for_s", [0.1, 5.0, 25.6, 30.0, 59.9])
def test_a_timed_release_lasts_exactly_as_long_as_asked(for_s: float) -> None:
    bench = Bench().up()
    bench.unlock(for_s)
    bench.run_until(bench.is_released)
    released = bench.now
    bench.run_until(lambda: not bench.is_released(), limit_s=70)
    assert bench.now - released == pytest.approx(for_s, abs=0.0025)


def test_a_refused_command_ends_neither_the_session_nor_the_next_command() -> None:
    bench = Bench().up()
    outcome: list[str] = []
    bench.panel.submit("inside", Command(0x6B, b"hello", bench.now + 1, outcome.append))
    accepted = bench.unlock(1.0)
    bench.run(0.2)
    assert [bool(outcome and "refused" in outcome[0]), accepted] == [True, [""]]
    assert not [event for event in bench.events if isinstance(event, LinkDown)]


def test_a_command_during_a_cut_fails_at_its_deadline_and_is_never_carried_out() -> None:
    bench = Bench().up()
    bench.line = dead
    outcome = bench.unlock(5.0)
    bench.run(1.3)
    assert outcome and outcome[0]
    bench.line = clean
    bench.run(10)
    assert bench.is_up("inside")
    assert not bench.is_released()


def test_nothing_is_sent_for_a_command_after_its_deadline() -> None:
    bench = Bench().up()
    bench.line = dead
    bench.unlock(5.0, within_s=0.5)
    bench.run(0.5)
    already = set(bench.sent)
    bench.run(5.0)
    later = [packet for frame in bench.sent if frame not in already for packet in codec.Parser().feed(frame)]
    assert {packet.code for packet in later} <= {codec.ID, codec.POLL}


def test_a_command_whose_deadline_has_passed_is_not_sent_at_all() -> None:
    bench = Bench().up()
    outcome = bench.unlock(5.0, within_s=0.0)
    bench.run(0.5)
    assert outcome and "not sent in time" in outcome[0]
    assert not bench.is_released()


def test_a_lost_answer_is_given_again_and_nothing_is_done_twice() -> None:
    bench = Bench().up()
    answers = iter([True])
    bench.line = lambda data: b"" if data[:1] == b"\xff" and data[2] & 0x80 and next(answers, False) else data
    press(bench, "7")
    bench.run(1)
    assert bench.typed() == "7"


def test_after_a_cut_the_sessions_come_back() -> None:
    bench = Bench().up()
    bench.line = dead
    bench.run(5)
    assert not bench.is_up("outside")
    bench.line = clean
    bench.run(5)
    assert bench.is_up("outside")
    assert bench.is_up("inside")


def test_keys_typed_in_an_outage_never_arrive() -> None:
    bench = Bench().up()
    press(bench, "12")
    bench.line = dead
    for _ in range(10):
        bench.run(0.5)
        press(bench, "34")
    bench.line = clean
    bench.run(10)
    assert bench.typed() in ("", "12")


def test_keys_that_a_reader_kept_from_before_the_session_are_discarded() -> None:
    bench = Bench()
    bench.run_until(bench.outside.is_secure)
    # Before the first empty answer: as a reader does that keeps keys through an outage.
    press(bench, "123456789012")
    bench.run(0.5)
    assert bench.typed() == ""
    press(bench, "5")
    bench.run(0.1)
    assert bench.typed() == "5"


def test_a_reader_that_restarts_is_back_within_a_second() -> None:
    bench = Bench().up()
    bench.reboot(0)
    bench.run(1)
    assert bench.is_up("outside")
    assert bench.events.count(LinkUp("outside")) == 2


def test_a_reader_with_another_key_never_comes_online_and_the_other_one_does() -> None:
    bench = Bench(outside_key=bytes(16))
    bench.run(20)
    assert not bench.is_up("outside")
    assert bench.is_up("inside")
    [down] = [event for event in bench.events if isinstance(event, LinkDown)]
    assert down.reason == WRONG_KEY


def test_attempts_at_a_silent_reader_get_rarer() -> None:
    bench = Bench()
    bench.line = dead
    bench.run(60)
    assert 10 < len(bench.sent) < 60


def test_a_silent_reader_does_not_keep_the_other_one_waiting_for_long() -> None:
    bench = Bench().up()
    bench.line = lambda data: b"" if data[:3] in (b"\xff\x53\x00", b"\xff\x53\x80") else data
    bench.run(3)
    outcome = bench.unlock(1.0)
    bench.run(0.5)
    assert outcome == [""]


def test_a_short_press_of_an_input_is_reported() -> None:
    bench = Bench().up()
    bench.inside.set_input(1, True)
    bench.inside.set_input(1, False)
    bench.run(0.1)
    assert bench.reports("inside", codec.ISTATR)[-2:] == [b"\x00\x01", b"\x00\x00"]


def test_status_is_asked_at_the_start_of_a_session_and_again_later() -> None:
    bench = Bench()
    bench.panel.ask_regularly("inside", codec.LSTAT)
    bench.up()
    assert bench.reports("inside", codec.LSTATR) == [b"\x00\x00"]
    bench.run(11)
    assert len(bench.reports("inside", codec.LSTATR)) == 3


def test_two_readers_with_one_address_are_a_configuration_error() -> None:
    with pytest.raises(ValueError, match="same address"):
        Panel([Reader("a", 1, bytes(16)), Reader("b", 1, bytes(16))], 0.02, lambda _: (bytes, bytes), bytes)


def test_many_commands_for_one_reader_do_not_starve_the_other() -> None:
    bench = Bench().up()
    done: list[str] = []
    for _ in range(20):
        light = records.standing_led(records.steady(records.RED))
        bench.panel.submit(
            "outside", Command(codec.LED, light, bench.now + 5, lambda _: done.append("light"))
        )
    data = records.output(0, records.OUTPUT_TIMED_ON, 10)
    bench.panel.submit("inside", Command(codec.OUT, data, bench.now + 5, lambda _: done.append("strike")))
    bench.run(1)
    assert done.index("strike") <= 1
    assert len(done) == 21


def test_the_public_default_key_is_refused_in_the_configuration() -> None:
    with pytest.raises(ValueError, match="public default key"):
        Reader("a", 1, bytes(range(0x30, 0x40)))


def test_a_key_of_the_wrong_length_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="16 bytes") as fault:
        Reader("a", 1, b"secret")
    assert "secret" not in str(fault.value)
    assert KEYS["inside"].hex() not in repr(Reader("a", 1, KEYS["inside"])).replace("\\x", "")


def test_the_events_do_not_show_digits() -> None:
    bench = Bench().up()
    press(bench, "4321#")
    bench.run(0.2)
    assert "4321" not in repr(bench.events)


def test_an_echo_of_our_own_bytes_does_no_harm() -> None:
    bench = Bench()
    bench.does_echo = True
    assert bench.up().is_up("inside")


def test_records_with_the_wrong_length_are_refused_and_the_relay_stays() -> None:
    bench = Bench().up()
    outcome: list[str] = []
    broken = records.output(0, records.OUTPUT_TIMED_ON, 50)[:3]
    bench.panel.submit("inside", Command(codec.OUT, broken, bench.now + 1, outcome.append))
    bench.run(0.2)
    assert "refused" in outcome[0]
    assert not bench.is_released()
