"""lockctl against a real control socket: what people read, what programs read, exit codes."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.lockctl import main
from tests.cli.conftest import CODE_ID, CODES, ROWS, STATUS, OneLock

VERBS = ("status", "codes", "journal", "doctor")


def test_status_names_what_a_technician_looks_for(lock: OneLock) -> None:
    text = lock.lockctl("status").output
    for part in ("closed, strike locked", "outside up", "connected for 2 min 10 s", "in sync", "3 h 12 min"):
        assert part in text


def test_status_in_json_is_what_the_agent_said(lock: OneLock) -> None:
    assert json.loads(lock.lockctl("status", "--json").output) == STATUS


def test_codes_tells_window_uses_and_whether_a_code_opens_now(lock: OneLock) -> None:
    text = lock.lockctl("codes").output
    assert CODE_ID in text
    assert "opens now; 2025-11-22 15:06:40Z to 2025-11-23 15:06:40Z; 0 of 1 uses" in text


def test_codes_in_json_is_what_the_agent_said(lock: OneLock) -> None:
    assert json.loads(lock.lockctl("codes", "--json").output) == {"codes": CODES}


def test_the_journal_is_one_readable_line_a_row(lock: OneLock) -> None:
    lines = lock.lockctl("journal").output.splitlines()
    assert lines[1] == f"2025-11-22 15:16:03.122Z  access granted, code {CODE_ID[:8]}"
    assert lines[2] == "2025-11-22 15:16:03.123Z  access denied: unknown code"


def test_the_journal_can_be_limited_and_begun_after_a_row(lock: OneLock) -> None:
    one = json.loads(lock.lockctl("journal", "--limit", "1", "--json").output)
    after = json.loads(lock.lockctl("journal", "--after", "2", "--json").output)
    assert one == after == {"rows": ROWS[2:]}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_fits_80_columns(lock: OneLock, verb: str) -> None:
    text = lock.lockctl(verb).output.replace(str(lock.path), "/run/lock-agent/control.sock")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_answers_one_json_document(lock: OneLock, verb: str) -> None:
    assert isinstance(json.loads(lock.lockctl("--json", verb).output), dict)


@pytest.mark.parametrize("verb", (*VERBS, "watch"))
def test_without_an_agent_every_verb_says_so_and_exits_3(tmp_path: Path, verb: str) -> None:
    result = CliRunner().invoke(main, [verb, "--socket", str(tmp_path / "nobody")])
    assert result.exit_code == 3
    assert "systemctl start lock-agent" in " ".join(result.output.split())


def test_an_error_in_json_is_a_document_too(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["status", "--json", "--socket", str(tmp_path / "nobody")])
    assert json.loads(result.stdout)["error"]["code"] == "unreachable"


def test_the_socket_may_come_from_the_environment(lock: OneLock) -> None:
    assert CliRunner(env={"LOCKCTL_SOCKET": str(lock.path)}).invoke(main, ["status"]).exit_code == 0


def test_the_socket_option_wins_over_the_environment(lock: OneLock) -> None:
    runner = CliRunner(env={"LOCKCTL_SOCKET": "/nobody"})
    assert runner.invoke(main, ["--socket", str(lock.path), "status"]).exit_code == 0


def test_what_the_agent_refuses_exits_1_with_its_words(lock: OneLock) -> None:
    lock.facts = {}
    result = lock.lockctl("doctor")
    assert (result.exit_code, "no verb 'facts'" in result.output) == (1, True)


@pytest.mark.parametrize(
    "args", [["sing"], ["journal", "--limit", "many"], ["journal", "--limit", "0"], ["status", "x"]]
)
def test_wrong_usage_exits_2(args: list[str]) -> None:
    assert CliRunner().invoke(main, args).exit_code == 2


def test_a_row_written_while_the_clock_was_unknown_shows_the_time_since_boot(lock: OneLock) -> None:
    ROWS.append({**ROWS[0], "seq": 4, "clock": "unknown"})
    try:
        assert lock.lockctl("journal").output.splitlines()[-1].startswith("boot+1.000 s")
    finally:
        ROWS.pop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_outside_the_group_is_told_how_to_join_it(lock: OneLock) -> None:
    pid = os.fork()
    if pid == 0:  # the child alone gives its rights up
        os.seteuid(65534)
        os._exit(0 if "usermod -aG lockctl" in lock.lockctl("status").output else 1)
    assert os.waitpid(pid, 0)[1] == 0
