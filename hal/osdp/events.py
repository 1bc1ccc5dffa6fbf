"""What the control panel reports about its readers, and what it is asked to send them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hal.osdp.secure import PUBLIC_KEY
from hal.ports import KeyRefused, NextKeyUsed


@dataclass(frozen=True, slots=True)
class Reader:
    """One peripheral device on a line. `scbk` is its own Secure Channel base key, 16 bytes."""

    name: str
    address: int
    scbk: bytes = field(repr=False)
    next_scbk: bytes | None = field(default=None, repr=False)
    """The key it is to have, or has already, while its key is changed."""

    def __post_init__(self) -> None:
        if not 0 <= self.address <= 126:
            raise ValueError(f"reader {self.name}: address {self.address} is not in 0 to 126")
        for scbk in (self.scbk, self.next_scbk or self.scbk):
            if problem := key_problem(scbk):
                raise ValueError(f"reader {self.name}: {problem}")


def key_problem(scbk: bytes) -> str:
    """Why this cannot be the key of a reader; "" if it can."""
    if len(scbk) != 16:
        return f"its key must be 16 bytes, this one has {len(scbk)}"
    return "its key is the public default key: make one of its own" if scbk == PUBLIC_KEY else ""


@dataclass(frozen=True, slots=True)
class Command:
    """One OSDP command. It is never sent, nor repeated, at or after `deadline` (seconds since boot)."""

    code: int
    data: bytes = field(repr=False)
    deadline: float
    done: Callable[[str], None]
    """Called once, on the line's thread: "" when the reader acknowledged it, else why not. Must not block."""


@dataclass(frozen=True, slots=True)
class LinkUp:
    """A secure session with `reader` is up, and all keys typed before it have been thrown away."""

    reader: str
    lacks: str = ""
    """What drivers ask of it, and it says that it does not have."""


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The session with `reader` is over, or the first attempt at one failed. Told once until it is up."""

    reader: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """An authenticated reply with content: KEYPAD, ISTATR, LSTATR. No repr shows `data`: it may be digits."""

    reader: str
    code: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CommandDone:
    """`command` was acknowledged (`failure` empty) or will never be sent again."""

    command: Command
    failure: str


Event = LinkUp | LinkDown | Report | CommandDone | KeyRefused | NextKeyUsed
