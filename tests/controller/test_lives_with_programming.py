"""Random lives of a door where cloud and people both change codes, against a model of a page."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import VirtualClock
from tests.controller.programming import ROWS, add, opens, remove

ALL_DIGITS = ("2580", "40917263")
some_digits = st.sampled_from(ALL_DIGITS)


class Life(RuleBasedStateMachine):
    """The model: digits of the cloud's set, which of them are removed here, and digits of codes made here. A
    code of the cloud whose digits are those of one made here waits until they are free."""

    @initialize(allowed=st.booleans())
    def begin(self, allowed: bool) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.is_allowed = allowed
        self.ids = {digits: f"{n:08x}-0000-4000-8000-000000000000" for n, digits in enumerate(ALL_DIGITS)}
        self.wanted: set[str] = set()
        self.removed: set[str] = set()
        self.local: dict[str, str] = {}
        self.site = Site(Path(self.directory.name), VirtualClock())
        self.site.connect()
        self.send()

    def rows(self) -> list[dict[str, object]]:
        flag = {"is_external_modification_allowed": True} if self.is_allowed else {}
        return [*ROWS, *(code_row(self.ids[digits], digits, **flag) for digits in sorted(self.wanted))]

    def send(self) -> None:
        self.site.install(*self.rows())
        self.compare()

    def compare(self) -> None:
        self.removed = self.removed & self.wanted if self.is_allowed else set()

    @rule(digits=some_digits)
    def the_cloud_adds(self, digits: str) -> None:
        self.wanted.add(digits)
        self.send()

    @rule(digits=some_digits)
    def the_cloud_deletes(self, digits: str) -> None:
        self.wanted.discard(digits)
        self.send()

    @rule()
    def the_cloud_says_it_again(self) -> None:
        self.site.offer(self.rows(), rev=self.site.controller.codes.revision.highest_rev)
        self.compare()

    @rule(digits=some_digits)
    def somebody_adds(self, digits: str) -> None:
        made = add(self.site, digits)
        assert (made is not None) is (digits not in self.wanted and digits not in self.local)
        if made is not None:
            self.local[digits] = made

    @rule(digits=some_digits)
    def somebody_removes(self, digits: str) -> None:
        assert remove(self.site, digits) is (digits in self.open_digits())
        if digits in self.local:
            del self.local[digits]
        elif digits in self.wanted:
            self.removed.add(digits)

    @rule()
    def the_cloud_has_forgotten(self) -> None:
        if self.local:
            self.site.command("forget", ids=list(self.local.values()))
            assert self.site.results()[-1] == ("forget", "done", None)
            self.local.clear()

    @rule(restarts=st.booleans())
    def the_cloud_takes_over(self, restarts: bool) -> None:
        """Only what no code of the cloud waits for; two codes with the same digits would stay."""
        for digits in self.local.keys() - self.wanted:
            self.ids[digits] = self.local.pop(digits)
            self.wanted.add(digits)
        self.send()
        if restarts:
            self.restart()

    @rule()
    def restart(self) -> None:
        self.site.close()
        self.site = Site(Path(self.directory.name), self.site.clock)
        self.site.connect()

    def hours_pass(self) -> None:
        """As many as guesses need to come back; in one step, since nothing is to happen meanwhile."""
        self.site.clock.now_s += 6 * 3600.0
        self.site.clock.wall_s += 6 * 3600.0
        self.site.cloud_wall_s += 6 * 3600.0

    def open_digits(self) -> set[str]:
        return set(self.local) | (self.wanted - self.removed)

    @invariant()
    def what_opens_is_what_the_model_says(self) -> None:
        if not hasattr(self, "site"):
            return
        self.hours_pass()
        for digits in ALL_DIGITS:
            assert opens(self.site, digits) is (digits in self.open_digits())

    def teardown(self) -> None:
        if hasattr(self, "site"):
            self.site.close()
            self.directory.cleanup()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
