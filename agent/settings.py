"""What a controller is made with: behaviour from the configuration, and the hardware of the door."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.clock_watch import ClockSettings
from agent.command_side import Permissions
from agent.condition_side import ConditionPolicy
from agent.core.constraints import Constraints
from agent.core.door import Timings
from agent.core.mode_schedule import ModeSchedule
from agent.freshness import StaleSettings
from agent.keypads import Keypad
from agent.programming_side import MayProgram
from agent.root_change import Stage
from hal.ports import Device, Indicator, ReaderSetup, Strike


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the configuration says about behaviour."""

    device_id: str
    timings: Timings = field(default_factory=Timings)
    inter_key_timeout_s: float = 10.0
    risk_per_year: float = 0.01
    constraints: Constraints = field(default_factory=Constraints)
    rex_unlocks: bool = True
    clock: ClockSettings = field(default_factory=lambda: ClockSettings(100.0, trust_ntp=False))
    stale: StaleSettings = field(default_factory=StaleSettings)
    permissions: Permissions = field(default_factory=Permissions)
    mode_schedule: ModeSchedule | None = None
    programming: MayProgram = field(default_factory=MayProgram)
    may_provision: bool = False
    """Whether whoever may open the control socket may change readers."""
    key_files: Mapping[str, Path] = field(default_factory=dict)
    """Where the key of each reader is."""
    conditions: ConditionPolicy = field(default_factory=ConditionPolicy)
    keypads: Mapping[str, Keypad] = field(default_factory=dict)
    shows_keys: bool = True
    secrets_source: str = "unknown"
    """Where the root secret lives, in words, for `doctor`; likewise the four below."""
    secrets_off_disk: bool = False
    root_stage: Callable[[], Stage] = lambda: "none"
    config_path: str = ""
    drivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """The hardware of the door. `inputs`: what only posts."""

    strike: Strike
    indicators: Mapping[str, Indicator]
    inputs: tuple[Device, ...]
    readers: Mapping[str, ReaderSetup] = field(default_factory=dict)
    """What each OSDP reader hangs on."""

    def all(self) -> tuple[Device, ...]:
        """Outputs first: they have to be safe before anything can happen."""
        return (self.strike, *self.indicators.values(), *self.inputs)
