"""The configuration file: every mistake has a sentence of its own, and nothing is guessed."""

from pathlib import Path

import pytest

from agent.cli.daemon import main
from agent.config import Config, load_config
from agent.core.modes import Mode
from agent.errors import ConfigFault
from agent.keypads import Keypad, keypads

GOOD = Path("agent/example.toml").read_text("utf-8")


def problem(tmp_path: Path, text: str) -> str:
    """What is said about a file with this text."""
    path = tmp_path / "door.toml"
    path.write_text(text)
    with pytest.raises(ConfigFault) as raised:
        load_config(path)
    return str(raised.value)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("release_s = 5.0", "relese_s = 5.0", "unknown key 'door.relese_s'; did you mean 'release_s'?"),
        ("release_s = 5.0", "release_s = 300", "door.release_s: Expected `float` <= 60.0"),
        ("release_s = 5.0", 'release_s = "5"', "door.release_s: Expected `float`, got `str`"),
        (
            "baud = 115200",
            "baud = 300",
            "lines.*.baud: Invalid enum value 300; it is one of 9600, 19200, 38400,",
        ),
        ('port = "/dev/ttyAMA0"', 'port = "tcp://host"', "neither a device nor tcp://HOST:PORT"),
        ('port = "/dev/ttyAMA0"', 'port = "tcp://host:99999"', "neither a device nor tcp://HOST:PORT"),
        ("address = 1", "address = 0", "two readers have the same address on the same line"),
        ('line = "main"', 'line = "rs485"', "readers.outside.line: there is no [lines.rs485]"),
        ('reader = "outside"', 'reader = "otside"', "devices.keypad.reader: there is no [readers.otside]"),
        ('"osdp-keypad"', '"osdp-keypd"', "there is no driver 'osdp-keypd'; known drivers are"),
        (
            "output = 0",
            "ouput = 0",
            "devices.strike (osdp-strike): unknown key 'ouput'; did you mean 'output'?",
        ),
        ('driver = "osdp-strike"', "", "devices.strike: the key 'driver' is missing"),
        ("root_secret_file", "# ", "set exactly one of root_secret_file and root_secret_credential"),
        ("local = []", 'local = ["reboot"]', "commands.local[0]: Invalid enum value 'reboot'"),
        ("local = []", 'local = ["renew_keys"]', "commands.local[0]: Invalid enum value 'renew_keys'"),
        (
            "weekly = []",
            'weekly = [{days = [1], from = "08:00", to = "24:00", mode = "passage"}]',
            'modes: weekly[0].to must be a time from "00:00" to "23:59"',
        ),
        ('zone = "UTC"', 'zone = "UTC"\nhours = 3', "unknown key 'modes.hours'"),
        ("[door]", "[door", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert before in GOOD
    assert said in problem(tmp_path, GOOD.replace(before, after, 1))


INNER = """
[devices.inner]
driver = "osdp-keypad"
reader = "inside"
{keypad}

[devices.inner_light]
driver = "osdp-indicator"
reader = "inside"
"""


def test_a_keypad_shows_its_answers_on_the_light_of_its_reader_unless_it_names_another(
    tmp_path: Path,
) -> None:
    found = []
    for keypad in ("", 'indicator = "indicator"\ndirection = "out"'):
        path = tmp_path / "door.toml"
        path.write_text(GOOD + INNER.format(keypad=keypad))
        found.append(keypads(load_config(path).devices))
    assert found[0] == {"keypad": Keypad(None, "indicator"), "inner": Keypad(None, "inner_light")}
    assert found[1]["inner"] == Keypad("out", "indicator")


@pytest.mark.parametrize(
    ("keypad", "said"),
    [
        ('direction = "up"', "devices.inner.direction: 'up' is neither 'in' nor 'out'"),
        ('indicator = "lamp"', "devices.inner.indicator: there is no indicator 'lamp'"),
        ('colour = "red"', "unknown key 'colour'"),
    ],
)
def test_a_mistake_at_a_keypad_is_named(tmp_path: Path, keypad: str, said: str) -> None:
    assert said in problem(tmp_path, GOOD + INNER.format(keypad=keypad))


def test_a_keypad_among_several_lights_and_beside_none_has_to_name_its_own(tmp_path: Path) -> None:
    ascii_keypad = '[devices.old]\ndriver = "ascii-keypad"\nport = "/dev/nothing"\n'
    assert 'indicator = "indicator"' in problem(tmp_path, GOOD + INNER.format(keypad="") + ascii_keypad)


def test_a_device_that_is_no_keypad_has_no_direction(tmp_path: Path) -> None:
    text = GOOD.replace('driver = "osdp-rex"', 'driver = "osdp-rex"\ndirection = "in"')
    assert "devices.rex (osdp-rex): unknown key 'direction'" in problem(tmp_path, text)


def test_a_line_over_the_network_is_not_turned_by_us(tmp_path: Path) -> None:
    text = GOOD.replace("/dev/ttyAMA0", "tcp://host:1").replace('"auto" ', '"rts-low" ')
    assert "direction: whatever is at tcp://host:1 switches its line by itself" in problem(tmp_path, text)


def test_a_door_needs_exactly_one_strike(tmp_path: Path) -> None:
    start, end = GOOD.index("[devices.strike]"), GOOD.index("[devices.contact]")
    assert "exactly one strike" in problem(tmp_path, GOOD[:start] + GOOD[end:])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match=r"there is no .*nowhere\.toml"):
        load_config(tmp_path / "nowhere.toml")


def test_left_out_keys_have_the_defaults_of_the_example(tmp_path: Path) -> None:
    path = tmp_path / "door.toml"
    path.write_text(GOOD)
    config = load_config(path)
    assert (config.door, config.clock, config.entry) == (Config().door, Config().clock, Config().entry)


def test_the_modes_of_the_file_are_a_schedule_and_none_without_entries(tmp_path: Path) -> None:
    path = tmp_path / "door.toml"
    entry = '{days = [6, 7], from = "20:00", to = "08:00", mode = "lockdown"}'
    path.write_text(GOOD.replace("weekly = []", f"weekly = [{entry}]"))
    schedule = load_config(path).modes.schedule()
    assert schedule is not None
    assert (schedule.zone_name, schedule.modes) == ("UTC", frozenset({Mode.LOCKDOWN}))
    assert Config().modes.schedule() is None


def test_check_says_yes_to_the_example_and_no_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "door.toml"
    path.write_text(GOOD)
    assert main(["check", str(path)]) == 0
    path.write_text(GOOD.replace("release_s = 5.0", "relese_s = 5.0"))
    assert main(["check", str(path)]) == 78
    assert "relese_s" in capsys.readouterr().err
