"""What an administrator does at readers, and what becomes of a reader that is not the one it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent import questions
from agent.asked import Answer, Asked
from agent.core.unsteady import LOSSES, WITHIN_S
from firmware_sim.site import Site
from hal.ports import KeyRefused, LinkChanged, NextKeyUsed, ReaderSetup, SetUp

KEY, NEXT_KEY = bytes(range(16)), bytes(range(16, 32))


class Line(ReaderSetup):
    """The line of a reader: remembers what it was asked, and what the journal said at that moment."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.noted: Callable[[], int] = lambda: 0
        self.rows_before: list[int] = []

    def install(self, reader: str, within_s: float) -> None:
        """See `ReaderSetup`; likewise the rest."""
        self._take("install", reader, within_s)

    def rekey(self, reader: str, scbk: bytes, within_s: float) -> None:
        """A new key."""
        self._take("rekey", reader, scbk, within_s)

    def comset(self, reader: str, address: int, baud: int, within_s: float) -> None:
        """A new place."""
        self._take("comset", reader, address, baud, within_s)

    def _take(self, *asked: Any) -> None:
        self.asked.append(asked)
        self.rows_before.append(self.noted())


def keep(path: Path, text: str) -> None:
    """Write a key as it has to be kept."""
    path.touch(mode=0o600)
    path.write_text(text)


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def door(tmp_path: Path, line: Line) -> Site:
    """A door whose administrator may change its one reader."""
    key_file = tmp_path / "outside.scbk"
    keep(key_file, KEY.hex())
    site = Site(tmp_path, readers={"outside": line}, may_provision=True, key_files={"outside": key_file})
    line.noted = lambda: len(site.journal("reader_setup"))
    return site


def ask(site: Site, verb: str, **args: Any) -> list[dict[str, Any]]:
    """One request over the control socket; what is answered appears in the list."""
    lines: list[dict[str, Any]] = []
    site.say(Asked(verb, args, Answer(lines.append)))
    return lines


def details(site: Site, kind: str) -> list[dict[str, Any]]:
    return [row["detail"] for row in site.journal(kind)]


def alarms(site: Site) -> list[str]:
    """As the cloud and `lockctl` are told."""
    told: list[str] = questions.status_fields(site.controller)["alarms"]
    return told


def test_by_default_nobody_changes_a_reader(tmp_path: Path, line: Line) -> None:
    site = Site(tmp_path, readers={"outside": line}, key_files={"outside": tmp_path / "outside.scbk"})
    for verb in ("reader_install", "reader_rekey", "reader_comset"):
        [answer] = ask(site, verb, reader="outside")
        assert answer["error"]["code"] == "forbidden"
    assert line.asked == []


def test_a_window_is_written_down_before_the_reader_hears_of_it_and_so_is_its_end(
    door: Site, line: Line
) -> None:
    lines = ask(door, "reader_install", reader="outside", for_s=30)
    assert (line.asked, line.rows_before, lines) == ([("install", "outside", 30)], [1], [])
    door.say(SetUp("outside", "install", ""))
    assert lines[0]["result"] == {"reader": "outside", "action": "install", "result": "done"}
    begun, done = details(door, "reader_setup")
    assert begun == {"unit": "outside", "action": "install", "result": "begun", "for_s": 30}
    assert done == {"unit": "outside", "action": "install", "result": "done"}


@pytest.mark.parametrize("for_s", [0, 61, 3600, "60", None])
def test_no_window_is_longer_than_a_minute(door: Site, line: Line, for_s: Any) -> None:
    [answer] = ask(door, "reader_install", reader="outside", for_s=for_s)
    assert answer["error"]["code"] == "bad_args"
    assert line.asked == []


def test_what_failed_at_a_reader_is_answered_and_written_down_with_its_reason(door: Site) -> None:
    lines = ask(door, "reader_install", reader="outside")
    door.say(SetUp("outside", "install", "the time to install it is over"))
    assert lines[0]["error"]["message"] == "outside: the time to install it is over"
    assert details(door, "reader_setup")[-1]["reason"] == "the time to install it is over"


def test_one_thing_at_a_time_is_done_at_a_reader(door: Site, line: Line) -> None:
    ask(door, "reader_install", reader="outside")
    [answer] = ask(door, "reader_comset", reader="outside", address=1, baud=9600)
    assert (answer["error"]["code"], len(line.asked)) == ("busy", 1)


