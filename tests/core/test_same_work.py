"""Whatever is typed, the decision takes the same steps: what a clock might miss, counting shows."""

import gc
import random
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from agent.core.timekeeping import ClockReading, Trust
from benchmarks.leakcheck import decisions
from benchmarks.leakcheck.entries import whole_entry
from benchmarks.leakcheck.harness import REFERENCE

KEYS = (1, 3)
"""How many keys a tag goes through: of a new lock, and of one whose root secret was replaced twice."""
INSTANCES = {keys: decisions.decision(100, keys)(random.Random(1)) for keys in KEYS}
ENTRY = whole_entry(random.Random(2))
UNKNOWN_CLOCK = ClockReading(Trust.UNKNOWN, 0.0, float("inf"), decisions.NOW_S)


@pytest.fixture(autouse=True)
def _no_collection_of_garbage() -> Iterator[None]:
    """It may come at any moment, and others have it call functions of theirs."""
    gc.disable()
    yield
    gc.enable()


def calls(verify: Callable[[str], object], entry: str) -> list[str]:
    """Every function that is called, Python's own too, in order."""
    seen: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            seen.append(frame.f_code.co_name)
        if event == "c_call":
            seen.append(argument.__name__)

    sys.setprofile(note)
    try:
        verify(entry)
    finally:
        sys.setprofile(None)
    return seen


def lines(verify: Callable[[str], object], entry: str) -> list[tuple[str, int]]:
    """Every line that is run, in order."""
    seen: list[tuple[str, int]] = []

    def note(frame: FrameType, event: str, argument: Any) -> Any:
        del argument
        if event == "line":
            seen.append((frame.f_code.co_name, frame.f_lineno))
        return note

    before = sys.gettrace()
    sys.settrace(note)
    try:
        verify(entry)
    finally:
        sys.settrace(before)
    return seen


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("name", INSTANCES[1].entries)
def test_every_entry_calls_the_same_functions_in_the_same_order(name: str, keys: int) -> None:
    instance = INSTANCES[keys]
    ours = calls(instance.verify, instance.entries[name][0])
    assert ours == calls(instance.verify, instance.entries[REFERENCE][0])
    assert [ours.count(each) for each in ("digest", "count", "get", "judge")] == [keys, 1, 1, 1]


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("name", INSTANCES[1].entries)
def test_every_entry_runs_the_same_lines(name: str, keys: int) -> None:
    instance = INSTANCES[keys]
    ours = lines(instance.verify, instance.entries[name][0])
    assert ours == lines(instance.verify, instance.entries[REFERENCE][0])


@pytest.mark.parametrize("name", INSTANCES[1].entries)
def test_without_a_clock_the_steps_are_the_same_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = INSTANCES[1]
    known = lines(instance.verify, instance.entries[name][0])
    monkeypatch.setattr(decisions, "CLOCK", UNKNOWN_CLOCK)
    assert lines(instance.verify, instance.entries[name][0]) == known


@pytest.mark.parametrize("name", ENTRY.entries)
def test_whatever_is_typed_at_a_door_the_same_is_looked_at_in_the_same_steps(name: str) -> None:
    entry, unknown = ENTRY.entries[name][0], ENTRY.entries[REFERENCE][0]
    assert lines(ENTRY.verify, entry) == lines(ENTRY.verify, unknown)
    assert calls(ENTRY.verify, entry) == calls(ENTRY.verify, unknown)


def test_the_counting_would_see_a_search_that_ends_early() -> None:
    codes = ["111111", "222222", "333333"]

    def early(entry: str) -> bool:
        return any(entry.__eq__(code) is True for code in codes)

    assert calls(early, codes[0]) != calls(early, "444444")
    assert lines(early, codes[0]) != lines(early, "444444")
