"""Action attempts: pending until the lock has answered, then ended once and for all, and told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_sim.commands import ANSWER_WITHIN_S
from cloud_sim.seam import action_attempts
from cloud_sim.seam.attempt_outcomes import STAYS_WANTED, TYPED_WITHIN_MS
from tests.seam.silent_cloud import Cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path / "cloud.db")
    yield made
    made.database.close()


def ask(cloud: Cloud, command_id: str = "cmd", command: str = "unlock") -> str:
    """A lock was told to do something, and has not answered; the id of the attempt."""
    cloud.database.run(
        "INSERT INTO commands (command_id, lock_id, type, args, issued_ms) VALUES (?, ?, ?, '{}', ?)",
        command_id,
        cloud.lock_id,
        command,
        int(cloud.now * 1000),
    )
    return action_attempts.start(
        cloud.database, f"{command.upper()}_DOOR", cloud.lock_id, cloud.now, command_id
    )


def answer(cloud: Cloud, result: str, **more: str) -> None:
    cloud.report(("command_result", {"id": "cmd", "type": "unlock", "result": result, **more}))
    cloud.told()


def shown(cloud: Cloud, attempt_id: str) -> dict[str, Any]:
    attempt = action_attempts.shown(cloud.database, attempt_id)
    assert attempt is not None
    assert set(attempt) == {"action_attempt_id", "action_type", "status", "result", "error"}
    return attempt


def test_an_attempt_is_pending_until_the_lock_has_answered(cloud: Cloud) -> None:
    attempt_id = ask(cloud)
    assert cloud.told() == []
    waiting = shown(cloud, attempt_id)
    assert (waiting["status"], waiting["result"], waiting["error"]) == ("pending", None, None)


def test_what_the_lock_did_is_a_success_and_two_events(cloud: Cloud) -> None:
    attempt_id = ask(cloud)
    answer(cloud, "done")
    done = shown(cloud, attempt_id)
    assert (done["status"], done["result"]) == ("success", {"was_confirmed_by_device": True})
    assert sorted(cloud.told()) == ["action_attempt.unlock_door.succeeded", "lock.unlocked"]
    assert {event["action_attempt_id"] for event in cloud.events()} == {attempt_id}


@pytest.mark.parametrize(
    ("result", "error_type"), [("refused", "refused_by_lock"), ("unknown", "failed_at_lock")]
)
def test_what_the_lock_did_not_do_is_an_error_that_says_why(
    cloud: Cloud, result: str, error_type: str
) -> None:
    attempt_id = ask(cloud)
    answer(cloud, result, reason="clock_unknown")
    failed = shown(cloud, attempt_id)
    assert (failed["status"], failed["result"], failed["error"]["type"]) == ("error", None, error_type)
    assert failed["error"]["message"].startswith("the lock ")
    assert cloud.told() == ["action_attempt.unlock_door.failed"]


def test_a_lock_that_does_not_answer_fails_the_attempt_in_the_end(cloud: Cloud) -> None:
    attempt_id = ask(cloud)
    assert cloud.wait(ANSWER_WITHIN_S - 1) == []
    assert cloud.wait(2) == ["action_attempt.unlock_door.failed"]
    assert shown(cloud, attempt_id)["error"]["type"] == "lock_did_not_answer"


def test_an_attempt_ends_once_whatever_comes_later(cloud: Cloud) -> None:
    attempt_id = ask(cloud)
    cloud.wait(ANSWER_WITHIN_S + 1)
    answer(cloud, "done")
    assert shown(cloud, attempt_id)["status"] == "error"
    assert cloud.told() == ["action_attempt.unlock_door.failed", "lock.unlocked"]


def test_keys_of_which_a_killed_cloud_knows_nothing_are_an_error(cloud: Cloud) -> None:
    kind = "SIMULATE_KEYPAD_CODE_ENTRY"
    attempt_id = action_attempts.start(cloud.database, kind, cloud.lock_id, cloud.now)
    cloud.restart()
    cloud.wait(TYPED_WITHIN_MS / 1000 + 1)
    assert shown(cloud, attempt_id)["error"]["type"] == "interrupted"


@pytest.mark.parametrize(
    ("result", "error_type"), [("refused", "refused_by_lock"), (None, "lock_did_not_answer")]
)
def test_a_setting_that_was_not_taken_is_said_to_stay_wanted(
    cloud: Cloud, result: str | None, error_type: str
) -> None:
    ask(cloud, command="config")
    attempt_id = action_attempts.start(cloud.database, "CONFIGURE_AUTO_LOCK", cloud.lock_id, cloud.now, "cmd")
    if result is not None:
        answer(cloud, result, reason="forbidden")
    cloud.wait(ANSWER_WITHIN_S + 1)
    error = shown(cloud, attempt_id)["error"]
    assert (error["type"], STAYS_WANTED in error["message"]) == (error_type, True)
