"""What docs/measure.md shows works as it stands there."""

import re

import pytest

from benchmarks.__main__ import ALONE, PARTS
from tests.docs.pages import page

PAGE = page("measure.md")
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("codes", [10_000, 100_000])
def test_anybody_can_make_a_table_and_time_its_search(codes: int, capsys: pytest.CaptureFixture[str]) -> None:
    example = EXAMPLE.replace("10_000\n", f"{codes}\n", 1)
    exec(compile(example, "measure.md", "exec"), {})
    printed = re.findall(r"^([\d.]+) us, place (\d+)$", capsys.readouterr().out, re.MULTILINE)
    assert [int(place) for _, place in printed] == [0, codes - 1, codes]
    assert all(float(us) > 0 for us, _ in printed)


def test_the_page_names_every_part_of_the_benchmark_and_no_other() -> None:
    first_cells = re.findall(r"^\| (`.*?`) \|", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", ", ".join(first_cells)) == [*ALONE, *PARTS]
