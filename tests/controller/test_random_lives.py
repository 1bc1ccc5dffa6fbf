"""Random lives of a door against a model of a page: same openings, same counts, whatever happens."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON, VirtualClock

PEOPLE = {name: f"{n:08x}-0000-4000-8000-000000000000" for n, name in enumerate("abcd")}
DIGITS = {"a": "1113", "b": "2223", "c": "3335", "d": "4445"}


class Life(RuleBasedStateMachine):
    """The model: which codes are in the set, how often each was used, how many guesses are left."""

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.wanted: dict[str, dict[str, int]] = {}
        self.uses = dict.fromkeys(PEOPLE, 0)
        self.guesses = 5
        self.openings = 0
        self.start(VirtualClock())

    def start(self, clock: VirtualClock) -> None:
        self.site = Site(Path(self.directory.name), clock)
        self.site.connect()

    @rule(name=st.sampled_from(sorted(PEOPLE)), once=st.booleans(), late=st.booleans())
    def add(self, name: str, once: bool, late: bool) -> None:
        rules = {"max_uses": 1} if once else {}
        self.wanted[name] = rules | ({"starts_at": NOON + 10_000} if late else {})
        self.send()

    @rule(name=st.sampled_from(sorted(PEOPLE)))
    def remove(self, name: str) -> None:
        self.wanted.pop(name, None)
        self.send()

    @rule()
    def send(self) -> None:
        self.site.install(
            *(code_row(PEOPLE[name], DIGITS[name], **rules) for name, rules in self.wanted.items())
        )

    @rule(name=st.sampled_from(sorted(PEOPLE)))
    def type(self, name: str) -> None:
        before = self.site.strike.releases
        self.site.type(DIGITS[name] + "#")
        rules = self.wanted.get(name)
        opens = (
            self.guesses > 0
            and rules is not None
            and self.site.cloud_wall_s >= rules.get("starts_at", 0)
            and self.uses[name] < rules.get("max_uses", 10**9)
        )
        if opens:
            self.uses[name] += 1
            self.openings += 1
        elif self.guesses:
            self.guesses -= 1
        assert self.site.strike.releases - before == opens

    @rule()
    def half_a_code(self) -> None:
        self.site.type("11*")

    @precondition(lambda self: self.guesses > 0)
    @rule()
    def leave_and_let_the_door_fall_shut(self) -> None:
        self.site.open_door()
        self.site.close_door()
        self.site.wait(1.0)
        assert not self.site.strike.is_released

    @rule()
    def restart(self) -> None:
        self.site.close()
        self.site.clock.now_s += 1.0
        self.start(self.site.clock)

    @invariant()
    def every_opening_is_in_the_journal(self) -> None:
        if hasattr(self, "site"):
            assert len(self.site.journal("access_granted")) == self.openings

    def teardown(self) -> None:
        if hasattr(self, "site"):
            self.site.close()
            self.directory.cleanup()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
