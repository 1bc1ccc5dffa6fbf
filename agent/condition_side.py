"""The controller's half for what surrounds the door: fire alarm, power, and units that are broken."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent.door_side import DoorSide, Record
from agent.host_clock import Clocks
from agent.journal import Event
from hal.ports import Condition, ConditionChanged, UnitFault

log = logging.getLogger(__name__)

_KINDS = {
    Condition.MAINS_FAILED: ("mains_failed", "mains_restored"),
    Condition.BATTERY_LOW: ("battery_low", "battery_restored"),
}
"""Journal rows for on and off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionPolicy:
    """`[conditions]` of the configuration."""

    fire_releases: bool = True
    """A fire alarm frees the door until its input clears; otherwise it is journalled, and that is all."""
    low_battery_opens: bool = True
    """With the battery low doors open as ever; otherwise nobody is let in any more, and REX still works."""


class ConditionSide:
    """Controller thread only; may raise StorageFault."""

    def __init__(
        self,
        *,
        policy: ConditionPolicy,
        door: DoorSide,
        clocks: Clocks,
        record: Record,
        flush: Callable[[], None],
    ) -> None:
        """`flush` brings what is durable into its final place, for a disk that will soon be without power."""
        self._policy = policy
        self._door = door
        self._clocks = clocks
        self._record = record
        self._flush = flush
        self._on: set[Condition] = set()
        self._faults: dict[str, str] = {}

    @property
    def is_fire(self) -> bool:
        """Whether the door is free because of a fire alarm."""
        return Condition.FIRE in self._on and self._policy.fire_releases

    @property
    def is_battery_low(self) -> bool:
        """Whether the power will soon be gone."""
        return Condition.BATTERY_LOW in self._on

    @property
    def keeps_shut(self) -> bool:
        """Whether nobody is let in, to spare the battery."""
        return self.is_battery_low and not self._policy.low_battery_opens

    @property
    def is_degraded(self) -> bool:
        """Whether the door works, and not everything around it."""
        return bool(self._faults) or Condition.MAINS_FAILED in self._on

    def alarms(self) -> list[str]:
        """What is wrong now: fire, mains_failed, battery_low, fault_<unit>."""
        conditions = [each.value for each in Condition if each in self._on]
        return [*conditions, *(f"fault_{unit}" for unit in sorted(self._faults))]

    def handle(self, signal: ConditionChanged | UnitFault, now: float) -> None:
        """Take what an input or a unit says. One that cannot be read changes nothing: a fire alarm whose
        wire burnt goes on."""
        match signal:
            case UnitFault(unit, what, is_faulty):
                self._unit(unit, what, is_faulty=is_faulty)
            case ConditionChanged(Condition.BOLT_WITHDRAWN):
                self._door.handle(signal, now)
            case ConditionChanged(Condition.FIRE, bool(is_on)) if is_on is not (Condition.FIRE in self._on):
                self._fire(is_on=is_on)
            case ConditionChanged(condition, bool(is_on)) if condition in _KINDS:
                self._power(condition, is_on=is_on)

    def _fire(self, *, is_on: bool) -> None:
        """A way out does not wait for storage, as with REX."""
        (self._on.add if is_on else self._on.discard)(Condition.FIRE)
        log.warning("fire alarm %s", "on" if is_on else "over")
        try:
            self._record(Event("fire_alarm", {"is_on": is_on, "releases": self._policy.fire_releases}))
        finally:
            if self._policy.fire_releases:
                self._door.set_free(self._clocks.now(), is_free=is_on, by="fire")

    def _power(self, condition: Condition, *, is_on: bool) -> None:
        if is_on is (condition in self._on):
            return
        (self._on.add if is_on else self._on.discard)(condition)
        self._record(Event(_KINDS[condition][not is_on]))
        if condition is Condition.BATTERY_LOW:
            self._door.set_resting(self._clocks.now(), is_resting=self.keeps_shut)
            self._flush()

    def _unit(self, unit: str, what: str, *, is_faulty: bool) -> None:
        if is_faulty is (unit in self._faults):
            return
        if is_faulty:
            self._faults[unit] = what
            log.error("%s: %s", unit, what)
        else:
            del self._faults[unit]
        self._record(Event("unit_fault", {"unit": unit, "what": what, "is_faulty": is_faulty}))
