"""Our panel with their reader, and their panel with our reader; skipped where libosdp is not installed."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from firmware_sim.controller.peripheral import Peripheral
from hal.osdp import codec, records
from hal.osdp.aes import aes
from hal.osdp.events import Command, LinkDown, LinkUp
from hal.ports import KeyRefused
from tests.interop.libosdp import ADDRESS, KEY, OurPanel, TheirPanel, osdp

NEW_KEY = os.urandom(16)


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    """What a test makes of libosdp's threads ends with it."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def ours(closing: ExitStack) -> OurPanel:
    """Our control panel, online with their reader."""
    return closing.enter_context(contextlib.closing(OurPanel())).up()


class Unit(Peripheral):
    """Our reader, with what it keeps on its flash."""

    def __init__(self, scbk: bytes | None) -> None:
        self.kept: list[bytes] = []
        super().__init__(
            ADDRESS,
            scbk,
            aes,
            os.urandom,
            outputs=1,
            inputs=2,
            keep_key=self._keep,
            keep_place=lambda _, baud: baud == 115200,
        )

    def _keep(self, scbk: bytes) -> bool:
        self.kept.append(scbk)
        return True


@pytest.fixture
def unit() -> Unit:
    """With its key."""
    return Unit(KEY)


@pytest.fixture
def theirs(closing: ExitStack, unit: Unit) -> TheirPanel:
    """Their control panel, online with our reader."""
    return closing.enter_context(contextlib.closing(TheirPanel(unit))).up()


# --- our panel --------------------------------------------------------------------------------------------


def test_our_panel_reads_keys_from_their_reader(ours: OurPanel) -> None:
    ours.theirs.submit_event({"event": osdp.Event.KeyPress, "reader_no": 0, "data": b"1234\x7f\x0d"})
    ours.until(lambda: ours.keys() == "1234*#")


def test_our_panel_gives_their_reader_a_release_of_thirty_seconds(ours: OurPanel) -> None:
    assert ours.does(codec.OUT, records.output(0, records.OUTPUT_TIMED_ON, 300)) == ""
    [command] = ours.commands
    assert (command["control_code"], command["timer_count"]) == (5, 300)


def test_our_panel_lights_and_sounds_their_reader(ours: OurPanel) -> None:
    assert ours.does(codec.LED, records.momentary_led(records.steady(records.GREEN), 30)) == ""
    assert ours.does(codec.LED, records.standing_led(records.steady(records.BLUE))) == ""
    assert ours.does(codec.BUZ, records.buzzer(records.TONE_DEFAULT, 2, 1, 3)) == ""
    momentary, standing, sound = ours.commands
    assert (momentary["temporary"], momentary["on_color"], momentary["timer_count"]) == (True, 2, 30)
    assert (standing["temporary"], standing["on_color"]) == (False, 4)
    assert (sound["on_count"], sound["off_count"], sound["rep_count"]) == (2, 1, 3)


def test_our_panel_hears_of_inputs_and_of_the_case_of_their_reader(ours: OurPanel) -> None:
    status = osdp.StatusReportType
    ours.theirs.submit_event({"event": osdp.Event.Status, "type": status.Input, "report": b"\x00\x01"})
    ours.theirs.submit_event({"event": osdp.Event.Status, "type": status.Local, "report": b"\x01\x00"})
    ours.until(lambda: bool(ours.told(codec.ISTATR) and ours.told(codec.LSTATR)))
    assert (ours.told(codec.ISTATR), ours.told(codec.LSTATR)) == ([b"\x00\x01"], [b"\x01\x00"])


def test_our_panel_asks_for_the_case_of_their_reader(ours: OurPanel) -> None:
    assert ours.does(codec.LSTAT, b"") == ""
    assert ours.told(codec.LSTATR) == [b"\x00\x00"]


def test_our_panel_learns_what_their_reader_can(ours: OurPanel) -> None:
    assert "none with the number 3" in ours.does(codec.OUT, records.output(3, records.OUTPUT_ON, 0))
    assert ours.commands == []


def test_a_command_their_reader_does_not_know_leaves_the_session_up(ours: OurPanel) -> None:
    assert "refused" in ours.does(0xA9, b"")
    assert not [event for event in ours.events if isinstance(event, LinkDown)]


def without_crc(frame: bytes) -> bytes:
    """A line on which packets with a CRC are lost, as a reader loses them that knows the checksum only."""
    return b"" if any(packet.has_crc for packet in codec.Parser().feed(frame)) else frame


def test_our_panel_speaks_with_their_reader_by_checksum(closing: ExitStack) -> None:
    ours = closing.enter_context(contextlib.closing(OurPanel()))
    ours.line = without_crc
    ours.up()
    assert ours.does(codec.OUT, records.output(0, records.OUTPUT_TIMED_ON, 300)) == ""


def test_our_panel_changes_the_key_of_their_reader(ours: OurPanel) -> None:
    assert ours.does(codec.KEYSET, records.keyset(NEW_KEY)) == ""
    ours.until(lambda: ours.events.count(LinkUp("theirs")) == 2)
    assert [command["data"] for command in ours.commands if "data" in command] == [NEW_KEY]


