"""Inputs made by hypothesis from kept ones; nothing else has to be installed."""

import random
import time
import traceback
from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import mutated
from tests.fuzz.run import LONGEST_S, Result, limited
from tests.fuzz.target import Check

ROUND = 500


def inputs(kept: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Any bytes, and changes of what is kept."""
    if not kept:
        return st.binary(max_size=2000)
    others = list(kept)
    changed = st.builds(
        lambda data, seed: mutated(data, random.Random(seed), others),
        st.sampled_from(others),
        st.integers(0, 2**32),
    )
    return st.one_of(changed, changed, changed, st.binary(max_size=400))


def search(
    check: Check,
    kept: Sequence[bytes],
    *,
    size: int = ROUND,
    until_s: float | None = None,
    limit_s: float = LONGEST_S,
) -> Result:
    """Try what is kept, then `size` inputs, the same each time. With `until_s`, of the monotonic clock:
    others until then, and what breaks a rule is shrunk. `limit_s`: the processor's time for one."""
    tried, latest = 0, b""
    with limited(limit_s) as begin:

        def one(data: bytes) -> None:
            nonlocal tried, latest
            tried, latest = tried + 1, data
            begin()
            check(data)

        try:
            for data in kept:
                one(data)
            _round(one, kept, size, is_fixed=until_s is None)
            while until_s is not None and time.monotonic() < until_s:
                _round(one, kept, size, is_fixed=False)
        except Exception:  # noqa: BLE001 - whatever it is, it is what was looked for
            return Result(inputs=tried, finding=latest, why=traceback.format_exc())
    return Result(inputs=tried)


def _round(one: Callable[[bytes], None], kept: Sequence[bytes], size: int, *, is_fixed: bool) -> None:
    @settings(
        max_examples=size,
        deadline=None,
        database=None,
        derandomize=is_fixed,
        phases=(Phase.generate,) if is_fixed else (Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(inputs(kept))
    def some(data: bytes) -> None:
        one(data)

    some()
