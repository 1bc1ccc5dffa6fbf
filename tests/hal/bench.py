"""A control panel and two readers on one line in memory, on a clock that the test moves."""

import os
from collections.abc import Callable, Sequence
from typing import Protocol

from firmware_sim.controller.peripheral import Peripheral
from hal.osdp import codec, records
from hal.osdp.aes import aes
from hal.osdp.events import Command, CommandDone, Event, LinkDown, LinkUp, Reader, Report
from hal.osdp.panel import Panel

KEYS = {"outside": bytes(range(16)), "inside": bytes(range(16, 32))}


def clean(data: bytes) -> bytes:
    """A line that changes nothing."""
    return data


def dead(data: bytes) -> bytes:
    """A line that is cut."""
    del data
    return b""


class OnTheLine(Protocol):
    """What a reader does at the line."""

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """See `Peripheral`."""

    def step(self, now_ms: int) -> None:
        """See `Peripheral`."""

    def due_ms(self) -> int | None:
        """See `Peripheral`."""


class Bench:
    """Time starts at 1000 s. `line` is what happens to the bytes of each transmission, in both directions."""

    def __init__(
        self,
        outside_key: bytes = KEYS["outside"],
        others: Sequence[OnTheLine] | None = None,
        poll_s: float = 0.02,
    ) -> None:
        """`others`: what is on the line instead of the two readers that `outside` and `inside` are."""
        self.now = 1000.0
        self.line: Callable[[bytes], bytes] = clean
        self.sent: list[bytes] = []
        """What the panel put on the line."""
        self.events: list[Event] = []
        self.does_echo = False
        """As some line adapters do: the panel hears what it sends."""
        readers = [Reader("outside", 0, KEYS["outside"]), Reader("inside", 1, KEYS["inside"])]
        self.panel = Panel(readers, poll_s, aes, os.urandom)
        self.outside = outside_reader(outside_key)
        """Address 0."""
        self.inside = inside_reader()
        """Address 1, with one relay and two inputs."""
        self.others = others
        """May be changed: something else is on the line from then on."""

    @property
    def readers(self) -> Sequence[OnTheLine]:
        """Everything on the line."""
        return (self.outside, self.inside) if self.others is None else self.others

    def run(self, for_s: float) -> None:
        """Let `for_s` seconds pass, in steps as long as nothing is due."""
        end = self.now + for_s
        while self.now < end:
            self._exchange(self.panel.step(self.now))
            self._take_events()
            wakes = [self.panel.wake_s(), end]
            wakes += [
                self.now + due_ms / 1000 for one in self.readers if (due_ms := one.due_ms()) is not None
            ]
            self.now = max(min(wakes), self.now + 0.001)
            for reader in self.readers:
                reader.step(self.now_ms())

    def run_until(self, condition: Callable[[], bool], limit_s: float = 20.0) -> None:
        """Let time pass until `condition` holds, which it must within `limit_s` of the bench's time."""
        end = self.now + limit_s
        while not condition():
            assert self.now < end, f"did not happen within {limit_s} s"
            self.run(0.001)

    def now_ms(self) -> int:
        """The clock as firmware sees it, wrapping as on a microcontroller."""
        return round(self.now * 1000) & 0x3FFFFFFF

    def is_up(self, reader: str) -> bool:
        """Whether the last word about `reader` is that its session is up."""
        changes = [e for e in self.events if isinstance(e, LinkUp | LinkDown) and e.reader == reader]
        return bool(changes) and isinstance(changes[-1], LinkUp)

    def up(self) -> "Bench":
        """The bench, once both sessions are up and stale keys are out of the way."""
        self.run_until(lambda: self.is_up("outside") and self.is_up("inside"))
        self.run(0.2)
        return self

    def unlock(self, for_s: float, within_s: float = 1.0) -> list[str]:
        """Ask for a timed release; the outcome appears in the list."""
        outcome: list[str] = []
        data = records.output(0, records.OUTPUT_TIMED_ON, round(for_s * 10))
        self.panel.submit("inside", Command(codec.OUT, data, self.now + within_s, outcome.append))
        return outcome

    def reports(self, reader: str, code: int) -> list[bytes]:
        """What `reader` reported."""
        found = [event for event in self.events if isinstance(event, Report)]
        return [event.data for event in found if event.reader == reader and event.code == code]

    def typed(self) -> str:
        """The keys that reached the panel."""
        return "".join("".join(records.keys(data) or []) for data in self.reports("outside", codec.KEYPAD))

    def reboot(self, number: int) -> None:
        """A reader loses its power and gets it back."""
        if number == 0:
            self.outside = outside_reader(KEYS["outside"])
        else:
            self.inside = inside_reader()
        self.readers[number].step(self.now_ms())

    def is_released(self) -> bool:
        """Whether the relay is energised."""
        return self.inside.outputs.is_on(0)

    def _take_events(self) -> None:
        for event in self.panel.take_events():
            self.events.append(event)
            if isinstance(event, CommandDone):
                event.command.done(event.failure)

    def _exchange(self, frame: bytes) -> None:
        if not frame:
            return
        self.sent.append(frame)
        if self.does_echo:
            self.panel.receive(frame, self.now)
        arrived = self.line(frame)
        for reader in self.readers:
            answer = reader.receive(arrived, self.now_ms())
            self.panel.receive(self.line(answer), self.now)


def outside_reader(key: bytes) -> Peripheral:
    """A keypad at address 0."""
    return Peripheral(0, key, aes, os.urandom)


def inside_reader() -> Peripheral:
    """A unit with relay and inputs at address 1."""
    return Peripheral(1, KEYS["inside"], aes, os.urandom, outputs=1, inputs=2)