def test_our_panel_moves_their_reader(ours: OurPanel) -> None:
    assert ours.does(codec.COMSET, records.comset(9, 115200)) == ""
    assert (ours.commands[0]["address"], ours.commands[0]["baud_rate"]) == (9, 115200)


def test_our_panel_gives_their_reader_in_install_mode_its_key_in_the_window(closing: ExitStack) -> None:
    theirs = OurPanel(scbk=None, flags=(osdp.LibFlag.InstallMode,))
    ours = closing.enter_context(contextlib.closing(theirs))
    outcome: list[str] = []
    command = Command(codec.KEYSET, records.keyset(KEY), float("inf"), outcome.append)
    ours.panel.install("theirs", command, 0)
    ours.up()
    assert [command["data"] for command in ours.commands] == [KEY]


@pytest.mark.parametrize("scbk", [None, NEW_KEY], ids=["none", "another"])
def test_their_reader_without_its_key_stays_away_from_our_panel(
    closing: ExitStack, scbk: bytes | None
) -> None:
    flags = (osdp.LibFlag.InstallMode,) if scbk is None else (osdp.LibFlag.EnforceSecure,)
    ours = closing.enter_context(contextlib.closing(OurPanel(scbk=scbk, flags=flags)))
    ours.until(lambda: any(isinstance(event, KeyRefused) for event in ours.events))
    assert LinkUp("theirs") not in ours.events
    assert ours.commands == []


# --- our reader -------------------------------------------------------------------------------------------


def test_their_panel_reads_keys_from_our_reader(theirs: TheirPanel) -> None:
    for key in "12*#":
        theirs.ours.press(key)
    theirs.until(lambda: theirs.told(osdp.Event.KeyPress) == [b"12\x7f\x0d"])


def test_their_panel_hears_of_inputs_and_of_the_case_of_our_reader(theirs: TheirPanel) -> None:
    theirs.ours.set_input(1, True)
    theirs.ours.set_tampered(True)
    theirs.until(lambda: theirs.told(osdp.Event.Status) == [b"\x00\x01", b"\x01\x00"])


@pytest.mark.parametrize("kind", ["Input", "Local", "Output"])
def test_their_panel_asks_our_reader_for_its_state(theirs: TheirPanel, kind: str) -> None:
    kinds = osdp.StatusReportType
    expected = {"Input": b"\x00\x00", "Local": b"\x00\x00", "Output": b"\x00"}[kind]
    assert theirs.does(command=osdp.Command.Status, type=getattr(kinds, kind), report=b"")
    theirs.until(lambda: theirs.told(osdp.Event.Status) == [expected])


def test_their_panel_moves_our_relay(theirs: TheirPanel) -> None:
    assert theirs.does(command=osdp.Command.Output, output_no=0, control_code=5, timer_count=50)
    assert theirs.ours.outputs.is_on(0)


def test_their_panel_lights_and_sounds_our_reader(theirs: TheirPanel) -> None:
    light = {"reader": 0, "led_number": 0, "on_color": 2, "off_color": 0, "on_count": 1, "off_count": 0}
    assert theirs.does(command=osdp.Command.LED, control_code=2, temporary=True, timer_count=30, **light)
    assert theirs.ours.lights.shown().on == records.GREEN
    assert theirs.does(
        command=osdp.Command.Buzzer, reader=0, control_code=2, on_count=2, off_count=1, rep_count=3
    )
    assert theirs.ours.lights.is_sounding()


def test_their_panel_learns_who_and_what_our_reader_is(theirs: TheirPanel) -> None:
    assert theirs.panel.get_pd_id(ADDRESS).serial_number == 1
    assert theirs.panel.check_capability(ADDRESS, osdp.Capability.OutputControl) == (3, 1)


def test_what_our_reader_refuses_their_panel_hears_of(theirs: TheirPanel) -> None:
    assert not theirs.does(command=osdp.Command.Output, output_no=0, control_code=6, timer_count=50)
    assert not theirs.ours.outputs.is_on(0)


def test_their_panel_changes_the_key_of_our_reader(theirs: TheirPanel, unit: Unit) -> None:
    assert theirs.does(command=osdp.Command.Keyset, type=1, data=NEW_KEY)
    theirs.until(lambda: bool(theirs.panel.is_sc_active(ADDRESS)) and unit.is_secure())
    assert unit.kept == [NEW_KEY]


def test_their_panel_gives_our_reader_without_a_key_its_own(closing: ExitStack) -> None:
    unit = Unit(None)
    theirs = closing.enter_context(contextlib.closing(TheirPanel(unit, enforces=False)))
    theirs.until(lambda: unit.kept == [KEY] and unit.is_secure())


def test_their_panel_moves_our_reader(theirs: TheirPanel) -> None:
    assert theirs.does(command=osdp.Command.Comset, address=9, baud_rate=115200)
    assert theirs.ours.address == 9


@pytest.mark.parametrize("enforces", [True, False])
def test_their_panel_with_another_key_gets_no_key_press_of_our_reader(
    closing: ExitStack, unit: Unit, enforces: bool
) -> None:
    panel = TheirPanel(unit, scbk=NEW_KEY, enforces=enforces)
    theirs = closing.enter_context(contextlib.closing(panel))
    turns = itertools.count()
    theirs.until(lambda: next(turns) > 200)
    assert not unit.is_secure()
    assert not unit.press("1")
