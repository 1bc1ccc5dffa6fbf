"""The digits of a code are in memory and in sealed messages, and nowhere a thief or a technician looks."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.conftest import NewDoor
from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process

GOOD, USED_UP, WRONG, HALF_TYPED = "90817263", "82736459", "71625348", "60514237"
CHIEF, MADE, NOT_REPEATED, REMOVED = "51403926", "42930158", "38291047", "29180736"
VERBS = ("status", "codes", "journal", "facts")


@pytest.fixture
def door(new_door: NewDoor) -> Iterator[Door]:
    """A door at which entries and codes of every kind were made; its agent logs all it can, and runs."""
    lived = new_door()
    config = lived.files.config
    config.write_text('log_level = "debug"\n' + config.read_text())
    lived.start()
    lived.new_codes(1, digits=GOOD)
    lived.new_codes(1, digits=USED_UP, is_one_time_use=True)
    assert [lived.opens(digits) for digits in (GOOD, USED_UP, USED_UP, WRONG)] == [True, True, False, False]
    lived.new_codes(1, digits=CHIEF, kind="programming")
    lived.new_codes(1, digits=REMOVED)
    for keys in (f"1{MADE}#{MADE}#", f"1{NOT_REPEATED}#{WRONG}#", f"1{GOOD}#{GOOD}#", f"2{REMOVED}#"):
        type_all(lived, f"{CHIEF}#{keys}")
    assert lived.opens(MADE)
    type_all(lived, HALF_TYPED)
    yield lived


def type_all(door: Door, keys: str) -> None:
    door.type(keys)
    wait_for(lambda: door.see()["keys_waiting"] == 0, what="the keys to be fetched")


def digits_in(content: bytes) -> list[str]:
    """Whose digits are in there, as text or as their bytes in hex."""
    typed = (GOOD, USED_UP, WRONG, HALF_TYPED, CHIEF, MADE, NOT_REPEATED, REMOVED)
    return [each for each in typed if each.encode() in content or each.encode().hex().encode() in content]


def files_below(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_no_digits_are_in_any_file_of_the_lock_or_its_broker(door: Door) -> None:
    root = door.files.root
    files = {**files_below(root), **files_below(root.parent / "logs"), **files_below(root.parent / "broker")}
    assert {path: found for path, content in files.items() if (found := digits_in(content))} == {}
    assert {"lock.db", "lock.db-wal"} <= {Path(path).name for path in files}


def test_no_digits_are_in_what_the_agent_answers(door: Door) -> None:
    answers = {verb: door.ask(verb) for verb in VERBS}
    assert {
        verb: found for verb, answer in answers.items() if (found := digits_in(json.dumps(answer).encode()))
    } == {}


def test_no_digits_are_in_the_arguments_or_the_environment_of_the_agent(door: Door) -> None:
    assert door.agent is not None
    process = Path("/proc") / str(door.agent.pid)
    seen = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    assert (b"lock-agent.toml" in seen, digits_in(seen)) == (True, [])


def test_no_digits_are_in_the_events_of_the_cloud(door: Door) -> None:
    wait_for(lambda: any(event.get("reason") == "unknown_code" for event in door.events()))
    assert digits_in(json.dumps(door.events()).encode()) == []
