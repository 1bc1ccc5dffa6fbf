"""`lockctl readers`: what the agent is asked, and what is said of it."""

import json

import pytest

from tests.cli.conftest import OneLock


@pytest.mark.parametrize(
    ("typed", "verb", "args", "said"),
    [
        ("install outside", "reader_install", {"for_s": 60}, "outside has its key"),
        ("install outside --for-s 5", "reader_install", {"for_s": 5}, "outside has its key"),
        ("rekey outside", "reader_rekey", {}, "rename KEY_FILE.next to KEY_FILE"),
        (
            "comset outside --address 3 --baud 9600",
            "reader_comset",
            {"address": 3, "baud": 9600},
            "change the configuration",
        ),
    ],
)
def test_what_is_typed_is_asked_and_what_is_to_do_next_is_said(
    lock: OneLock, typed: str, verb: str, args: dict[str, int], said: str
) -> None:
    done = lock.lockctl("readers", *typed.split())
    assert lock.asked == [(verb, {"reader": "outside", **args})]
    assert said in done.output


def test_programs_get_the_answer_as_it_is(lock: OneLock) -> None:
    done = lock.lockctl("readers", "install", "outside", "--json")
    assert json.loads(done.output) == {"reader": "outside", "action": "install", "result": "done"}


def test_what_the_agent_refuses_is_told_with_its_reason(lock: OneLock) -> None:
    done = lock.lockctl("readers", "rekey", "garage")
    assert done.exit_code == 1
    assert "there is no reader 'garage'" in done.output


@pytest.mark.parametrize(
    "typed",
    ["install outside --for-s 61", "install", "comset outside --baud 9600", "comset outside --address 127"],
)
def test_wrong_usage_asks_nothing(lock: OneLock, typed: str) -> None:
    done = lock.lockctl("readers", *typed.split())
    assert (done.exit_code, lock.asked) == (2, [])
