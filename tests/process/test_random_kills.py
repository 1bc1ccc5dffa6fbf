"""Killed at random moments of an entry, as often as LOCK_TEST_KILLS says: nothing is ever gained by it."""

import logging
import os
import random
import threading
from collections import Counter

import pytest

from tests.process.doors import Code, Door
from tests.waiting import wait_for

log = logging.getLogger(__name__)

KILLS = int(os.environ.get("LOCK_TEST_KILLS", "20"))

pytestmark = [pytest.mark.process, pytest.mark.timeout(60 + 5 * KILLS)]

LATEST_KILL_S = 0.03
"""After the first key: most entries are over by then."""


NOTHING_HAPPENED, THE_ATTEMPT_COUNTS, GRANTED = (0, 0.0), (0, 1.0), (1, 0.0)
"""Openings recorded, and guesses that were paid for."""


def test_random_kills_gain_no_opening_and_lose_no_event(door: Door) -> None:
    ends: Counter[tuple[int, float]] = Counter()
    spent: Code | None = None
    for _ in range(KILLS):
        door.start()
        assert spent is None or not door.opens(spent.digits)
        (courier,) = door.new_codes(1, is_one_time_use=True)  # its set holds all earlier codes once more
        tokens = door.status()["throttle"]["short"]["tokens"]
        openings = opened_by_a_killed_entry(door, courier)
        grants = door.grants(courier)
        assert openings <= grants
        ends[grants, round(tokens - door.tokens(), 1)] += 1
        spent = courier if grants else None
        door.refill()
    log.info("after %d kills, as (openings recorded, guesses paid for): %s", KILLS, dict(ends))
    assert set(ends) <= {NOTHING_HAPPENED, THE_ATTEMPT_COUNTS, GRANTED}
    every_event_is_at_the_cloud_once(door)


def opened_by_a_killed_entry(door: Door, courier: Code) -> int:
    """Enter a code and kill the agent meanwhile."""
    before = door.openings()
    killer = threading.Timer(random.uniform(0, LATEST_KILL_S), door.kill)
    killer.start()
    door.type(f"{courier.digits}#")
    killer.join()
    return door.openings() - before


def every_event_is_at_the_cloud_once(door: Door) -> None:
    """Without gap or double, in the order they happened."""
    door.start()
    rows = door.rows()
    wait_for(lambda: len(door.events()) >= len(rows), 20, "the cloud to have all events")
    assert [event["seq"] for event in door.events()][: len(rows)] == [row["seq"] for row in rows]
