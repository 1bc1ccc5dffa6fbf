"""Random lives of a door with a mode schedule against a plain reading of it: boundary after boundary."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.core.mode_schedule_fields import mode_schedule_of
from agent.core.modes import Mode
from agent.zones import zone_named
from firmware_sim.site import Site
from firmware_sim.virtual_parts import NOON

DAY_MINUTES = 24 * 60
HOURS = [("08:00", "09:00", "passage"), ("13:00", "14:00", "no_remote"), ("22:00", "06:00", "lockdown")]
WEEKLY = [
    {"days": [1, 2, 3, 4, 5, 6, 7], "from": begins, "to": ends, "mode": mode} for begins, ends, mode in HOURS
]
SCHEDULE = mode_schedule_of({"zone": "UTC", "weekly": WEEKLY}, zone_named)
BOUNDARIES = {6: "normal", 8: "passage", 9: "normal", 13: "no_remote", 14: "normal", 22: "lockdown"}
"""By the hour of each day."""
STAYS = ("lockdown", "vacation")


class ScheduledLife(RuleBasedStateMachine):
    """The model: the mode, and whether a person set it. Each moment is 20 s after a full minute."""

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.minute = NOON // 60
        self.mode, self.is_persons = "normal", False
        self.site = Site(Path(self.directory.name), mode_schedule=SCHEDULE)
        self.site.connect()

    def pass_boundaries(self, minutes: int) -> None:
        for _ in range(minutes):
            self.minute += 1
            hour, minute = divmod(self.minute % DAY_MINUTES, 60)
            if minute == 0 and hour in BOUNDARIES and not (self.is_persons and self.mode in STAYS):
                self.mode, self.is_persons = BOUNDARIES[hour], False

    @rule(minutes=st.integers(1, 300))
    def wait(self, minutes: int) -> None:
        self.site.wait(60.0 * minutes)
        self.pass_boundaries(minutes)

    @rule(minutes=st.integers(0, 3 * DAY_MINUTES))
    def power_cut(self, minutes: int) -> None:
        self.site.store.close()
        self.site.clock.now_s += 60.0 * minutes
        self.site = Site(Path(self.directory.name), self.site.clock, mode_schedule=SCHEDULE)
        self.site.connect()
        self.pass_boundaries(minutes)

    @rule(mode=st.sampled_from(["normal", "vacation", "no_remote", "passage", "lockdown"]))
    def command(self, mode: str) -> None:
        self.site.command("mode", mode=mode)
        self.mode, self.is_persons = mode, True

    @rule()
    def hear_the_time_again(self) -> None:
        self.site.connect()

    @invariant()
    def the_door_is_in_that_mode(self) -> None:
        if hasattr(self, "site"):
            assert self.site.controller.commands.mode is Mode(self.mode)
            assert self.site.strike.is_released == (self.mode == "passage")

    def teardown(self) -> None:
        if hasattr(self, "site"):
            self.site.close()
            self.directory.cleanup()


TestScheduledLife = ScheduledLife.TestCase
TestScheduledLife.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
