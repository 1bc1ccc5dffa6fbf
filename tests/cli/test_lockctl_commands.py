"""The verbs of lockctl that change something."""

import json

from agent.cli.event_words import event_line
from tests.cli.conftest import CODE_ID, OneLock, row


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


def test_the_journal_tells_of_codes_made_and_removed_at_the_door_in_words() -> None:
    by = {"source": "keypad", "by": "c" * 36}
    added = row(1, "code_added_at_door", access_code_id=CODE_ID, gen=1, max_uses=1, sealed="e30...", **by)
    removed = {"access_code_id": CODE_ID, "gen": 1, "source": "lockctl", "by": None, "is_managed": True}
    lines = [
        event_line(each).text.partition("Z  ")[2]
        for each in (
            added,
            row(2, "code_removed_at_door", **removed, stays=False),
            row(3, "code_restored", access_code_id=CODE_ID, gen=1),
            row(4, "programming_started", access_code_id=CODE_ID, gen=1, keypad="keypad"),
            row(5, "programming_refused", action="add", reason="duplicate_code", **by),
            row(6, "programming_refused", stream="lockctl", reason="forbidden", count=3),
        )
    ]
    assert lines == [
        "code 0b6e1c1e added at the door, with code cccccccc, for 1 uses",
        "code 0b6e1c1e removed at the door, by lockctl, until it is compared with the cloud",
        "code 0b6e1c1e restored: it was removed at the door, and the cloud keeps it",
        "programming started, code 0b6e1c1e",
        "programming refused: add, duplicate code, with code cccccccc",
        "programming refused: forbidden, lockctl, 3 times",
    ]


def test_the_clock_is_set_to_a_moment_with_its_zone(lock: OneLock) -> None:
    done = lock.lockctl("clock", "set", "2026-12-24T18:00:00+01:00")
    assert (done.output, lock.asked) == (
        "the clock is set to 2026-12-24 17:00:00Z\n",
        [("clock_set", {"wall_s": 1_798_131_600})],
    )


def test_a_time_without_a_zone_is_wrong_usage(lock: OneLock) -> None:
    assert (lock.lockctl("clock", "set", "2026-12-24T18:00:00").exit_code, lock.asked) == (2, [])
