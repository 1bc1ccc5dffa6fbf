"""The benchmarks run, and say what they measured; what they measure is nobody's verdict here."""

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import ALONE, PARTS, main
from benchmarks.figures import HEAD, Figure, line, milliseconds


def test_the_small_benchmarks_print_a_line_for_each_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["look", "entry", "pins", "--samples", "3", "--directory", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"\d+ cores .*, Python 3\.\d+\.\d+, SQLite 3\.\d+\.\d+", printed)
    assert HEAD in printed
    assert re.search(r"^# closes on the matrix -> strike pin +1 .* ms", printed, re.M)
    assert len(re.findall(r"^search, [\d,]+ codes +3 .* us", printed, re.M)) == 3
    assert re.search(r"^all of that for one entry, 10,000 codes +3 .* us", printed, re.M)
    assert (
        len(re.findall(r"^# handled -> strike called, [\d,]+ codes +3 .* ms +p99 5 ms", printed, re.M)) == 3
    )


def test_a_small_sealed_set_is_opened_staged_and_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sealed", "--samples", "1", "--directory", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for figure in ("opening the envelopes of", "staging", "the switch to a staged set of"):
        assert re.search(rf"^{figure} 100 codes +1 ", printed, re.M)
    assert re.search(r"^all of it, until 100 codes decide +1 .* s\b", printed, re.M)
    assert re.search(r"^a bucket message: JWE, JWS and JSON opened +16 .* ms", printed, re.M)
    assert re.search(r"^controller busy in one go .* +17 .* ms", printed, re.M)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_in_the_directory_of_the_databases(tmp_path: Path) -> None:
    main(["entry", "--samples", "1", "--directory", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_part_is_refused_and_all_parts_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["everything"])
    complaint = capsys.readouterr().err
    assert "there is no part 'everything'" in complaint
    assert all(part in complaint for part in [*ALONE, *PARTS])


def test_p99_of_a_hundred_samples_leaves_one_out() -> None:
    figure = Figure(name="a", unit="ms", samples=range(100))
    assert (figure.share(0.5), figure.share(0.99), figure.share(1.0)) == (49, 98, 99)


def test_a_line_shows_seconds_as_milliseconds_with_their_aim() -> None:
    assert line(milliseconds("from here to there", [0.25], "300 ms")).split()[-6:] == [
        "250", "250", "250", "ms", "300", "ms",
    ]  # fmt: skip
