"""What the controller may ask of an uplink. Every call only puts on the uplink's queue: it never blocks."""

from typing import Any, Protocol

from agent.enrolment import Enrolment
from agent.messages import Codes, Request


class UplinkPort(Protocol):
    """The way to the cloud, as the controller sees it. Without a connection, calls are forgotten: what
    must arrive is asked for again from the journal and the code set."""

    def start(self) -> None:
        """Begin to connect, in the background."""

    def stop(self) -> None:
        """Say good-bye if possible, within 2 s."""

    def journal_grew(self, last_seq: int) -> None:
        """There are journal rows up to `last_seq`."""

    def rows(self, after_seq: int, rows: list[dict[str, Any]]) -> None:
        """The answer to `RowsWanted`, possibly empty."""

    def acked(self, upto: int) -> None:
        """An acknowledgement of the cloud is durable."""

    def request(self, request: Request) -> None:
        """Ask the cloud."""

    def status(self, fields: dict[str, Any]) -> None:
        """The fields of `messages.Status` without `online` and `sid`; sent now and at each connection."""

    def codes(self, codes: Codes) -> None:
        """What the lock holds; sent now and at each connection."""

    def settle(self, token: int) -> None:
        """A received message has been dealt with, durably: it may be acknowledged to the broker."""

    def rekey(self, enrolment: Enrolment) -> None:
        """Other keys count from now on, for what comes and what goes."""


class NoUplink:
    """Stands in while there is none: configured off, or not started yet."""

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

    def journal_grew(self, last_seq: int) -> None:
        """Nobody waits for rows."""

    def rows(self, after_seq: int, rows: list[dict[str, Any]]) -> None:
        """Nobody asked."""

    def acked(self, upto: int) -> None:
        """Nobody acknowledges."""

    def request(self, request: Request) -> None:
        """Nobody to ask."""

    def status(self, fields: dict[str, Any]) -> None:
        """Nobody to tell."""

    def codes(self, codes: Codes) -> None:
        """Nobody to tell."""

    def settle(self, token: int) -> None:
        """Nothing was received."""

    def rekey(self, enrolment: Enrolment) -> None:
        """Nobody uses keys."""


class UplinkSlot:
    """Where the uplink of the moment is found: it comes after the keypad."""

    def __init__(self) -> None:
        """Nobody there yet."""
        self.port: UplinkPort = NoUplink()

    def ask(self, request: Request) -> None:
        """Ask the cloud, if there is a way to it."""
        self.port.request(request)
