"""The reader's firmware: relays that cannot stay on, keys that cannot be old."""

import os
from collections.abc import Callable

import pytest

from firmware_sim.controller.peripheral import HOST_LOST_MS, Peripheral
from hal.osdp import codec, records, secure
from hal.osdp.aes import aes
from hal.osdp.events import Command
from tests.hal.bench import Bench, dead


def output(bench: Bench, control: int, tenths: int = 0, number: int = 0) -> list[str]:
    """Send OUT; the outcome appears in the list."""
    outcome: list[str] = []
    data = records.output(number, control, tenths)
    bench.panel.submit("inside", Command(codec.OUT, data, bench.now + 1, outcome.append))
    bench.run(0.1)
    return outcome


def recording(heard: list[bytes]) -> Callable[[bytes], bytes]:
    """A line that is overheard."""

    def overhear(data: bytes) -> bytes:
        heard.append(data)
        return data

    return overhear


@pytest.mark.parametrize(("control", "tenths"), [(records.OUTPUT_ON, 0), (records.OUTPUT_TIMED_ON, 65535)])
def test_no_relay_stays_on_longer_than_the_ceiling(control: int, tenths: int) -> None:
    bench = Bench().up()
    output(bench, control, tenths)
    bench.run(59.8)
    assert bench.is_released()
    bench.run(0.2)
    assert not bench.is_released()


def test_when_the_host_falls_silent_the_relay_falls_after_three_seconds() -> None:
    bench = Bench().up()
    output(bench, records.OUTPUT_TIMED_ON, 300)
    bench.line = dead
    bench.run(HOST_LOST_MS / 1000 - 0.2)
    assert bench.is_released()
    bench.run(0.2)
    assert not bench.is_released()
    assert not bench.inside.is_secure()


def test_off_ends_a_timed_release_at_once() -> None:
    bench = Bench().up()
    output(bench, records.OUTPUT_TIMED_ON, 300)
    assert output(bench, records.OUTPUT_OFF) == [""]
    assert not bench.is_released()


def test_a_later_release_replaces_the_earlier_time() -> None:
    bench = Bench().up()
    output(bench, records.OUTPUT_TIMED_ON, 300)
    output(bench, records.OUTPUT_TIMED_ON, 10)
    bench.run(1)
    assert not bench.is_released()


@pytest.mark.parametrize(
    ("number", "control"), [(1, records.OUTPUT_ON), (0, 6), (200, records.OUTPUT_TIMED_ON)]
)
def test_an_output_command_that_is_not_understood_moves_nothing(number: int, control: int) -> None:
    bench = Bench().up()
    [failure] = output(bench, control, 10, number)
    assert failure
    assert not bench.inside.outputs.obey(records.output(number, control, 10))
    assert not bench.is_released()


def test_keys_without_a_session_are_discarded() -> None:
    keypad = Peripheral(0, bytes(16), aes, os.urandom)
    assert not keypad.press("1")
    assert keypad.keys_waiting() == 0


def test_keys_nobody_fetches_are_forgotten_with_the_session() -> None:
    bench = Bench().up()
    bench.line = dead
    bench.outside.press("1")
    assert bench.outside.keys_waiting() == 1
    bench.run(HOST_LOST_MS / 1000)
    assert bench.outside.keys_waiting() == 0


def test_more_keys_than_fit_are_refused_not_mixed_up() -> None:
    bench = Bench().up()
    taken = [bench.outside.press("1") for _ in range(40)]
    assert taken == [True] * 32 + [False] * 8


def test_a_light_for_a_moment_gives_way_to_the_standing_one() -> None:
    bench = Bench().up()
    lights = bench.outside.lights
    assert lights.obey_led(records.standing_led(records.steady(records.BLUE)))
    assert lights.obey_led(records.momentary_led(records.steady(records.GREEN), 30))
    assert lights.shown().on == records.GREEN
    bench.run(3)
    assert lights.shown().on == records.BLUE


