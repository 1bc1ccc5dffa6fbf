"""The OSDP control panel of one line: several readers, one exchange at a time; no I/O and no clock."""

from collections.abc import Callable, Sequence

from hal.osdp import codec, secure
from hal.osdp.events import Command, Event, Reader
from hal.osdp.link import REPLY_S, Link


class Panel:
    """Feed it bytes, ask it for bytes, and take its events; `now` is seconds since boot.

    Only secure sessions with a reader's own key count as up; plain text and the default key never do.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        poll_s: float,
        aes: secure.Aes,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        if not readers:
            raise ValueError("a line without readers: give it one, or leave the line out")
        if len({reader.address for reader in readers}) != len(readers):
            raise ValueError("two readers on one line have the same address: give each its own")
        self._events: list[Event] = []
        self._links = [Link(reader, poll_s, aes, random_bytes, self._events) for reader in readers]
        self._by_name = {link.reader.name: link for link in self._links}
        self._parser = codec.Parser()
        self._talking: Link | None = None
        self._reply_by_s = 0.0

    def ask_regularly(self, reader: str, code: int) -> None:
        """Have the status of `reader` (ISTAT, LSTAT) asked at every session start and every few seconds."""
        self._by_name[reader].ask_regularly(code)

    def submit(self, reader: str, command: Command) -> None:
        """Queue `command`; its `CommandDone` comes in any case, one reply time after its deadline at most."""
        self._by_name[reader].submit(command)

    def install(self, reader: str, command: Command, now: float) -> None:
        """Give `reader` its key, if it has none: see `Link.install`. Its `CommandDone` comes in any case."""
        self._by_name[reader].install(command, now)

    def receive(self, data: bytes, now: float) -> None:
        """Take in what came from the line, in pieces of any size."""
        for packet in self._parser.feed(data):
            link = self._talking
            # Not a reply: our own echo, which some line adapters give back.
            if (
                link
                and packet.is_reply
                and packet.address == link.reader.address
                and link.answer(packet, now)
            ):
                self._talking = None

    def step(self, now: float) -> bytes:
        """Do what is due; returns the bytes to put on the line now, mostly none."""
        for link in self._links:
            link.expire(now)
        if self._talking:
            if now < self._reply_by_s:
                return b""
            link, self._talking = self._talking, None
            link.silence(now)
        link = min(self._links, key=Link.due_s)
        frame = link.frame(now) if link.due_s() <= now else b""
        if frame:
            # The last in the row gives way when two are due at the same time.
            self._links.remove(link)
            self._links.append(link)
            self._talking, self._reply_by_s = link, now + REPLY_S
            self._parser.forget()
        return frame

    def wake_s(self) -> float:
        """When `step` wants to be called again if nothing is received or submitted before."""
        due_s = self._reply_by_s if self._talking else min(link.due_s() for link in self._links)
        return min(due_s, *(link.next_expiry_s() for link in self._links))

    def drop(self, reason: str, now: float) -> None:
        """The line is gone: every session ends, every queued command fails."""
        self._talking = None
        self._parser.forget()
        for link in self._links:
            link.drop(reason, now)

    def take_events(self) -> list[Event]:
        """What happened since the last call, in order."""
        taken = self._events[:]
        self._events.clear()
        return taken
