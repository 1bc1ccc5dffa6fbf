"""One line with OSDP readers: the thread that carries bytes, and what drivers ask of it."""

import errno
import logging
import os
import queue
import select
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from hal.osdp import codec, records
from hal.osdp.aes import aes
from hal.osdp.events import Command, CommandDone, Event, LinkDown, LinkUp, Reader
from hal.osdp.panel import Panel
from hal.osdp.transport import Direction, Transport, open_transport
from hal.ports import Device, KeyRefused, LinkChanged, NextKeyUsed, Post, ReaderSetup, SetUp

__all__ = ["Line", "Listener", "Reader"]

Listener = Callable[[Event], None]
"""Called on the line's thread with `LinkUp`, `LinkDown` and `Report`; must not block."""

T = TypeVar("T")

_log = logging.getLogger(__name__)
_FIRST_REOPEN_S = 0.2
_LONGEST_REOPEN_S = 5.0
_END_S = 2.0
_CLOSED = "the line is closed"


def _boottime_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _nothing(failure: str) -> None:
    del failure


class Line(Device, ReaderSetup):
    """The readers on one line, shared by the drivers of what hangs on them.

    Drivers `listen` before `start`; `command` may come from any thread and never blocks or raises. A line
    that cannot be opened, or disappears, is tried again after 0.2 to 5 seconds. Posts `LinkChanged`.
    """

    def __init__(
        self,
        port: str,
        baud: int,
        poll_s: float,
        readers: Sequence[Reader],
        post: Post,
        direction: Direction = "auto",
    ) -> None:
        """`port`: a serial device, or `tcp://HOST:PORT`, for which neither `baud` nor `direction` counts."""
        self._port = port
        self._open = partial(open_transport, port, baud, direction)
        self._post = post
        self._panel = Panel(readers, poll_s, aes, os.urandom)
        self._names = tuple(reader.name for reader in readers)
        self._keys = {reader.name: reader.scbk for reader in readers}
        self._listeners: dict[str, list[Listener]] = {name: [] for name in self._names}
        self._asked: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        """What other threads want to be done with the panel."""
        self._wake_read = self._wake_write = -1
        self._is_ending = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, reader: str, listener: Listener, asked: int | None = None) -> None:
        """Hear what happens at `reader`; `asked` is a status command (ISTAT, LSTAT) to send regularly."""
        if reader not in self._listeners:
            raise ValueError(f"no reader {reader} on {self._port}: it has {', '.join(self._names)}")
        self._listeners[reader].append(listener)
        if asked is not None:
            self._panel.ask_regularly(reader, asked)

    def command(
        self, reader: str, code: int, data: bytes, within_s: float, done: Callable[[str], None] = _nothing
    ) -> None:
        """Send a command to `reader` within `within_s` seconds or never; `done` as in `Command`."""
        command = Command(code, data, _boottime_s() + within_s, done)
        self._ask(command, lambda: self._panel.submit(reader, command))

    def install(self, reader: str, within_s: float) -> None:
        """See `ReaderSetup`."""
        data = records.keyset(self._keys[reader])
        command = Command(codec.KEYSET, data, _boottime_s() + within_s, self._ended(reader, "install"))
        self._ask(command, lambda: self._panel.install(reader, command, _boottime_s()))

    def rekey(self, reader: str, scbk: bytes, within_s: float) -> None:
        """See `ReaderSetup`."""
        self.command(reader, codec.KEYSET, records.keyset(scbk), within_s, self._ended(reader, "rekey"))

    def comset(self, reader: str, address: int, baud: int, within_s: float) -> None:
        """See `ReaderSetup`."""
        data = records.comset(address, baud)
        self.command(reader, codec.COMSET, data, within_s, self._ended(reader, "comset"))

    def _ended(self, reader: str, action: str) -> Callable[[str], None]:
        return lambda failure: self._post(SetUp(reader, action, failure))

    def _ask(self, command: Command, what: Callable[[], None]) -> None:
        if self._thread is None:
            self._finish(command, _CLOSED)
            return
        self._asked.put(what)
        self._wake()

    def start(self) -> None:
        """Begin to talk. Harmless when it already does."""
        if self._thread is None:
            self._is_ending.clear()
            self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            self._thread = threading.Thread(target=self._run, name=f"osdp {self._port}", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop talking: readers see a lost host. Commands not sent yet fail."""
        thread, self._thread = self._thread, None
        if thread:
            self._is_ending.set()
            self._wake()
            thread.join(_END_S)
            if not thread.is_alive():
                # One that looks up a name still ends by itself later, and then looks at these.
                os.close(self._wake_read)
                os.close(self._wake_write)

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"!")
        except BlockingIOError:
            # A full pipe wakes just as well.
            return

    def _run(self) -> None:
        pause_s = _FIRST_REOPEN_S
        while not self._is_ending.is_set():
            opened_s = _boottime_s()
            try:
                with self._open() as port:
                    _log.info("%s is open", self._port)
                    self._talk(port)
                reason = _CLOSED
            except OSError as fault:
                reason = f"{self._port}: {_in_words(fault)}"
            except Exception:  # noqa: BLE001 - a bug must cost a session, not leave a dead thread behind
                _log.exception("the line on %s starts over", self._port)
                reason = f"{self._port}: internal fault, see the log"
            self._drop(reason)
            pause_s = _FIRST_REOPEN_S if _boottime_s() - opened_s > _LONGEST_REOPEN_S else pause_s
            self._pause(pause_s, reason)
            pause_s = min(pause_s * 2, _LONGEST_REOPEN_S)
        self._drop(_CLOSED)

    def _talk(self, port: Transport) -> None:
        """Serve the open port until it fails or the line is closed."""
        while not self._is_ending.is_set():
            frame = self._panel.step(_boottime_s())
            if self._deliver():
                # What has not been sent yet must not be carried out late.
                port.discard()
            if frame:
                port.write(frame)
            self._wait(port)
            self._take_asked()

    def _wait(self, port: Transport) -> None:
        """Sleep until bytes, a command, or the panel's next deadline; take the bytes in."""
        timeout_s = max(0.0, self._panel.wake_s() - _boottime_s())
        ready, _, _ = select.select([port.fileno(), self._wake_read], [], [], timeout_s)
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        if port.fileno() in ready:
            self._panel.receive(port.read(), _boottime_s())
            self._deliver()

    def _take_asked(self) -> None:
        while not self._asked.empty():
            self._asked.get()()

    def _drop(self, reason: str) -> None:
        self._take_asked()
        self._panel.drop(reason, _boottime_s())
        self._deliver()

    def _pause(self, pause_s: float, reason: str) -> None:
        """Wait before the port is opened again; what is asked for meanwhile fails at once."""
        end_s = _boottime_s() + pause_s
        while not self._is_ending.is_set() and (left_s := end_s - _boottime_s()) > 0:
            if select.select([self._wake_read], [], [], left_s)[0]:
                os.read(self._wake_read, 4096)
                self._drop(reason)

    def _deliver(self) -> bool:
        """Pass on what happened; True if a session was lost."""
        events = self._panel.take_events()
        for event in events:
            if isinstance(event, CommandDone):
                self._finish(event.command, event.failure)
                continue
            if isinstance(event, KeyRefused | NextKeyUsed):
                _log.warning("%s", event)
                self._post(event)
                continue
            if isinstance(event, LinkUp):
                how = "secure session" + (f", but {event.lacks}" if event.lacks else "")
                _log.info("%s: %s", event.reader, how)
                self._post(LinkChanged(event.reader, True, how))
            elif isinstance(event, LinkDown):
                _log.warning("%s: %s", event.reader, event.reason)
                self._post(LinkChanged(event.reader, False, event.reason))
            for listener in self._listeners[event.reader]:
                self._guarded(listener, event)
        return any(isinstance(event, LinkDown) for event in events)

    def _finish(self, command: Command, failure: str) -> None:
        self._guarded(command.done, failure)

    def _guarded(self, call: Callable[[T], None], argument: T) -> None:
        try:
            call(argument)
        except Exception:  # noqa: BLE001 - a driver's bug must not stop the other drivers of the line
            _log.exception("a driver on %s failed", self._port)


def _in_words(fault: OSError) -> str:
    """What the system said, once: pyserial puts number, port and text into each other."""
    if fault.errno == errno.EAGAIN:  # of the exclusive lock, which pyserial asks for at once or not at all
        return "another program has locked it"
    return os.strerror(fault.errno) if fault.errno and fault.errno > 0 else str(fault)
