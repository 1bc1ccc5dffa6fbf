"""What a door can say (signals) and what it can be told (ports).

Input drivers run threads of their own and call `post(signal)`, nothing else; `post` never blocks and
never raises. Output drivers are called on the controller thread; they must not block (they queue the
command for their own thread) and must not raise for a fault of the device: a command that the device
did not confirm in time comes back as a `StrikeFailed` or `LinkChanged` signal.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

CLEAR = "*"
ENTER = "#"
KEYS = "0123456789" + CLEAR + ENTER


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """One debounced key went down. `key` is one of `KEYS` and never appears in a repr."""

    keypad: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeysLost:
    """Keys may have been lost (overflow, link down): a code being typed at `keypad` is void."""

    keypad: str


@dataclass(frozen=True, slots=True)
class DoorMoved:
    """The door contact changed, or was read for the first time."""

    is_open: bool


@dataclass(frozen=True, slots=True)
class RexPressed:
    """Somebody inside asked to leave (request to exit)."""


@dataclass(frozen=True, slots=True)
class TamperChanged:
    """The case of `unit` was opened or torn off, or put back."""

    unit: str
    is_tampered: bool


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The line to `unit` came up or went down; `reason` is for people, free of secrets."""

    unit: str
    is_up: bool
    reason: str


@dataclass(frozen=True, slots=True)
class StrikeFailed:
    """The strike did not confirm a command before its deadline; the command is dead, not late."""

    reason: str


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """What answers in the place of `unit` does not have its key: replaced, reset, or an impostor."""

    unit: str
    reason: str


@dataclass(frozen=True, slots=True)
class NextKeyUsed:
    """`unit` is online with the key that its key is changed to, no longer with the configured one."""

    unit: str


@dataclass(frozen=True, slots=True)
class SetUp:
    """An administrator's action at `unit` has ended: done if `failure` is empty."""

    unit: str
    action: str
    failure: str


ReaderSignal = KeyRefused | NextKeyUsed | SetUp
"""About readers on an OSDP line, and nothing about the door."""


@dataclass(frozen=True, slots=True)
class UnitFault:
    """`unit` answers, and something of it is broken, or is not any more. `what` is for people."""

    unit: str
    what: str
    is_faulty: bool


class Condition(Enum):
    """What a further input of a door may mean. On is never the usual state: a cut wire can say it."""

    BOLT_WITHDRAWN = "bolt_withdrawn"
    """The bolt does not hold the door."""
    FIRE = "fire"
    MAINS_FAILED = "mains_failed"
    BATTERY_LOW = "battery_low"


@dataclass(frozen=True, slots=True)
class ConditionChanged:
    """An input changed, or was read for the first time; `is_on` None: it cannot be read any more."""

    condition: Condition
    is_on: bool | None


Signal = (
    KeyPressed
    | KeysLost
    | DoorMoved
    | RexPressed
    | TamperChanged
    | LinkChanged
    | StrikeFailed
    | UnitFault
    | ConditionChanged
    | ReaderSignal
)
Post = Callable[[Signal], None]


class Pattern(Enum):
    """What the keypad shows and sounds. Momentary ones fall back to the standing one by themselves."""

    READY = "ready"
    KEY = "key"
    """Momentary, and short: a key was taken. The same for every key."""
    GRANTED = "granted"
    """Momentary."""
    DENIED = "denied"
    """Momentary; the same for every refusal."""
    IDENTIFY = "identify"
    """Momentary: somebody wants to know which door this is."""
    PROGRAMMING = "programming"
    """Standing: what is typed now makes or removes a code."""
    FAULT = "fault"
    """Standing: the controller cannot make outcomes durable, so it opens for nobody."""
    LOCKED_OUT = "locked_out"
    """Standing: no budget for another guess."""
    CLOCK_UNKNOWN = "clock_unknown"
    """Standing: codes with a time rule are refused until the clock is trusted."""
    LOW_BATTERY = "low_battery"
    """Standing: the battery is nearly empty."""
    DEGRADED = "degraded"
    """Standing: codes work, and a unit is broken or away, or the mains have failed."""
    PRE_ALARM = "pre_alarm"
    """Standing: the door should be closed; an alarm is next."""
    HELD = "held"
    """Standing: the door has been open for too long."""


class ReaderSetup(Protocol):
    """What an administrator can do to the readers of a line. Never blocks or raises; ends with `SetUp`."""

    def install(self, reader: str, within_s: float) -> None:
        """Give a reader that has none its configured key, under the public default key."""

    def rekey(self, reader: str, scbk: bytes, within_s: float) -> None:
        """Change the key of a reader that is online."""

    def comset(self, reader: str, address: int, baud: int, within_s: float) -> None:
        """Change the address and baud rate of a reader that is online: it is away until configured so."""


class Device(ABC):
    """Anything assembled from the configuration. `start` and `close` run on the controller thread."""

    @abstractmethod
    def start(self) -> None:
        """Begin: start threads, open lines. A line that cannot be opened is retried, not raised."""

    @abstractmethod
    def close(self) -> None:
        """Leave the device in its safe state and end its threads, within 2 s; may be called twice."""


class Strike(Device):
    """What keeps the door shut. Locked is its resting state: it relocks by itself."""

    @abstractmethod
    def unlock(self, for_s: float) -> None:
        """Release for `for_s` seconds (0.1 to 60) from now; a later call replaces the earlier deadline."""

    @abstractmethod
    def lock(self) -> None:
        """End a release now. Harmless when locked."""


class Indicator(Device):
    """The lights and sounder of a keypad."""

    @abstractmethod
    def show(self, pattern: Pattern) -> None:
        """Show `pattern`; the last call wins."""
