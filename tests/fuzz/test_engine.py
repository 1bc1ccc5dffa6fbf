"""What runs the targets: findings are kept and shrunk, hangs end, changes reach far."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import by_atheris, by_hypothesis
from tests.fuzz.__main__ import main
from tests.fuzz.mutations import LONGEST_BYTES, mutated
from tests.fuzz.run import keep
from tests.fuzz.target import Draw
from tests.fuzz.targets import NAMES


def breaks_at_seven(data: bytes) -> None:
    assert b"7" not in data


def test_what_breaks_a_rule_is_a_finding_with_its_traceback() -> None:
    result = by_hypothesis.search(breaks_at_seven, [b"1234567"], size=10)
    assert (result.inputs, result.finding) == (1, b"1234567")
    assert "breaks_at_seven" in result.why


def test_a_long_run_shrinks_what_it_found() -> None:
    result = by_hypothesis.search(breaks_at_seven, [], until_s=float("inf"))
    assert result.finding == b"7"


def test_a_run_without_an_end_in_time_is_the_same_each_time() -> None:
    runs: list[list[bytes]] = [[], []]
    for each in runs:
        by_hypothesis.search(each.append, [b'{"a": 1}'], size=30)
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 15


def test_an_input_that_never_ends_is_a_finding() -> None:
    def hangs(data: bytes) -> None:
        while data == b"again":
            pass

    result = by_hypothesis.search(hangs, [b"once", b"again"], limit_s=0.1)
    assert result.finding == b"again"
    assert "Hang" in result.why


def test_a_finding_is_kept_under_a_name_of_its_own(tmp_path: Path) -> None:
    paths = {keep(finding, tmp_path / "found") for finding in (b"a", b"b", b"a")}
    assert {path.read_bytes() for path in paths} == {b"a", b"b"}
    assert all(path.name.startswith("found-") for path in paths)


@given(st.binary(max_size=300), st.integers(0, 2**32))
def test_any_bytes_can_be_changed_and_stay_short(data: bytes, seed: int) -> None:
    assert len(mutated(data, random.Random(seed), [data, b"[1]"])) <= LONGEST_BYTES


def test_most_changes_of_a_document_leave_one() -> None:
    document = json.dumps({"rows": [{"code": "493817", "gen": 1}] * 3, "rev": 7}).encode()
    found = [mutated(document, random.Random(seed), [document]) for seed in range(300)]
    readable = {each for each in found if is_json(each)} - {document}
    assert len(readable) > 100


def is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def test_choices_after_the_end_are_the_first_ones() -> None:
    draw = Draw(b"\x05")
    assert (draw.below(10), draw.is_left, draw.below(10), draw.of("ab"), draw.rest()) == (
        5,
        False,
        0,
        "a",
        b"",
    )


def test_a_run_says_how_much_it_tried_and_ends_well(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["keypads", "--seconds", "0", "--engine", "hypothesis"]) == 0
    assert "inputs" in capsys.readouterr().out


def test_a_kept_input_can_be_tried_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"\0\0" + b"4711#")
    assert main(["keypads", "--input", str(tmp_path / "input")]) == 0
    assert "it holds" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["nothing"], ["--input", "x"]])
def test_a_target_that_is_not_there_is_refused_in_words(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    said = capsys.readouterr().err
    assert NAMES[0] in said or "needs the one target" in said


@pytest.mark.skipif(
    not by_atheris.is_there(), reason="atheris is not installed (extra fuzz); make fuzz uses it"
)
def test_atheris_runs_the_same_target_and_counts_lines(tmp_path: Path) -> None:
    result = by_atheris.search("keypads", 1, tmp_path)
    assert (result.why, result.finding) == ("", None)
    assert result.inputs > 0
    assert result.coverage.startswith("edges")
