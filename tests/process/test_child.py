"""A program of a simulated site: readiness, its log, and its end in every way."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firmware_sim.child import Child, until
from firmware_sim.faults import SimFault
from tests.waiting import wait_for

pytestmark = pytest.mark.process

SLEEPER = "import time; print('ready at last', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); " + SLEEPER


def python(source: str, log: Path) -> Child:
    return Child("helper", [sys.executable, "-c", source], log)


def test_a_child_is_ready_when_it_says_so(tmp_path: Path) -> None:
    child = python(SLEEPER, tmp_path / "log")
    assert child.ready_line(20) == "at last"
    child.kill()


def test_what_an_earlier_run_logged_does_not_make_a_child_ready(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("ready long ago\n")
    child = python("print('starting')", tmp_path / "log")
    with pytest.raises(SimFault, match="helper ended with status 0"):
        child.ready_line(20)


def test_a_child_that_fails_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = python("print('one'); raise SystemExit('the disk is full')", tmp_path / "log")
    with pytest.raises(SimFault, match=r"(?s)status 1.*the disk is full"):
        child.ready_line(20)


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(SimFault, match="/no/such/program"):
        Child("helper", ["/no/such/program"], tmp_path / "log")


def test_a_child_that_ignores_its_end_is_killed_at_the_deadline(tmp_path: Path) -> None:
    child = python(STUBBORN, tmp_path / "log")
    child.ready_line(20)
    child.terminate()
    child.wait(time.monotonic() + 0.1)
    assert child.has_ended


def test_a_killed_child_is_reported_by_its_signal(tmp_path: Path) -> None:
    child = python(SLEEPER, tmp_path / "log")
    child.kill()
    with pytest.raises(SimFault, match="ended by SIGKILL"):
        child.check()


def test_waiting_in_vain_names_what_was_waited_for(tmp_path: Path) -> None:
    child = python(SLEEPER, tmp_path / "log")
    with pytest.raises(SimFault, match="in vain for the moon"):
        until(lambda: False, 0.1, "the moon", [child])
    child.kill()


def test_a_child_ends_when_its_parent_is_killed_with_9(tmp_path: Path) -> None:
    source = (
        "import sys, pathlib, time; from firmware_sim.child import Child\n"
        f"child = Child('helper', [sys.executable, '-c', {SLEEPER!r}], pathlib.Path(sys.argv[1]))\n"
        "child.ready_line(20); print(child.pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", source, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text())
