"""What the controller asks of the uplink, as values on its queue."""

from dataclasses import dataclass, field
from typing import Any

from agent.enrolment import Enrolment
from agent.messages import Codes, Request, Status


@dataclass(frozen=True, slots=True)
class Stop:
    """End the session and the thread; the broker then publishes the will."""


@dataclass(frozen=True, slots=True)
class JournalGrew:
    """The journal's newest row is now `last_seq`."""

    last_seq: int


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer to a `RowsWanted`: journal rows after `after_seq`, oldest first."""

    after_seq: int
    rows: list[dict[str, Any]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Acked:
    """The controller made durable that the cloud holds everything up to `upto`."""

    upto: int


@dataclass(frozen=True, slots=True)
class Send:
    """Publish `request`, if the uplink is up now."""

    request: Request


@dataclass(frozen=True, slots=True)
class Settle:
    """The message behind `token` is dealt with, durably: the broker may forget it."""

    token: int


@dataclass(frozen=True, slots=True)
class Rekey:
    """Open and sign with the keys of this enrolment from now on."""

    enrolment: Enrolment


Order = Rekey | Stop | JournalGrew | Rows | Acked | Send | Settle | Status | Codes
