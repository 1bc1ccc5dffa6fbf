"""`lockctl codes add` and `codes remove`: digits come by prompt or standard input, times with an offset."""

import json
import os
import pty
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from agent.cli.lockctl import main
from agent.cli.words import code_lines, status_lines
from tests.cli.conftest import CODES, STATUS, OneLock

DIGITS = "135790"


def add(lock: OneLock, *options: str, typed: str = f"{DIGITS}\n") -> Result:
    """Run `codes add` with something on standard input."""
    return CliRunner().invoke(main, ["--socket", str(lock.path), "codes", "add", *options], input=typed)


def test_digits_come_from_standard_input_and_are_not_repeated(lock: OneLock) -> None:
    done = add(lock)
    assert (done.output, lock.asked) == ("added new-one\n", [("code_add", {"code": DIGITS})])


def test_rules_are_told_in_unix_seconds(lock: OneLock) -> None:
    times = ("--starts-at", "2026-12-24T18:00:00+01:00", "--ends-at", "2026-12-24T18:00:00Z")
    add(lock, *times, "--one-time")
    rules = {"starts_at": 1_798_131_600, "ends_at": 1_798_135_200, "max_uses": 1}
    assert lock.asked == [("code_add", {"code": DIGITS, **rules})]


@pytest.mark.parametrize("moment", ["tomorrow", "2026-12-24T18:00:00"])
def test_a_time_that_could_mean_another_is_wrong_usage(lock: OneLock, moment: str) -> None:
    assert (add(lock, "--ends-at", moment).exit_code, lock.asked) == (2, [])


def test_digits_are_no_argument(lock: OneLock) -> None:
    assert (add(lock, DIGITS).exit_code, lock.asked) == (2, [])


def test_on_a_terminal_they_are_asked_for_twice_and_not_shown(lock: OneLock) -> None:
    ours, theirs = pty.openpty()
    lockctl = [sys.executable, "-m", "agent.cli.lockctl", "--socket", str(lock.path), "codes", "add"]
    process = subprocess.Popen(lockctl, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    said = b""
    for question in (b"New code: ", b"The same again: "):
        while not said.endswith(question):
            said += os.read(ours, 1000)
        os.write(ours, f"{DIGITS}\n".encode())
    assert process.wait(10) == 0
    os.close(ours)
    assert (DIGITS.encode() in said, lock.asked) == (False, [("code_add", {"code": DIGITS})])


def test_a_code_is_removed_by_its_id(lock: OneLock) -> None:
    assert lock.lockctl("codes", "remove", "x").output == "removed x\n"
    assert lock.asked == [("code_remove", {"access_code_id": "x"})]


def test_the_common_options_may_stand_anywhere(lock: OneLock) -> None:
    answers = [
        lock.lockctl(*words).output
        for words in (
            ("--json", "codes", "remove", "x"),
            ("codes", "--json", "remove", "x"),
            ("codes", "remove", "x", "--json"),
        )
    ]
    assert [json.loads(answer) for answer in answers] == [{"access_code_id": "x"}] * 3


def test_codes_made_at_the_door_are_marked_and_counted() -> None:
    assert ", unmanaged, set" in code_lines([{**CODES[0], "is_managed": False}])[0].text
    assert "unmanaged" not in code_lines([{**CODES[0], "is_managed": True}])[0].text
    status = {**STATUS, "code_set": {**STATUS["code_set"], "local": 2}}
    assert any(
        "12 at revision 7 of set 1, and 2 made at the door" in line.text for line in status_lines(status)
    )
