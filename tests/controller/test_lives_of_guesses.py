"""Random lives of somebody who tries codes, against a model of a page: he gets the guesses of the rule, no
more and no fewer, whatever happens to the process, the machine and its clocks."""

import math
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.core.throttle import LengthClass
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import VirtualClock

ANNA, RIGHT = "11111111-1111-4111-8111-111111111111", "493817"
WRONG = {"short": "111222", "long": "1234567890"}


class Budget:
    """Five tokens, one more each `refill_s` of running, in the words of the rule."""

    def __init__(self) -> None:
        self.tokens = 5.0
        self.failures = 0

    def earn(self, seconds: float, refill_s: float) -> None:
        self.tokens = min(5.0, self.tokens + seconds / refill_s)


class Life(RuleBasedStateMachine):
    """What was counted is durable at once, so a restart forgets only what was earned since the last entry."""

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.budgets = {"short": Budget(), "long": Budget()}
        self.durable = {"short": 5.0, "long": 5.0}
        self.begin_process(VirtualClock())
        self.site.connect()
        self.site.install(code_row(ANNA, RIGHT))

    def begin_process(self, clock: VirtualClock) -> None:
        self.site = Site(Path(self.directory.name), clock)

    def refill_s(self, name: str) -> float:
        return self.site.controller.guesses.risks[LengthClass(name)].refill_s

    def type(self, digits: str, name: str) -> None:
        """An entry: looked at if the model can pay for it, and right or wrong then."""
        budget = self.budgets[name]
        is_paid = budget.tokens >= 1.0 - 1e-9
        opened, said = self.site.strike.releases, len(self.site.reasons())
        self.site.type(f"{digits}#")
        opens = self.site.strike.releases > opened
        if is_paid:
            budget.tokens -= 0.0 if opens else 1.0
            budget.failures += not opens
            self.durable[name] = budget.tokens
        reasons = self.site.reasons()[said:]
        assert opens == (is_paid and digits == RIGHT)
        assert is_paid or set(reasons) <= {"throttled"}
        assert not is_paid or "throttled" not in reasons

    @rule(name=st.sampled_from(sorted(WRONG)), times=st.integers(1, 7))
    def somebody_tries(self, name: str, times: int) -> None:
        for _ in range(times):
            self.type(WRONG[name], name)

    @rule()
    def an_honest_person_comes(self) -> None:
        self.type(RIGHT, "short")

    @rule(seconds=st.sampled_from([0.7, 61.3, 901.3, 3601.7, 9000.1]))
    def time_passes(self, seconds: float) -> None:
        for name, budget in self.budgets.items():
            budget.earn(seconds, self.refill_s(name))
        self.site.wait(seconds)

    @rule(is_kill=st.booleans(), is_boot=st.booleans(), off_s=st.sampled_from([0.1, 86_400.0]))
    def the_power_goes(self, is_kill: bool, is_boot: bool, off_s: float) -> None:
        """Whether it ends well or not, whether the machine goes as well, and however long it takes."""
        if is_kill:
            self.site.store.database._connection.close()
        else:
            self.site.close()
        clock = self.site.clock
        clock.now_s = 5.0 if is_boot else clock.now_s + off_s
        clock.boot = f"{clock.boot}+" if is_boot else clock.boot
        self.begin_process(clock)
        for name, budget in self.budgets.items():
            budget.tokens = self.durable[name]

    @rule(by_s=st.sampled_from([-1e8, -3600.0, 3600.0, 1e8]))
    def the_clock_of_the_host_is_set(self, by_s: float) -> None:
        self.site.clock.wall_s += by_s

    @rule()
    def failures_are_acknowledged(self) -> None:
        self.site.connect()
        self.site.command("acknowledge")
        for budget in self.budgets.values():
            budget.failures = 0

    @invariant()
    def what_is_shown_is_what_the_rule_says(self) -> None:
        if not hasattr(self, "site"):
            return
        for name, budget in self.budgets.items():
            shown = self.site.controller.guesses.budgets[LengthClass(name)]
            assert shown.failures == budget.failures
            assert math.floor(shown.tokens) <= budget.tokens + 1e-6

    def teardown(self) -> None:
        if hasattr(self, "site"):
            self.site.close()
            self.directory.cleanup()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
