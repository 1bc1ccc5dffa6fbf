"""The verbs of lockctl that change something."""

import json

from agent.cli.words import event_line
from tests.cli.conftest import OneLock, row


def test_mode_alone_shows_it_and_changes_nothing(lock: OneLock) -> None:
    assert (lock.lockctl("mode").output, lock.commands) == ("mode normal\n", [])
    assert json.loads(lock.lockctl("mode", "--json").output) == {"mode": "normal"}


def test_mode_with_a_name_is_a_command(lock: OneLock) -> None:
    assert lock.lockctl("mode", "lockdown").output == "mode done, mode lockdown\n"
    assert lock.commands == [{"type": "mode", "args": {"mode": "lockdown"}}]


def test_a_mode_that_does_not_exist_is_wrong_usage(lock: OneLock) -> None:
    assert (lock.lockctl("mode", "party").exit_code, lock.commands) == (2, [])


def test_lock_acknowledge_and_identify_are_commands_without_arguments(lock: OneLock) -> None:
    for verb in ("lock", "acknowledge", "identify"):
        assert lock.lockctl(verb).exit_code == 0
    assert [each["type"] for each in lock.commands] == ["lock", "acknowledge", "identify"]


def test_what_the_lock_does_not_allow_fails_and_says_what_to_change(lock: OneLock) -> None:
    done = lock.lockctl("unlock", "--for-s", "10")
    assert (done.exit_code, "[commands] local" in done.output) == (1, True)


def test_the_journal_tells_of_commands_and_modes_in_words() -> None:
    command = row(1, "command_result", id="x", type="unlock", result="refused", reason="blocked_by_mode")
    mode = row(2, "mode", mode="no_remote", why="command")
    assert event_line(command).text.endswith("command unlock of the cloud refused: blocked by mode")
    assert event_line(mode).text.endswith("mode no remote, by command")
