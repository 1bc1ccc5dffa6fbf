"""Whatever takes input from outside, on kept inputs and on some more; `make fuzz` goes on for longer."""

from pathlib import Path

import pytest

from tests.fuzz import by_hypothesis, corpus
from tests.fuzz.targets import NAMES, target

CORPUS_LIMIT_BYTES = 200_000


@pytest.mark.parametrize("name", NAMES)
def test_bad_input_of_every_kind_is_refused_and_nothing_stops_or_opens(name: str, directory: Path) -> None:
    each = target(name)
    result = by_hypothesis.search(each.check(directory), corpus.kept(each), size=each.quick)
    assert result.why == "", each.rules
    assert result.inputs > each.quick // 2


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_begins_with_genuine_values_and_is_small(name: str) -> None:
    kept = corpus.kept(target(name))
    assert len(kept) >= len(target(name).seeds())
    assert sum(map(len, kept)) < CORPUS_LIMIT_BYTES / len(NAMES) * 3
