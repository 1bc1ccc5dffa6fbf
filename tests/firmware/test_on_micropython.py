"""The firmware as it is, on the real MicroPython VM; at the other end of its line the agent's control panel.

Pins are wired by the test; time is the test's, so a minute takes no minute.
"""

import random
from collections.abc import Iterator

import pytest

from hal.osdp import codec, records
from hal.osdp.events import Command, LinkUp
from tests.firmware.microcontroller import INSIDE, NODE, OUTSIDE, PACKAGE, Microcontroller
from tests.hal.bench import KEYS, Bench, dead

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(NODE is None, reason="node is not installed"),
    pytest.mark.skipif(not PACKAGE.exists(), reason="the MicroPython VM is not installed: make test-tools"),
]
RELAY, CONTACT, REX, TAMPER = 26, 20, 21, 22
RED, GREEN, SOUNDER = 16, 17, 19


@pytest.fixture(scope="module")
def machines() -> Iterator[tuple[Microcontroller, Microcontroller]]:
    made = Microcontroller(OUTSIDE, KEYS["outside"]), Microcontroller(INSIDE, KEYS["inside"])
    yield made
    for one in made:
        one.close()


@pytest.fixture
def outside(machines: tuple[Microcontroller, Microcontroller]) -> Microcontroller:
    machines[0].boot()
    return machines[0]


@pytest.fixture
def inside(machines: tuple[Microcontroller, Microcontroller]) -> Microcontroller:
    machines[1].boot()
    return machines[1]


@pytest.fixture
def bench(outside: Microcontroller, inside: Microcontroller) -> Iterator[Bench]:
    """Both units on one line, in secure sessions; the door is closed."""
    outside.switch(TAMPER, is_closed=True)
    inside.switch(CONTACT, is_closed=True)
    yield Bench(others=(outside, inside)).up()
    outside.switch(TAMPER, is_closed=False)
    inside.switch(CONTACT, is_closed=False)


def press(bench: Bench, keypad: Microcontroller, key: str) -> None:
    """Press a key for a while, with contacts that bounce both ways."""
    for is_down in (True, False):
        for _ in range(3):
            keypad.key(key, is_down=is_down)
            bench.run(0.002)
            keypad.key(key, is_down=not is_down)
            bench.run(0.002)
        keypad.key(key, is_down=is_down)
        bench.run(0.06)


def test_keys_pressed_at_the_matrix_arrive_once_each_and_in_order(
    bench: Bench, outside: Microcontroller
) -> None:
    for key in "493817#":
        press(bench, outside, key)
    bench.run_until(lambda: bench.typed() == "493817#")


def test_three_keys_at_once_fake_no_fourth(bench: Bench, outside: Microcontroller) -> None:
    for is_down in (True, False):
        for key in "124":
            outside.key(key, is_down=is_down)
        bench.run(0.2)
    press(bench, outside, "9")
    bench.run_until(lambda: "9" in bench.typed())
    assert set(bench.typed()) <= set("1249")


def test_a_release_moves_the_relay_and_ends_by_itself(bench: Bench, inside: Microcontroller) -> None:
    outcome = bench.unlock(1.0)
    bench.run_until(lambda: inside.level(RELAY) == 1)
    bench.run(0.9)
    assert (outcome, inside.level(RELAY)) == ([""], 1)
    bench.run(0.2)
    assert inside.level(RELAY) == 0


def test_no_relay_stays_on_for_more_than_a_minute(outside: Microcontroller, inside: Microcontroller) -> None:
    bench = Bench(others=(outside, inside), poll_s=0.5).up()
    data = records.output(0, records.OUTPUT_ON, 0)
    bench.panel.submit("inside", Command(codec.OUT, data, bench.now + 1.0, lambda _: None))
    bench.run_until(lambda: inside.level(RELAY) == 1)
    bench.run(59.5)
    assert inside.level(RELAY) == 1
    bench.run(1.0)
    assert inside.level(RELAY) == 0


def test_a_relay_falls_when_the_host_is_gone(bench: Bench, inside: Microcontroller) -> None:
    bench.unlock(60)
    bench.run_until(lambda: inside.level(RELAY) == 1)
    bench.line = dead
    began = bench.now
    bench.run_until(lambda: inside.level(RELAY) == 0)
    assert bench.now - began <= 3.1


def test_keys_pressed_while_the_line_is_cut_are_never_heard_of(
    bench: Bench, outside: Microcontroller
) -> None:
    line, bench.line = bench.line, dead
    bench.run(4.0)
    press(bench, outside, "5")
    bench.line = line
    bench.run_until(lambda: bench.is_up("outside"))
    bench.run(0.5)
    assert bench.typed() == ""


