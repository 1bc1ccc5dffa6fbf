"""`lockctl watch` and `journal --follow` as real processes: lines as things happen, a clean end on Ctrl-C."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cli.conftest import CODE_ID, OneLock, row
from tests.waiting import wait_for

OPENED = row(4, "door_opened")


@contextmanager
def lockctl(lock: OneLock, *args: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "agent.cli.lockctl", "--socket", str(lock.path), *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        wait_for(lambda: lock.watchers, what="the stream to open")
        yield process
        process.kill()


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_watch_shows_each_event_as_it_happens(lock: OneLock) -> None:
    with lockctl(lock, "watch") as process:
        lock.happens(OPENED)
        assert next_line(process).endswith("door opened\n")
        lock.happens(row(5, "door_closed"))
        assert next_line(process).endswith("door closed\n")


def test_watch_in_json_is_one_document_a_line(lock: OneLock) -> None:
    with lockctl(lock, "watch", "--json") as process:
        lock.happens(OPENED)
        assert json.loads(next_line(process)) == OPENED


def test_ctrl_c_ends_watch_without_a_complaint(lock: OneLock) -> None:
    with lockctl(lock, "watch") as process:
        lock.happens(OPENED)
        next_line(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_watch_says_when_the_agent_stops(lock: OneLock) -> None:
    with lockctl(lock, "watch") as process:
        lock.control.stop()
        assert process.wait(10) == 3


def test_following_the_journal_goes_on_with_new_rows_once(lock: OneLock) -> None:
    with lockctl(lock, "journal", "--follow", "--after", "1", "--json") as process:
        lock.happens(row(3, "already_shown"))
        lock.happens(OPENED)
        assert [json.loads(next_line(process))["seq"] for _ in range(3)] == [2, 3, 4]


def test_on_a_terminal_the_words_are_the_same(lock: OneLock) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "agent.cli.lockctl", "--socket", str(lock.path), "codes"]
    with subprocess.Popen(command, stdout=theirs, env={**os.environ, "TERM": "xterm"}) as process:
        assert process.wait(30) == 0
    os.close(theirs)
    text = os.read(ours, 10_000).decode()
    os.close(ours)
    assert CODE_ID in text
    assert "\x1b[32m" in text
