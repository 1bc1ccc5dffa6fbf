"""When locks are told of changes: at once, and of a thousand in a row a few times."""

import heapq
import itertools
from collections.abc import Callable

from cloud_sim.pacing import PAUSE_LEAST_S, PAUSE_MOST_S, Pacing


class Timeline:
    """Time that passes when it is told to, and what was told at which time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.told: list[tuple[float, str]] = []
        self._due: list[tuple[float, int, Callable[[str], None], str]] = []
        self.pacing = Pacing(lambda lock_id: self.told.append((self.now_s, lock_id)), self.later)

    def later(self, delay: float, callback: Callable[[str], None], lock_id: str, /) -> None:
        heapq.heappush(self._due, (self.now_s + delay, len(self.told), callback, lock_id))

    def wait(self, seconds: float) -> None:
        """Let time pass; what falls due on the way is called when it is due."""
        end_s = self.now_s + seconds
        while self._due and self._due[0][0] <= end_s:
            self.now_s, _, callback, lock_id = heapq.heappop(self._due)
            callback(lock_id)
        self.now_s = end_s


def test_single_changes_wait_for_nothing() -> None:
    time = Timeline()
    for _ in range(3):
        time.pacing.changed("front")
        time.wait(PAUSE_LEAST_S)
    assert [at_s for at_s, _ in time.told] == [0.0, PAUSE_LEAST_S, 2 * PAUSE_LEAST_S]


def test_of_changes_in_a_row_the_last_is_told_and_nothing_after_it() -> None:
    time = Timeline()
    for _ in range(10):
        time.pacing.changed("front")
        time.wait(PAUSE_LEAST_S / 20)
    time.wait(60.0)
    assert time.told == [(0.0, "front"), (PAUSE_LEAST_S, "front")]


def test_who_changes_codes_all_the_time_is_heard_now_and_then() -> None:
    time = Timeline()
    for _ in range(3000):
        time.pacing.changed("front")
        time.wait(0.01)
    at_s = [at for at, _ in time.told]
    assert len(at_s) < 30
    assert max(after - before for before, after in itertools.pairwise(at_s)) <= PAUSE_MOST_S + 0.01
    time.wait(60.0)
    time.pacing.changed("front")
    assert time.told[-1] == (time.now_s, "front")


def test_a_lock_does_not_wait_for_another() -> None:
    time = Timeline()
    time.pacing.changed("front")
    time.pacing.changed("back")
    assert time.told == [(0.0, "front"), (0.0, "back")]


def test_a_change_that_comes_once_the_lock_has_taken_in_the_last_one_waits_for_nothing() -> None:
    time = Timeline()
    for _ in range(20):
        time.pacing.changed("front")
        time.wait(0.01)
        time.pacing.confirmed("front")
    assert [round(at_s, 3) for at_s, _ in time.told] == [round(0.01 * number, 3) for number in range(20)]


def test_a_lock_that_confirms_while_changes_wait_is_told_of_them_no_sooner() -> None:
    time = Timeline()
    time.pacing.changed("front")
    time.pacing.changed("front")
    time.pacing.confirmed("front")
    assert time.told == [(0.0, "front")]
    time.wait(60.0)
    assert time.told == [(0.0, "front"), (PAUSE_LEAST_S, "front")]


def test_a_pause_that_ended_before_its_time_ends_no_other() -> None:
    time = Timeline()
    time.pacing.changed("front")
    time.wait(PAUSE_LEAST_S * 0.8)
    time.pacing.confirmed("front")
    time.pacing.changed("front")
    time.pacing.changed("front")
    time.wait(PAUSE_LEAST_S * 0.9)
    assert [at_s for at_s, _ in time.told] == [0.0, PAUSE_LEAST_S * 0.8]
