"""A bolt with a sensor, by example: obeyed, told again, jammed, free."""

from agent.core import bolt
from agent.core.bolt import AGAIN_S, CONFIRM_S, TRIES, Bolt

THROWN = Bolt(is_withdrawn=False)


class Story:
    """A bolt and its clock; remembers how often the strike was told again."""

    def __init__(self, at_first: Bolt = THROWN) -> None:
        self.bolt = at_first
        self.now = 100.0
        self.again = 0

    def told(self, shall_withdraw: bool, *, is_door_open: bool = False) -> None:
        self.bolt = bolt.told(self.bolt, shall_withdraw, self.now, is_door_open=is_door_open)

    def sensed(self, is_withdrawn: bool | None) -> None:
        self.bolt = bolt.sensed(self.bolt, is_withdrawn)

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.bolt.check_at_s is not None and self.bolt.check_at_s <= end:
            self.now = self.bolt.check_at_s
            step = bolt.tick(self.bolt, self.now)
            self.bolt, self.again = step.bolt, self.again + step.is_again
        self.now = end


LONG_ENOUGH_S = CONFIRM_S + (TRIES - 1) * AGAIN_S


def test_a_bolt_that_moves_in_time_is_told_once() -> None:
    story = Story()
    story.told(True)
    story.wait(CONFIRM_S - 0.1)
    story.sensed(True)
    story.wait(60.0)
    assert (story.again, story.bolt.jam) == (0, None)


def test_a_bolt_that_does_not_move_is_told_twice_more_and_is_then_jammed() -> None:
    story = Story()
    story.told(True)
    story.wait(LONG_ENOUGH_S - 0.1)
    before = story.bolt.jam
    story.wait(0.1)
    assert (story.again, before, story.bolt.jam) == (2, None, "unlocking")


def test_a_jammed_bolt_is_not_told_for_ever() -> None:
    story = Story()
    story.told(True)
    for _ in range(10):
        story.wait(LONG_ENOUGH_S)
        story.told(True)
    assert (story.again, story.bolt.check_at_s) == (2, None)


def test_a_release_that_is_over_before_the_third_try_still_tells_of_the_jam() -> None:
    story = Story()
    story.told(True)
    story.wait(CONFIRM_S + 1.0)
    story.told(False)
    assert (story.bolt.jam, story.bolt.check_at_s) == ("unlocking", None)


def test_a_release_too_short_to_be_confirmed_tells_nothing() -> None:
    story = Story()
    story.told(True)
    story.wait(1.0)
    story.told(False)
    assert story.bolt.jam is None


def test_a_bolt_that_moves_at_last_is_free() -> None:
    story = Story(Bolt(is_withdrawn=True, shall_withdraw=True))
    story.told(False)
    story.wait(LONG_ENOUGH_S)
    jam = story.bolt.jam
    story.sensed(False)
    assert (jam, story.bolt.jam) == ("locking", None)


def test_a_bolt_is_not_waited_for_at_an_open_door() -> None:
    story = Story(Bolt(is_withdrawn=True, shall_withdraw=True))
    story.told(False, is_door_open=True)
    story.wait(60.0)
    before = story.bolt.jam
    story.told(False, is_door_open=False)
    story.wait(LONG_ENOUGH_S)
    assert (before, story.bolt.jam) == (None, "locking")


def test_without_a_sensor_nothing_is_waited_for_and_nothing_is_jammed() -> None:
    story = Story(Bolt())
    for shall_withdraw in (True, False):
        story.told(shall_withdraw)
        story.wait(60.0)
    assert (story.again, story.bolt.jam) == (0, None)


def test_a_sensor_that_cannot_be_read_any_more_ends_the_wait() -> None:
    story = Story()
    story.told(True)
    story.sensed(None)
    story.wait(60.0)
    assert (story.again, story.bolt.jam) == (0, None)


def test_a_sensor_that_is_read_again_is_no_movement() -> None:
    story = Story()
    story.told(True)
    story.wait(LONG_ENOUGH_S)
    story.sensed(None)
    story.sensed(False)
    assert story.bolt.jam == "unlocking"
