"""What the inputs of a door may mean besides contact, REX and tamper, and the signal that says so."""

from typing import Literal

from hal.ports import Condition, ConditionChanged, UnitFault

Meaning = Literal["bolt_withdrawn", "fire", "mains_failed", "battery_low", "fault"]
"""`fault`: the fault contact of a power supply or of a reader, or our keypad's stuck key."""


def said(name: str, means: Meaning, is_on: bool) -> ConditionChanged | UnitFault:
    """What the input `name` says with this meaning."""
    if means == "fault":
        return UnitFault(name, "it reports a fault" if is_on else "it reports no fault any more", is_on)
    return ConditionChanged(Condition(means), is_on)