def test_a_reader_that_is_not_there_is_named_with_those_that_are(door: Site) -> None:
    [answer] = ask(door, "reader_install", reader="inside")
    assert answer["error"]["message"] == "there is no reader 'inside'; there are: outside"


def test_the_new_key_comes_from_its_file_and_is_shown_nowhere(
    door: Site, line: Line, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep(tmp_path / "outside.scbk.next", NEXT_KEY.hex() + "\n")
    lines = ask(door, "reader_rekey", reader="outside")
    [(action, _, scbk, _)] = line.asked
    assert (action, scbk) == ("rekey", NEXT_KEY)
    door.say(SetUp("outside", "rekey", ""))
    door.say(NextKeyUsed("outside"))
    assert NEXT_KEY.hex() not in repr(lines) + repr(door.journal()) + caplog.text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (None, "No such file"),
        ("zz", "hexadecimal"),
        ("00" * 15, "16 bytes"),
        (bytes(range(0x30, 0x40)).hex(), "public default key"),
        (KEY.hex(), "holds the key that"),
    ],
)
def test_what_is_no_new_key_is_refused_in_words(
    door: Site, line: Line, tmp_path: Path, text: str | None, hint: str
) -> None:
    if text is not None:
        keep(tmp_path / "outside.scbk.next", text)
    [answer] = ask(door, "reader_rekey", reader="outside")
    assert hint in answer["error"]["message"]
    assert (line.asked, details(door, "reader_setup")) == ([], [])


@pytest.mark.parametrize(("address", "baud"), [(127, 9600), (-1, 9600), (1, 300), (1, "9600")])
def test_a_place_out_of_range_is_refused(door: Site, line: Line, address: Any, baud: Any) -> None:
    [answer] = ask(door, "reader_comset", reader="outside", address=address, baud=baud)
    assert (answer["error"]["code"], line.asked) == ("bad_args", [])


def test_a_reader_gets_another_place(door: Site, line: Line) -> None:
    ask(door, "reader_comset", reader="outside", address=7, baud=9600)
    assert line.asked == [("comset", "outside", 7, 9600, 2.0)]


def test_a_reader_without_its_key_is_an_alarm_until_one_with_it_is_there(door: Site) -> None:
    door.say(LinkChanged("outside", False, "no answer"))
    door.say(KeyRefused("outside", "the reader has another key"))
    assert "key_outside" in alarms(door)
    assert details(door, "reader_key_refused") == [
        {"unit": "outside", "reason": "the reader has another key"}
    ]
    door.say(LinkChanged("outside", True, "secure session"))
    assert alarms(door) == []


def test_a_link_that_is_lost_again_and_again_is_an_alarm_until_it_holds(door: Site) -> None:
    for _ in range(LOSSES):
        door.wait(3)
        door.say(LinkChanged("outside", False, "no answer"))
        door.say(LinkChanged("outside", True, "secure session"))
    assert alarms(door) == ["unsteady_outside"]
    assert details(door, "link_unsteady") == [{"unit": "outside", "losses": LOSSES}]
    door.wait(WITHIN_S)
    assert alarms(door) == []
    assert len(door.journal("link_steady")) == 1


def test_a_link_that_is_lost_now_and_then_is_none(door: Site) -> None:
    for _ in range(3 * LOSSES):
        door.wait(WITHIN_S / (LOSSES - 1) + 1)
        door.say(LinkChanged("outside", False, "no answer"))
        door.say(LinkChanged("outside", True, "secure session"))
    assert door.journal("link_unsteady") == []


def test_a_changed_key_is_written_down_once(door: Site) -> None:
    door.say(NextKeyUsed("outside"))
    door.say(NextKeyUsed("outside"))
    assert details(door, "reader_key_changed") == [{"unit": "outside"}]
    assert door.controller.readers.facts()["next_key"] == ["outside"]


def test_a_key_that_others_can_read_is_refused_with_what_to_do(
    door: Site, line: Line, tmp_path: Path
) -> None:
    following = tmp_path / "outside.scbk.next"
    keep(following, NEXT_KEY.hex())
    following.chmod(0o640)
    [answer] = ask(door, "reader_rekey", reader="outside")
    assert f"has mode 0640, so others can read it: chmod 0400 {following}" in answer["error"]["message"]
    assert line.asked == []
