"""Release, relock, held and forced, by example."""

from dataclasses import replace

from agent.core.door import (
    LONGEST_RELEASE_S,
    Contact,
    Door,
    Effect,
    Note,
    Relock,
    RelockOn,
    Step,
    Timings,
    Unlock,
    acknowledge,
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

    def __init__(self, timings: Timings = TIMINGS) -> None:
        self.now = 100.0
        self.done: list[Effect] = []
        self.timings = timings
        self.door = Door(contact=Contact.CLOSED)

    def _take(self, step: Step) -> None:
        self.door = step.door
        self.done += step.effects

    def release(self, *, is_extended: bool = False) -> None:
        self._take(release(self.door, self.now, self.timings, is_extended=is_extended))

    def rex(self, unlocks: bool = True) -> None:
        self._take(rex(self.door, self.now, self.timings, unlocks))

    def move(self, is_open: bool) -> None:
        self._take(moved(self.door, is_open, self.now, self.timings))

    def notes(self, *kinds: str) -> list[str]:
        notes = [f"{each.kind} {each.why or ''}".strip() for each in self.done if isinstance(each, Note)]
        return [each for each in notes if not kinds or each.split()[0] in kinds]

    def acknowledge(self) -> None:
        self._take(acknowledge(self.door))

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
    assert person.done == [Unlock(5.0), Relock(), Note("relocked", "time"), Note("access_not_taken")]


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


def test_a_door_opened_without_a_release_is_forced_until_it_is_closed_and_acknowledged() -> None:
    person = Person()
    person.move(True)
    person.wait(0.3)
    assert alarms(person.door) == ["door_forced"]
    person.move(False)
    assert alarms(person.door) == ["door_forced"]
    person.acknowledge()
    assert (alarms(person.door), person.done[-1]) == ([], Note("door_forced_over"))


def test_a_forced_door_acknowledged_while_it_is_open_alarms_until_it_closes() -> None:
    person = Person()
    person.move(True)
    person.wait(0.3)
    person.acknowledge()
    assert alarms(person.door) == ["door_forced"]
    person.move(False)
    assert (alarms(person.door), person.done[-1]) == ([], Note("door_forced_over"))


def test_a_door_forced_again_after_it_was_acknowledged_alarms_again() -> None:
    person = Person()
    for _ in range(2):
        person.move(True)
        person.wait(0.3)
        person.acknowledge()
        person.move(False)
    person.move(True)
    person.wait(0.3)
    person.move(False)
    assert (alarms(person.door), person.done.count(Note("door_forced"))) == (["door_forced"], 3)


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


# --- who goes through, and how often -----------------------------------------------------------------


def test_a_second_opening_within_one_release_is_forced() -> None:
    person = Person(replace(TIMINGS, relock_on=RelockOn.TIME))
    person.release()
    for is_open in (True, False, True):
        person.move(is_open)
        person.wait(0.5)
    assert (person.door.is_released, alarms(person.door)) == (True, ["door_forced"])


def test_each_grant_has_an_opening_of_its_own() -> None:
    person = Person(replace(TIMINGS, relock_on=RelockOn.TIME))
    for _ in range(2):
        person.release()
        person.move(True)
        person.wait(1.0)
        person.move(False)
    assert alarms(person.door) == []


def test_a_grant_at_a_door_that_stands_open_is_taken_and_locks_behind_whoever_it_was_for() -> None:
    person = Person()
    person.release()
    person.move(True)
    person.release()
    person.move(False)
    person.wait(0.5)
    assert person.notes("relocked", "access_not_taken") == ["relocked closed"]


def test_only_somebody_outside_who_does_not_come_in_is_worth_a_row() -> None:
    person = Person()
    person.rex()
    person.wait(6.0)
    assert person.notes() == ["relocked time"]


def test_without_a_contact_nobody_knows_whether_access_was_taken() -> None:
    person = Person()
    person.door = Door()
    person.release()
    person.wait(6.0)
    assert person.notes() == ["relocked time"]


# --- what ends a release -----------------------------------------------------------------------------


def test_where_it_relocks_on_open_it_does_so_a_second_after_the_door_opened() -> None:
    person = Person(replace(TIMINGS, relock_on=RelockOn.OPEN))
    person.release()
    person.wait(2.0)
    person.move(True)
    person.wait(0.9)
    released = person.door.is_released
    person.wait(0.1)
    assert (released, person.notes()) == (True, ["door_opened", "relocked opened"])


def test_where_it_relocks_on_open_closing_neither_hastens_nor_delays_that() -> None:
    person = Person(replace(TIMINGS, relock_on=RelockOn.OPEN))
    person.release()
    person.move(True)
    person.wait(0.2)
    person.move(False)
    person.wait(0.7)
    released = person.door.is_released
    person.wait(0.1)
    assert (released, person.door.is_released) == (True, False)


def test_where_it_relocks_on_time_the_door_does_not_matter() -> None:
    person = Person(replace(TIMINGS, relock_on=RelockOn.TIME))
    person.release()
    person.move(True)
    person.move(False)
    person.wait(4.9)
    released = person.door.is_released
    person.wait(0.1)
    assert (released, person.notes("relocked")) == (True, ["relocked time"])


# --- longer for some ---------------------------------------------------------------------------------


def test_somebody_who_needs_longer_has_a_longer_release_and_may_keep_the_door_open_for_longer() -> None:
    person = Person()
    person.release(is_extended=True)
    person.move(True)
    person.wait(59.9)
    before = alarms(person.door)
    person.wait(0.1)
    assert (person.done[0], before, alarms(person.door)) == (Unlock(15.0), [], ["door_held"])


def test_an_extended_release_ends_at_the_ceiling_of_strikes() -> None:
    person = Person(replace(TIMINGS, release_s=55.0))
    person.release(is_extended=True)
    assert person.done == [Unlock(LONGEST_RELEASE_S)]


def test_whoever_comes_next_has_the_ordinary_times() -> None:
    person = Person()
    person.release(is_extended=True)
    person.wait(20.0)
    person.release()
    person.move(True)
    person.wait(30.0)
    assert alarms(person.door) == ["door_held"]


# --- a warning before the alarm ----------------------------------------------------------------------


def test_the_keypad_warns_before_the_alarm_and_the_journal_knows_of_the_alarm_alone() -> None:
    person = Person()
    person.release()
    person.move(True)
    warned = []
    for seconds in (19.9, 0.1, 9.9, 0.1):
        person.wait(seconds)
        warned.append((person.door.is_warning, person.door.is_held))
    assert warned == [(False, False), (True, False), (True, False), (False, True)]
    assert person.notes("door_held") == ["door_held"]


def test_closing_in_time_ends_the_warning_without_an_alarm() -> None:
    person = Person()
    person.release()
    person.move(True)
    person.wait(25.0)
    person.move(False)
    person.wait(25.0)
    assert (person.door.is_warning, person.notes("door_held")) == (False, [])


def test_a_short_time_is_warned_of_in_its_second_half_only() -> None:
    person = Person(replace(TIMINGS, held_open_s=4.0))
    person.move(True)
    person.wait(1.9)
    before = person.door.is_warning
    person.wait(0.1)
    assert (before, person.door.is_warning) == (False, True)


def test_without_a_time_for_it_there_is_no_warning() -> None:
    person = Person(replace(TIMINGS, pre_alarm_s=0.0))
    person.move(True)
    person.wait(29.9)
    assert not person.door.is_warning