def test_the_door_the_exit_button_and_the_case_are_reported(
    bench: Bench, outside: Microcontroller, inside: Microcontroller
) -> None:
    inside.switch(CONTACT, is_closed=False)
    bench.run_until(lambda: bench.reports("inside", codec.ISTATR)[-1:] == [bytes([1, 0])])
    inside.switch(REX, is_closed=True)
    bench.run_until(lambda: bench.reports("inside", codec.ISTATR)[-1:] == [bytes([1, 1])])
    outside.switch(TAMPER, is_closed=False)
    bench.run_until(lambda: bench.reports("outside", codec.LSTATR)[-1:] == [bytes([1, 0])])
    outside.switch(TAMPER, is_closed=True)
    inside.switch(REX, is_closed=False)
    inside.switch(CONTACT, is_closed=True)


def test_a_refusal_is_red_and_beeps_at_the_pins(bench: Bench, outside: Microcontroller) -> None:
    led = records.momentary_led(records.steady(records.RED), 10)
    for code, data in ((codec.LED, led), (codec.BUZ, records.buzzer(records.TONE_DEFAULT, 1, 1, 3))):
        bench.panel.submit("outside", Command(code, data, bench.now + 1.0, lambda _: None))
    beeps, before = 0, 0
    for _ in range(80):
        bench.run(0.01)
        loud = outside.level(SOUNDER)
        beeps, before = beeps + (loud > before), loud
    assert (beeps, outside.level(RED), outside.level(GREEN)) == (3, 1, 0)
    bench.run(1.0)
    assert (outside.level(SOUNDER), outside.level(RED)) == (0, 0)


def submit(bench: Bench, code: int, data: bytes) -> list[str]:
    """Have the outside unit do something; the outcome appears in the list."""
    outcome: list[str] = []
    bench.panel.submit("outside", Command(code, data, bench.now + 2, outcome.append))
    return outcome


def test_a_unit_without_a_key_is_given_one_and_has_it_on_its_flash(
    outside: Microcontroller, inside: Microcontroller
) -> None:
    outside.boot(has_key=False)
    bench = Bench(others=(outside, inside))
    outcome: list[str] = []
    command = Command(codec.KEYSET, records.keyset(KEYS["outside"]), bench.now + 60, outcome.append)
    bench.panel.install("outside", command, bench.now)
    bench.up()
    assert (outcome, outside.kept()) == ([""], {"key": KEYS["outside"].hex()})


def test_a_key_and_an_address_are_changed_in_the_session(bench: Bench, outside: Microcontroller) -> None:
    key = submit(bench, codec.KEYSET, records.keyset(bytes(range(50, 66))))
    bench.run_until(lambda: bench.events.count(LinkUp("outside")) == 2)
    place = submit(bench, codec.COMSET, records.comset(7, 115200))
    bench.run(0.5)
    assert (key, place) == ([""], [""])
    assert outside.kept() == {"key": bytes(range(50, 66)).hex(), "place": [7, 115200]}


def test_a_unit_answers_by_checksum_where_it_is_asked_so(inside: Microcontroller) -> None:
    [packet] = codec.Parser().feed(
        inside.receive(codec.plain(1, False, 0, codec.ID, b"\x00", has_crc=False), 0)
    )
    assert (packet.code, packet.has_crc) == (codec.PDID, False)


def test_a_unit_says_who_it_is_what_it_can_and_how_it_stands(bench: Bench) -> None:
    for code, reply, data in (
        (codec.ID, codec.PDID, bytes.fromhex("000000010101000000010000")),
        (codec.OSTAT, codec.OSTATR, b"\x00"),
        (codec.LSTAT, codec.LSTATR, None),
        (codec.ISTAT, codec.ISTATR, b"\x00\x00"),
    ):
        bench.panel.submit("inside", Command(code, b"\x00", bench.now + 1, lambda _: None))
        bench.run(0.1)
        assert bench.reports("inside", reply)[-1] == data or data is None


def test_noise_moves_nothing_and_fills_no_memory(inside: Microcontroller) -> None:
    chance, before, after = random.Random(1), inside.memory(), []
    for number in range(1000):
        inside.receive(chance.randbytes(100), number * 7)
        if number % 100 == 99:
            after.append(inside.memory())
    assert inside.level(RELAY) == 0
    # Noise may look like the beginning of a long packet, for which there is room a while.
    assert min(after[-5:]) - before < 2048


def test_an_hour_at_the_line_takes_no_more_memory_than_a_minute(
    bench: Bench, outside: Microcontroller
) -> None:
    bench.run(5.0)
    before = outside.memory()
    for _ in range(20):
        press(bench, outside, "7")
    bench.run(1.0)
    assert outside.memory() - before < 2048
    assert outside.memory() < 64 * 1024
