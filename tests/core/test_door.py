"""Release, relock, held and forced, by example."""

from agent.core.door import (
    Door,
    Effect,
    Note,
    Relock,
    Step,
    Timings,
    Unlock,
    alarms,
    deadline,
    moved,
    release,
    rex,
    tick,
)

TIMINGS = Timings()


class Person:
    """Plays at a door and remembers what was done."""

    def __init__(self) -> None:
        self.now = 100.0
        self.done: list[Effect] = []
        self.door = Door()
        self._take(moved(self.door, False, self.now, TIMINGS))
        self.done.clear()

    def _take(self, step: Step) -> None:
        self.door = step.door
        self.done += step.effects

    def release(self) -> None:
        self._take(release(self.door, self.now, TIMINGS))

    def rex(self, unlocks: bool = True) -> None:
        self._take(rex(self.door, self.now, TIMINGS, unlocks))

    def move(self, is_open: bool) -> None:
        self._take(moved(self.door, is_open, self.now, TIMINGS))

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := deadline(self.door)) is not None and due <= end:
            self.now = due
            self._take(tick(self.door, self.now))
        self.now = end


def test_a_release_nobody_uses_ends_after_its_time() -> None:
    person = Person()
    person.release()
    person.wait(5.0)
    assert person.done == [Unlock(5.0), Relock(), Note("relocked", "time")]


def test_the_door_relocks_half_a_second_after_it_closed() -> None:
    person = Person()
    person.release()
    person.move(True)
    person.move(False)
    person.wait(0.4)
    assert person.door.is_released
    person.wait(0.1)
    assert person.done[-2:] == [Relock(), Note("relocked", "closed")]


def test_one_release_is_for_one_opening() -> None:
    person = Person()
    person.release()
    person.move(True)
    person.move(False)
    person.wait(1.0)
    person.move(True)
    person.wait(1.0)
    assert alarms(person.door) == ["door_forced"]


def test_a_second_release_starts_its_own_time() -> None:
    person = Person()
    person.release()
    person.wait(3.0)
    person.release()
    person.wait(4.0)
    assert person.door.is_released


def test_a_door_opened_without_a_release_is_forced_until_it_closes() -> None:
    person = Person()
    person.move(True)
    person.wait(0.3)
    assert alarms(person.door) == ["door_forced"]
    person.move(False)
    assert alarms(person.door) == []


def test_a_contact_that_bounces_forces_nothing() -> None:
    person = Person()
    person.move(True)
    person.wait(0.2)
    person.move(False)
    person.wait(1.0)
    assert Note("door_forced") not in person.done


def test_a_door_open_for_too_long_is_held_and_then_over() -> None:
    person = Person()
    person.release()
    person.move(True)
    person.wait(29.9)
    assert alarms(person.door) == []
    person.wait(0.1)
    assert alarms(person.door) == ["door_held"]
    person.move(False)
    assert person.done[-1] == Note("door_held_over")


def test_a_request_to_exit_opens_and_excuses_the_opening() -> None:
    person = Person()
    person.rex()
    person.move(True)
    person.wait(1.0)
    assert (Unlock(5.0) in person.done, alarms(person.door)) == (True, [])


def test_where_the_handle_is_free_a_request_to_exit_only_excuses() -> None:
    person = Person()
    person.rex(unlocks=False)
    person.wait(9.0)
    person.move(True)
    person.wait(1.0)
    assert (Unlock(5.0) in person.done, alarms(person.door)) == (False, [])


def test_a_door_found_open_at_start_is_not_forced_but_may_be_held() -> None:
    person = Person()
    person.door = Door()
    person.move(True)
    person.wait(31.0)
    assert alarms(person.door) == ["door_held"]


def test_the_same_contact_twice_is_nothing_new() -> None:
    person = Person()
    person.move(False)
    assert person.done == []


def test_without_a_contact_a_release_ends_by_time_alone() -> None:
    person = Person()
    person.door = Door()
    person.release()
    person.wait(10.0)
    assert person.done[-1] == Note("relocked", "time")
