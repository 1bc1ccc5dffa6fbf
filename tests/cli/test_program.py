"""What lockctl says where it cannot even ask: a wrong usage, no terminal, nowhere to write, no socket."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from agent.cli.lockctl import main as lockctl
from firmware_sim.__main__ import cli as lock_sim
from tests.cli.conftest import OneLock


def shell(line: str, lock: OneLock) -> subprocess.CompletedProcess[str]:
    """A line of a shell, with `lockctl` for the command and its socket."""
    program = f"{sys.executable} -m agent.cli.lockctl --socket {lock.path}"
    script = line.replace("lockctl", program)
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--json", "frob"], "No such command 'frob'."),
        (["journal", "--json", "--limit", "0"], "0 is not in the range 1<=x<=1000."),
        (["--json", "readers", "comset", "outside", "--address", "5", "--baud", "1"], "'1' is not one of"),
    ],
)
def test_a_wrong_usage_is_a_document_where_json_was_asked_for(words: list[str], says: str) -> None:
    done = CliRunner().invoke(lockctl, words)
    error = json.loads(done.stdout)["error"]
    assert (done.exit_code, error["code"], says in error["message"]) == (2, "usage", True)


def test_json_before_the_verb_ends_with_the_status_of_the_verb(lock: OneLock) -> None:
    assert shell("lockctl --json status", lock).returncode == 0
    assert shell("lockctl --json codes remove nope --socket /nowhere", lock).returncode == 3


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        ("lockctl codes add <&-", 2, "a code is made of digits, and of nothing else"),
        ("lockctl codes add </dev/null", 2, "a code is made of digits, and of nothing else"),
        ("lockctl status >/dev/full", 1, "lockctl: cannot write the answer: No space left on device"),
        ("lockctl --json status >/dev/full", 1, "lockctl: cannot write the answer: No space left on device"),
    ],
)
def test_what_is_closed_or_full_is_told_in_a_sentence(
    lock: OneLock, line: str, status: int, says: str
) -> None:
    done = shell(line, lock)
    assert (done.returncode, says in done.stderr, "Traceback" in done.stderr) == (status, True, False)


def test_at_a_terminal_watch_says_that_it_watches(lock: OneLock) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "agent.cli.lockctl", "--socket", str(lock.path), "watch"]
    with subprocess.Popen(command, stdout=theirs) as watching:
        os.close(theirs)
        try:
            assert b"Watching the door; Ctrl-C ends it." in os.read(ours, 1000)
        finally:
            watching.send_signal(signal.SIGINT)
            os.close(ours)
    assert watching.returncode == 0


def test_what_was_typed_is_in_no_complaint(lock: OneLock) -> None:
    done = shell("echo 4938-17 | lockctl codes add", lock)
    assert (done.returncode, "4938" in done.stdout + done.stderr) == (2, False)


def test_with_standard_output_closed_it_ends_as_if_somebody_had_read_the_answer(lock: OneLock) -> None:
    assert shell("lockctl status >&-", lock).returncode == 0


def test_a_path_that_is_no_socket_is_told_apart_from_an_agent_that_is_away(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("")
    done = CliRunner().invoke(lockctl, ["--socket", str(file), "status"])
    assert (done.exit_code, f"{file} is not the socket of an agent" in done.output) == (3, True)


def groups(group: click.Group, *names: str) -> Iterator[list[str]]:
    yield list(names)
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from groups(command, *names, name)


@pytest.mark.parametrize("program", [lockctl, lock_sim], ids=["lockctl", "lock-sim"])
def test_the_list_of_verbs_says_each_in_a_whole_sentence_of_one_line(program: click.Group) -> None:
    for words in groups(program):
        shown = CliRunner().invoke(program, [*words, "--help"], terminal_width=80).output
        listed = shown.partition("Commands:\n")[2].splitlines()
        assert listed
        assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []
