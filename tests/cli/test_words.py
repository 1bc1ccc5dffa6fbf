"""Durations, instants and events in the words people read."""

import pytest

from agent.cli.words import instant, span, status_lines
from tests.cli.conftest import STATUS


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3661, "1 h 1 min"),
        (3605, "1 h"),
        (200_000, "2 d 7 h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_an_instant_is_told_in_utc_and_none_as_a_dash() -> None:
    assert (instant(0), instant(None)) == ("1970-01-01 00:00:00Z", "-")


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"mode": "normal"}, "normal"),
        ({"mode": "no_remote", "mode_by": "lockctl", "mode_until_s": None}, "no remote, by lockctl"),
        (
            {"mode": "passage", "mode_by": "schedule", "mode_until_s": 1_790_000_000.0},
            "passage, by schedule until 2026-09-21 14:13:20Z",
        ),
    ],
)
def test_the_mode_is_told_with_what_set_it_and_until_when(shown: dict[str, object], words: str) -> None:
    (line,) = [line.text for line in status_lines(STATUS | shown) if line.text.startswith("mode ")]
    assert line.split(maxsplit=1)[1] == words