def test_a_sound_without_end_is_ended_by_tone_off() -> None:
    bench = Bench().up()
    lights = bench.outside.lights
    assert lights.obey_buzzer(records.buzzer(records.TONE_DEFAULT, 2, 8, 0))
    bench.run(60)
    assert lights.is_sounding()
    assert lights.obey_buzzer(records.buzzer(records.TONE_OFF, 0, 0, 0))
    assert not lights.is_sounding()


def test_the_clock_may_wrap_as_it_does_on_microcontrollers() -> None:
    bench = Bench().up()
    bench.now = 0x3FFFFFFF / 1000 - 1
    for reader in bench.readers:
        reader.step(bench.now_ms())
    bench.up()
    bench.run(5)
    output(bench, records.OUTPUT_TIMED_ON, 20)
    bench.run(1.8)
    assert bench.is_released()
    bench.run(0.3)
    assert not bench.is_released()


@pytest.mark.parametrize("code", [codec.POLL, codec.OUT, codec.ISTAT, codec.LED, 0x75])
def test_outside_of_a_session_everything_but_a_name_is_refused(code: int) -> None:
    unit = Peripheral(1, bytes(16), aes, os.urandom, outputs=1, inputs=2)
    answer = unit.receive(codec.plain(1, False, 0, code, records.output(0, 2, 0)), 0)
    [packet] = codec.Parser().feed(answer)
    assert (packet.code, packet.data) == (codec.NAK, bytes((codec.NAK_SECURITY_REQUIRED,)))


def test_whoever_asks_for_the_public_default_key_is_asked_to_prove_the_own_one() -> None:
    unit = Peripheral(1, bytes(16), aes, os.urandom)
    challenge = codec.plain(1, False, 0, codec.CHLNG, bytes(8), bytes((3, codec.SCS_11, 0)))
    [packet] = codec.Parser().feed(unit.receive(challenge, 0))
    assert (packet.code, packet.security_data) == (codec.CCRYPT, b"\x01")
    public = secure.Session(aes, secure.PUBLIC_KEY, bytes(8))
    rnd_b, cryptogram = packet.data[8:16], packet.data[16:]
    assert cryptogram != public.cryptogram(bytes(8), rnd_b)
    proof = public.cryptogram(rnd_b, bytes(8))
    unit.receive(codec.plain(1, False, 1, codec.SCRYPT, proof, bytes((3, codec.SCS_13, 0))), 0)
    assert not unit.is_secure()


def test_what_is_for_another_address_is_not_answered() -> None:
    unit = Peripheral(1, bytes(16), aes, os.urandom)
    assert unit.receive(codec.plain(2, False, 0, codec.ID, b"\x00"), 0) == b""
    assert unit.receive(codec.plain(1, True, 0, codec.ID, b"\x00"), 0) == b""


def test_two_hundred_kilobytes_of_noise_leave_it_as_it_was() -> None:
    unit = Peripheral(1, bytes(16), aes, os.urandom, outputs=1)
    for _ in range(200):
        unit.receive(os.urandom(1000), 0)
    assert not unit.is_secure()
    assert not unit.outputs.is_on(0)


def test_what_waited_while_the_firmware_stood_still_is_not_carried_out() -> None:
    bench = Bench().up()
    bench.line = dead
    outcome = bench.unlock(5.0)
    bench.run(0.1)
    for waited in bench.sent[-5:]:
        bench.inside.step((bench.now_ms() + 600) & 0x3FFFFFFF)
        bench.inside.receive(waited, (bench.now_ms() + 600) & 0x3FFFFFFF)
    assert not bench.is_released()
    assert outcome == []


def test_a_new_session_forgets_the_keys_of_the_old_one() -> None:
    bench = Bench().up()
    answers: list[bytes] = []
    bench.outside.press("1")
    bench.panel.drop("the host restarts", bench.now)
    bench.line = recording(answers)
    bench.run(1)
    packets = codec.Parser().feed(b"".join(answers))
    assert bench.is_up("outside")
    assert codec.KEYPAD not in [packet.code for packet in packets if packet.is_reply]
