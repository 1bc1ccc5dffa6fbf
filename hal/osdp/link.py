"""The control panel's side of one reader: a session, what to send next, what an answer means."""

from collections import deque
from collections.abc import Callable
from math import inf

from hal.osdp import codec, secure
from hal.osdp.answers import ends_session, failure, new_key
from hal.osdp.capabilities import Capabilities, capabilities
from hal.osdp.events import Command, CommandDone, Event, LinkDown, LinkUp, Reader, Report
from hal.osdp.handshake import Handshake
from hal.osdp.keys import ReaderKeys
from hal.osdp.search import Search
from hal.ports import KeyRefused, NextKeyUsed

REPLY_S = 0.2
"""A reader answers within 200 ms (IEC 60839-11-5, 5.7)."""
_SENDS = 4
_BUSY_SENDS = 50
_STATUS_S = 5.0
"""Inputs are asked for this often even if the reader reports changes by itself."""

NO_ANSWER = "no answer"
STAYS_BUSY = "the reader says that it is busy, for too long"
SESSION_LOST = "the reader ended the session"
KEY_CHANGED = "its key was changed: a new session begins"
HAS_ITS_KEY = "the reader is online with a key of its own: there is nothing to install"
WINDOW_OVER = "the time to install it is over"


class Link:
    """One reader as the panel sees it. No I/O: `now` is seconds since boot; what happens goes to `events`.

    `frame` begins or repeats an exchange; `answer` until it says that this was it, or `silence`, follows.
    """

    def __init__(
        self,
        reader: Reader,
        poll_s: float,
        aes: secure.Aes,
        random_bytes: Callable[[int], bytes],
        events: list[Event],
    ) -> None:
        self.reader = reader
        self._poll_s = poll_s
        self._aes = aes
        self._random_bytes = random_bytes
        self._events = events
        self._queue: deque[Command] = deque()
        self._asked: dict[int, float] = {}
        self._handshake: Handshake | None = None
        self._session: secure.Session | None = None
        self._sequence = 0
        self._frame = b""
        self._sends = 0
        self._command: Command | None = None
        self._is_busy = False
        self._due_s = 0.0
        self._search = Search()
        self._keys = ReaderKeys(reader)
        self._installing: Command | None = None
        self._is_refusal_told = False
        self._capabilities: Capabilities | None = None
        """None: not asked for yet in this session."""
        self._is_up = False
        self._is_down_told = False

    def ask_regularly(self, code: int) -> None:
        """Send the status command `code` (ISTAT, LSTAT) at the start of a session and every few seconds."""
        self._asked[code] = -inf

    def submit(self, command: Command) -> None:
        """Queue a command; without a session it waits for one until its deadline."""
        self._queue.append(command)

    def install(self, command: Command, now: float) -> None:
        """Until its deadline, `command` (KEYSET) may be sent to a reader under the public default key.

        Nothing else ever is. It is done once the reader is online with the key that it was given."""
        if self._is_up:
            self._finish(command, HAS_ITS_KEY)
            return
        self._installing, self._keys.is_installing = command, True
        self._search.start_over()
        self._due_s = min(self._due_s, now)

    def due_s(self) -> float:
        """When this reader wants the line."""
        is_wanted_now = self._is_up and not self._frame and self._queue
        return -inf if is_wanted_now else self._due_s

    def next_expiry_s(self) -> float:
        """When the next queued command is too late."""
        waiting = (*self._queue, *((self._installing,) if self._installing else ()))
        return min((command.deadline for command in waiting), default=inf)

    def expire(self, now: float) -> None:
        """Give up the queued commands that are too late."""
        if now < self.next_expiry_s():
            return
        if self._installing and self._installing.deadline <= now:
            self._end_installation(WINDOW_OVER, now)
        late = [command for command in self._queue if command.deadline <= now]
        self._queue = deque(command for command in self._queue if command.deadline > now)
        for command in late:
            self._finish(
                command,
                "not sent in time: the reader " + ("is slow to answer" if self._is_up else "is not online"),
            )

    def frame(self, now: float) -> bytes:
        """What to send now, at least a poll; empty if there is nothing to send after all."""
        if self._command and now >= self._command.deadline:
            self._lose(STAYS_BUSY if self._is_busy else NO_ANSWER, now)
            return b""
        if not self._frame:
            self._frame = self._next_frame(now)
        self._sends += 1
        return self._frame

    def answer(self, packet: codec.Packet, now: float) -> bool:
        """Take in a reply; True if it ended the exchange, False if it was not the answer to it."""
        if self._search.has_crc and not packet.has_crc:
            return False
        if packet.sequence != self._expected_sequence() and packet.code not in (codec.BUSY, codec.NAK):
            return False
        self._is_busy = packet.code == codec.BUSY and not packet.is_secured
        if self._is_busy:
            # Not a refusal and not authenticated: repeat a little later, within the same limits.
            self._due_s = now + self._poll_s
            if self._sends >= _BUSY_SENDS:
                self._lose(STAYS_BUSY, now)
            return True
        if packet.code == codec.NAK and not packet.is_secured and not ends_session(packet.data):
            # Damaged on its way, or said by somebody else: in both cases it has to be asked again.
            self.silence(now)
            return True
        return (
            self._answer_in_session(packet, now) if self._session else self._answer_in_handshake(packet, now)
        )

    def silence(self, now: float) -> None:
        """No answer in time: repeat, or give up the session."""
        # A reader that is not there must cost the others on the line as little as possible.
        is_looking_for_it = self._handshake is not None and self._handshake.frames == 1
        if is_looking_for_it or self._sends >= _SENDS:
            self._lose(NO_ANSWER, now)
        else:
            self._due_s = now

    def drop(self, reason: str, now: float) -> None:
        """The line itself is gone: so is the session, and nothing queued will be sent."""
        self._lose(reason, now)
        self._search.start_over()
        self._due_s = now
        self._end_installation(reason, now)
        for command in tuple(self._queue):
            self._finish(command, reason)
        self._queue.clear()

    def _end_installation(self, why: str, now: float) -> None:
        command, self._installing = self._installing, None
        self._keys.is_installing = False
        if self._keys.is_public:
            self._lose(WINDOW_OVER, now)
            self._keys.start_over()
        if command:
            self._finish(command, why)

    def _expected_sequence(self) -> int:
        return self._handshake.sequence() if self._handshake else self._sequence

    def _next_frame(self, now: float) -> bytes:
        address = self.reader.address
        if self._session is None:
            if self._handshake is None:
                self._handshake = Handshake(self._aes, self._keys, self._random_bytes)
            return self._handshake.frame(address, has_crc=self._search.has_crc)
        self._sequence = codec.next_sequence(self._sequence)
        code, data = self._next_command(now)
        return self._session.seal(address, False, self._sequence, code, data, self._search.has_crc)

    def _next_command(self, now: float) -> tuple[int, bytes]:
        if self._installing and self._keys.is_public:
            return self._installing.code, self._installing.data
        if self._capabilities is None:
            return codec.CAP, b"\x00"
        if not self._is_up:
            return codec.POLL, b""
        while self._queue:
            command = self._queue.popleft()
            refusal = self._capabilities.refusal(command.code, command.data)
            if not refusal:
                self._command = command
                if given := new_key(command):
                    self._keys.follow(given)
                return command.code, command.data
            self._finish(command, refusal)
        for code, asked_s in self._asked.items():
            if now >= asked_s + _STATUS_S and not self._capabilities.refusal(code, b""):
                self._asked[code] = now
                return code, b""
        return codec.POLL, b""

    def _answer_in_handshake(self, packet: codec.Packet, now: float) -> bool:
        handshake = self._handshake
        if handshake is None or packet.is_secured:
            return False
        self._end_exchange(now)
        refusal = handshake.reply(packet)
        if refusal:
            self._refused(refusal, now)
        elif handshake.is_complete:
            self._sequence = handshake.sequence()
            self._session, self._handshake, self._capabilities = handshake.session(), None, None
        return True

    def _refused(self, reason: str, now: float) -> None:
        """It has another key than it was asked for. There may be one more to ask for, at once."""
        has_another = self._keys.refused()
        self._lose(reason, now)
        if has_another:
            self._due_s = now
        if self._keys.is_in_doubt() and not (self._is_refusal_told or self._installing):
            self._is_refusal_told = True
            self._events.append(KeyRefused(self.reader.name, reason))

    def _go_up(self) -> None:
        self._is_up = True
        self._search.found()
        self._keys.proved()
        self._is_refusal_told = False
        self._is_down_told = False
        self._asked = dict.fromkeys(self._asked, -inf)
        asked = [self._capabilities.refusal(code, b"") for code in self._asked] if self._capabilities else []
        self._events.append(LinkUp(self.reader.name, ", ".join(filter(None, asked))))
        if self._keys.is_next:
            self._events.append(NextKeyUsed(self.reader.name))
        if self._installing:
            self._finish(self._installing, "")
            self._installing, self._keys.is_installing = None, False

    def _answer_in_session(self, packet: codec.Packet, now: float) -> bool:
        if not packet.is_secured:
            if packet.code != codec.NAK:
                return False
            # A reader that restarted cannot say so any better.
            self._lose(SESSION_LOST, now)
            return True
        data = self._session.open(packet) if self._session else None
        if data is None:
            return False
        if packet.code == codec.NAK and ends_session(data):
            self._lose(SESSION_LOST, now)
            return True
        command = self._command
        self._end_exchange(now + self._poll_s if self._is_up else now)
        if self._keys.is_public:
            self._was_given_its_key(packet, data, now)
            return True
        self._report(packet.code, data)
        if command:
            refusal = failure(command, packet.code, data)
            self._finish(command, refusal)
            if not refusal and new_key(command):
                self._lose(KEY_CHANGED, now)
                self._keys.followed()
        return True

    def _was_given_its_key(self, packet: codec.Packet, data: bytes, now: float) -> None:
        """The session under the public key ends with this; whether it has the key shows in the next one."""
        if packet.code == codec.NAK:
            self._end_installation(f"the reader refused its key (NAK {data.hex()})", now)
            return
        self._session = None
        self._keys.start_over()

    def _report(self, code: int, data: bytes) -> None:
        if self._capabilities is None:
            self._capabilities = capabilities(data if code == codec.PDCAP else b"")
        elif not self._is_up:
            # Readers may have kept keys from before. Until one has nothing more to tell, all of it is old.
            if code == codec.ACK:
                self._go_up()
        elif code not in (codec.ACK, codec.NAK):
            self._events.append(Report(self.reader.name, code, data))

    def _end_exchange(self, next_s: float) -> None:
        self._frame, self._sends, self._command = b"", 0, None
        self._due_s = next_s

    def _lose(self, reason: str, now: float) -> None:
        command, was_up, self._is_up = self._command, self._is_up, False
        self._end_exchange(now)
        self._session = self._handshake = None
        if command and now < command.deadline:
            # It may have been carried out already; everything we send may be carried out twice.
            self._queue.appendleft(command)
        elif command:
            self._finish(command, reason)
        if not was_up:
            self._due_s = now + self._search.failed()
        if was_up or not self._is_down_told:
            self._is_down_told = True
            self._events.append(LinkDown(self.reader.name, reason))

    def _finish(self, command: Command, failure: str) -> None:
        self._events.append(CommandDone(command, failure))
