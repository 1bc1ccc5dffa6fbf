"""Any sequence of people, doors and time: the strike does as the door says, and a grant is one opening."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core import door
from agent.core.door import Contact, Door, Note, Relock, RelockOn, Step, Timings, Unlock

WAITS = st.sampled_from([0.05, 0.2, 0.4, 1.0, 4.0, 11.0, 35.0, 100.0])
ACTS = st.one_of(
    st.tuples(st.just("release"), st.booleans()),
    st.tuples(st.just("rex"), st.booleans()),
    *[st.tuples(st.just("move"), st.none())] * 4,
    st.tuples(st.just("free"), st.booleans()),
    st.tuples(st.just("relock"), st.none()),
    st.tuples(st.just("acknowledge"), st.none()),
    *[st.tuples(st.just("wait"), WAITS)] * 2,
)
SOME_TIMINGS = st.builds(
    Timings,
    relock_on=st.sampled_from(RelockOn),
    release_s=st.sampled_from([0.5, 5.0, 60.0]),
    held_open_s=st.sampled_from([2.0, 30.0]),
    pre_alarm_s=st.sampled_from([0.0, 10.0]),
)


class Story:
    """A door, and a strike that does as it is told and locks by itself."""

    def __init__(self, timings: Timings) -> None:
        self.now = 100.0
        self.timings = timings
        self.door = Door(contact=Contact.CLOSED)
        self.strike_until_s = 0.0
        self.may_pass = False
        """Somebody was let through, and has not opened yet: a plain reading of the rule."""
        self.shunt_until_s = 0.0
        self.is_excused = True
        """The latest opening."""
        self.opened_s = 0.0
        self.alarms = False
        self.is_seen = False
        """Somebody acknowledged the alarm while the door was open."""

    def take(self, step: Step) -> None:
        self.door = step.door
        for effect in step.effects:
            match effect:
                case Unlock(for_s):
                    assert 0 < for_s <= door.LONGEST_RELEASE_S
                    self.strike_until_s = self.now + for_s
                case Relock():
                    self.strike_until_s = self.now
                case Note("door_forced"):
                    assert not self.is_excused
                    self.alarms, self.is_seen = True, False

    def act(self, kind: str, argument: bool | float | None) -> None:
        now, timings = self.now, self.timings
        match kind:
            case "release":
                self.take(door.release(self.door, now, timings, is_extended=bool(argument)))
                self.may_pass = self.door.contact is Contact.CLOSED
            case "rex":
                self.shunt_until_s = now + timings.rex_shunt_s
                self.take(door.rex(self.door, now, timings, bool(argument)))
                self.may_pass = self.may_pass or (bool(argument) and self.door.contact is Contact.CLOSED)
            case "move":
                self.move(self.door.contact is not Contact.OPEN)
            case "free":
                self.is_excused = self.is_excused or (bool(argument) and not self.door.is_forced)
                self.take(door.free(self.door, now) if argument else door.unfree(self.door, now, timings))
            case "relock" if not self.door.is_free:
                self.take(door.relock(self.door, "command"))
            case "acknowledge":
                self.is_seen = self.alarms and self.door.contact is Contact.OPEN
                self.alarms = self.is_seen
                self.take(door.acknowledge(self.door))
            case "wait":
                self.wait(float(argument or 0))

    def move(self, is_open: bool) -> None:
        if is_open:
            is_let_in = self.now < self.strike_until_s and self.may_pass
            self.is_excused = self.door.is_free or is_let_in or self.now < self.shunt_until_s
            self.may_pass, self.opened_s = False, self.now
        else:
            self.shunt_until_s = 0.0
            self.alarms, self.is_seen = self.alarms and not self.is_seen, False
        self.take(door.moved(self.door, is_open, self.now, self.timings))

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := door.deadline(self.door)) is not None and due <= end:
            self.now = max(self.now, due)
            self.take(door.tick(self.door, self.now))
            assert (after := door.deadline(self.door)) is None or after > self.now
        self.now = end

    def check(self) -> None:
        assert self.door.is_released is (self.now < self.strike_until_s)
        is_open = self.door.contact is Contact.OPEN
        is_settled = self.now >= self.opened_s + self.timings.forced_filter_s
        assert self.door.is_forced is self.alarms
        assert self.alarms or self.is_excused or not (is_open and is_settled)


@settings(max_examples=300, deadline=None)
@given(timings=SOME_TIMINGS, acts=st.lists(ACTS, min_size=15, max_size=60))
def test_the_strike_is_as_the_door_says_and_no_opening_but_the_first_is_granted(
    timings: Timings, acts: list[tuple[str, bool | float | None]]
) -> None:
    story = Story(timings)
    for kind, argument in acts:
        story.act(kind, argument)
        story.check()
    story.act("free", argument=False)
    story.wait(200.0)
    assert not story.door.is_released
    assert story.door.is_held is (story.door.contact is Contact.OPEN)
    assert door.deadline(story.door) is None
