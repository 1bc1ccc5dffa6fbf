"""What the uplink repeats and gives up as time passes; time is moved by hand."""

from collections.abc import Callable, Iterator

import pytest

from agent.messages import RowsWanted
from agent.uplink import Backoff, UplinkClock
from agent.uplink.handle import boottime_s
from tests.uplink.conftest import AUTHORITY, Brokers
from tests.uplink.doors import CloudEnd, Door, answer, ask_again, rows
from tests.uplink.rude_broker import RudeBroker
from tests.waiting import wait_for

NewDoor = Callable[..., Door]


class Hands:
    """A clock that runs, and can be put forward."""

    def __init__(self) -> None:
        self._ahead_s = 0.0
        self._looks = 0

    def now(self) -> float:
        self._looks += 1
        return boottime_s() + self._ahead_s

    def forward(self, door: Door, by_s: float) -> None:
        """Let time pass, and wait until the uplink has looked at the clock more than once."""
        self._ahead_s += by_s
        looks = self._looks
        for _ in range(4):
            door.uplink.journal_grew(0)
        wait_for(lambda: self._looks >= looks + 8)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def door(new_door: NewDoor, brokers: Brokers, hands: Hands) -> Door:
    return new_door(brokers.url, clock=UplinkClock(now=hands.now))


def test_rows_the_cloud_does_not_acknowledge_are_sent_again_after_ten_seconds(
    door: Door, cloud_end: CloudEnd, hands: Hands
) -> None:
    door.uplink.start()
    door.uplink.journal_grew(60)
    answer(door, 1, 60)
    answer(door, 2, 60)
    cloud_end.wait_for("events", 2)
    door.uplink.acked(50)
    ask_again(door, cloud_end)
    hands.forward(door, 9)
    hands.forward(door, 2)
    assert answer(door, 3, 60).after_seq == 50
    cloud_end.wait_for("events", 3)
    assert cloud_end.seqs() == [*range(1, 61), *range(51, 61)]


def test_a_question_for_rows_that_nobody_answers_is_asked_again(door: Door, hands: Hands) -> None:
    door.uplink.start()
    door.uplink.journal_grew(1)
    door.wait_for(RowsWanted)
    hands.forward(door, 11)
    assert door.wait_for(RowsWanted, 2).after_seq == 0


def test_an_answer_to_an_older_question_is_dropped(door: Door, cloud_end: CloudEnd) -> None:
    door.uplink.start()
    door.uplink.journal_grew(2)
    door.wait_for(RowsWanted)
    door.uplink.acked(1)
    door.uplink.rows(0, rows(1, 2))
    assert answer(door, 2, 2).after_seq == 1
    cloud_end.wait_for("events")
    assert cloud_end.seqs() == [2]


def test_the_status_is_said_again_every_quarter_of_an_hour(
    door: Door, cloud_end: CloudEnd, hands: Hands
) -> None:
    door.uplink.start()
    cloud_end.wait_for("status", 1)
    hands.forward(door, 899)
    hands.forward(door, 2)
    assert cloud_end.wait_for("status", 2).body["sid"] == door.wait_up().sid


@pytest.fixture
def deaf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RudeBroker]:
    """A broker that takes messages and acknowledges none."""
    broker = RudeBroker(tmp_path_factory.mktemp("deaf"), AUTHORITY, lambda _broker, _lock: None)
    broker.is_acknowledging = False
    yield broker
    broker.close()


def test_a_broker_that_acknowledges_nothing_for_half_a_minute_is_left(
    deaf: RudeBroker, new_door: NewDoor, hands: Hands
) -> None:
    door = new_door(deaf.url, clock=UplinkClock(now=hands.now))
    door.uplink.start()
    door.wait_up()
    hands.forward(door, 29)
    hands.forward(door, 2)
    assert door.wait_down().reason == "the broker acknowledges nothing"
    wait_for(lambda: deaf.connections == 2)


def test_rows_are_not_piled_up_on_a_broker_that_takes_none(
    deaf: RudeBroker, new_door: NewDoor, hands: Hands
) -> None:
    door = new_door(deaf.url, clock=UplinkClock(now=hands.now))
    door.uplink.start()
    door.uplink.journal_grew(400)
    for number in (1, 2, 3, 4):
        answer(door, number, 400)
    hands.forward(door, 11)
    hands.forward(door, 11)
    assert len(door.all_of(RowsWanted)) == 4
    assert door.changes(is_up=False) == []


def test_failures_are_forgotten_only_after_a_stable_minute(
    new_door: NewDoor, brokers: Brokers, hands: Hands
) -> None:
    ceilings: list[float] = []

    def draw(_low: float, high: float) -> float:
        ceilings.append(high)
        return 0.01

    backoff = Backoff(first_s=0.1, cap_s=10, draw=draw)
    door = new_door(brokers.url, clock=UplinkClock(now=hands.now), backoff=backoff)
    door.uplink.start()
    for up, stays_s in enumerate((1.0, 59.0, 61.0, 1.0), start=1):
        door.wait_up(up)
        hands.forward(door, stays_s)
        brokers.stop()
        door.wait_down(up)
        brokers.start()
    door.wait_up(5)
    first_after = [ceiling for ceiling in ceilings if ceiling == 0.1]
    assert len(first_after) == 2  # the very first failure, and the one after the stable minute
