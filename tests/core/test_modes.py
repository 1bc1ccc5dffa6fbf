"""Operating modes: the whole rule as a table, written a second time by hand."""

import pytest

from agent.core.modes import Mode, Source, after_passage_code, after_rex, may_enter, may_lock, may_open

OPENS = {
    #                 keypad remote local  rex
    Mode.NORMAL: (True, True, True, True),
    Mode.VACATION: (False, True, True, True),
    Mode.PRIVACY: (False, False, False, True),
    Mode.NO_REMOTE: (True, False, True, True),
    Mode.PASSAGE: (True, True, True, True),
    Mode.LOCKDOWN: (False, False, False, True),
}
COLUMNS = (Source.KEYPAD, Source.REMOTE, Source.LOCAL, Source.REX)


@pytest.mark.parametrize("mode", Mode)
def test_each_mode_lets_open_who_it_says(mode: Mode) -> None:
    assert tuple(may_open(mode, source) for source in COLUMNS) == OPENS[mode]


@pytest.mark.parametrize("mode", Mode)
def test_leaving_is_possible_in_every_mode(mode: Mode) -> None:
    assert may_open(mode, Source.REX)


def test_only_privacy_ends_by_leaving() -> None:
    assert {mode: after_rex(mode) for mode in Mode if after_rex(mode) is not mode} == {
        Mode.PRIVACY: Mode.NORMAL
    }


def test_a_passage_code_begins_and_ends_passage_and_no_other_mode() -> None:
    changed = {mode: after_passage_code(mode) for mode in Mode if after_passage_code(mode) is not mode}
    assert changed == {Mode.NORMAL: Mode.PASSAGE, Mode.PASSAGE: Mode.NORMAL}


def test_only_privacy_needs_a_door_that_is_shut() -> None:
    assert [mode for mode in Mode if not may_enter(mode, is_shut=False)] == [Mode.PRIVACY]
    assert all(may_enter(mode, is_shut=True) for mode in Mode)


def test_a_free_door_cannot_be_locked_and_no_remote_means_locking_too() -> None:
    refused = [(mode, source) for mode in Mode for source in COLUMNS[1:3] if not may_lock(mode, source)]
    assert refused == [
        (Mode.NO_REMOTE, Source.REMOTE),
        (Mode.PASSAGE, Source.REMOTE),
        (Mode.PASSAGE, Source.LOCAL),
    ]
