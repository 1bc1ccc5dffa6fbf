"""The OSDP peripheral device: what a keypad controller does with what comes from the line.

Runs on MicroPython too: give it bytes, milliseconds and key presses. It speaks in secure sessions with its
own key only; outside of one it identifies itself and does nothing else. A device that has no key yet lets
itself be given one under the public default key, and does nothing else either.
"""

from firmware_sim.controller.lights import Lights
from firmware_sim.controller.outputs import Outputs
from hal.osdp import codec, records, secure

try:
    from collections.abc import Callable
except ImportError:
    pass

RELAY_CEILING_MS = 60000
"""No relay stays on longer, whatever the host says."""
HOST_LOST_MS = 3000
"""Without a valid poll for so long the host is gone: relays fall, the session ends, keys are forgotten."""
_GAP_MS = 50
_LONGEST_STEP_MS = 250
_ASLEEP_MS = 500
"""After a longer pause between two steps this program stood still, and what waits in the line is old."""
_DOUBT_MS = 50
_LONGEST = 512
"""Bytes of a packet: memory is small here, and no command is longer."""
_KEYS_KEPT = 32
_KEYS_AT_ONCE = 8
_REPORTS_KEPT = 8
_CLOCK_MASK = 0x3FFFFFFF
"""Milliseconds wrap here on MicroPython; differences stay right."""
_DEFAULT_KEY = b"\x00"
_OWN_KEY = b"\x01"
_UNDER_PUBLIC_KEY = (codec.POLL, codec.ID, codec.CAP, codec.KEYSET)

_IDENTITY = b"\x00\x00\x00" + b"\x01\x01" + b"\x01\x00\x00\x00" + b"\x01\x00\x00"
"""PDID: vendor, model, version, serial number (little-endian), firmware."""


class Peripheral:
    """One device on the line. Call `receive` for bytes, and `step` at least when `due_ms` has passed."""

    def __init__(
        self,
        address: int,
        scbk: "bytes | None",
        aes: "secure.Aes",
        random_bytes: "Callable[[int], bytes]",
        outputs: int = 0,
        inputs: int = 0,
        keep_key: "Callable[[bytes], bool] | None" = None,
        keep_place: "Callable[[int, int], bool] | None" = None,
    ) -> None:
        """`scbk` None: it has no key yet. `keep_key` makes a key durable, `keep_place` an address and a baud
        rate; they return whether it was possible. Without them neither can be changed over the line."""
        self.address = address
        self._keep_key = keep_key
        self._keep_place = keep_place
        self.outputs = Outputs(outputs, RELAY_CEILING_MS)
        self.lights = Lights()
        self._scbk = scbk
        self._aes = aes
        self._random_bytes = random_bytes
        self._parser = codec.Parser(_LONGEST)
        self._now_ms = 0
        self._quiet_ms = 0
        self._heard_ms = 0
        self._doubt_ms = 0
        self._session: secure.Session | None = None
        self._sequence = 0
        self._opening: secure.Session | None = None
        self._is_public = False
        """The session is under the key that everybody knows."""
        self._expected = b""
        self._answered: dict[bool, tuple[bytes, bytes]] = {}
        """Last command and reply, by whether they were secured: plain ones cannot disturb a session."""
        self._keys = ""
        self._inputs = [0] * inputs
        self._is_tampered = False
        self._reports: list[tuple[int, bytes]] = []

    def is_secure(self) -> bool:
        """Whether a session with its own key is up."""
        return self._session is not None and not self._is_public

    def keys_waiting(self) -> int:
        """How many keys the host has not fetched yet."""
        return len(self._keys)

    def press(self, key: str) -> bool:
        """One of `0-9*#` went down; False if it was discarded: nobody would know how old it is later."""
        if not self.is_secure() or len(self._keys) >= _KEYS_KEPT:
            return False
        self._keys += key
        return True

    def set_input(self, number: int, is_active: bool) -> None:
        """An input changed; every change is reported, however short."""
        if self._inputs[number] != (1 if is_active else 0):
            self._inputs[number] = 1 if is_active else 0
            self._report(codec.ISTATR, bytes(self._inputs))

    def set_tampered(self, is_tampered: bool) -> None:
        """The case was opened or closed."""
        if self._is_tampered != is_tampered:
            self._is_tampered = is_tampered
            self._report(codec.LSTATR, self._local_status())

    def step(self, now_ms: int) -> None:
        """Let time pass up to `now_ms`."""
        elapsed_ms = (now_ms - self._now_ms) & _CLOCK_MASK
        self._now_ms = now_ms
        self.outputs.pass_time(elapsed_ms)
        self.lights.pass_time(elapsed_ms)
        self._quiet_ms += elapsed_ms
        self._heard_ms += elapsed_ms
        self._doubt_ms = max(0, self._doubt_ms - elapsed_ms)
        if elapsed_ms > _ASLEEP_MS and self._session:
            self._doubt_ms = _DOUBT_MS
        if self._quiet_ms > _GAP_MS:
            self._parser.forget()
        if self._heard_ms >= HOST_LOST_MS:
            self._lose_host()

    def due_ms(self) -> "int | None":
        """Milliseconds from the last step until something happens by itself."""
        due = [self.outputs.due_ms(), self.lights.due_ms()]
        if self._session or due[0]:
            due.append(max(0, min(HOST_LOST_MS - self._heard_ms, _LONGEST_STEP_MS)))
        running = [one for one in due if one is not None]
        return min(running) if running else None

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Bytes from the line; returns what to answer, mostly nothing."""
        self.step(now_ms)
        if self._doubt_ms:
            # A release that waited would come too late. The host repeats what is still wanted.
            return b""
        self._quiet_ms = 0
        answer = b""
        for packet in self._parser.feed(data):
            if not packet.is_reply and (packet.address == self.address or self._is_repeated(packet)):
                answer += self._answer(packet)
        return answer

    def _is_repeated(self, packet: codec.Packet) -> bool:
        """Whether it is the last command once more, perhaps at the address from before it."""
        return packet.raw == self._answered.get(packet.is_secured, (b"",))[0]

    def _answer(self, packet: codec.Packet) -> bytes:
        command, reply = self._answered.get(packet.is_secured, (b"", b""))
        if packet.raw == command:
            # Our answer was lost. It is repeated, and nothing is done twice.
            return reply
        return self._answer_secured(packet) if packet.is_secured else self._answer_plain(packet)

    def _answer_plain(self, packet: codec.Packet) -> bytes:
        # A session that is up goes on beside these: whoever cannot prove the key cannot end it either.
        if packet.code == codec.ID:
            return self._plain(packet, codec.PDID, _IDENTITY)
        if packet.code == codec.CAP:
            return self._plain(packet, codec.PDCAP, self._capabilities())
        # Whichever key the host says that it means, there is only one that counts here.
        if packet.code == codec.CHLNG and packet.security == codec.SCS_11:
            return self._challenged(packet)
        if packet.code == codec.SCRYPT and packet.security == codec.SCS_13:
            return self._proved(packet)
        return self._refuse(packet, codec.NAK_SECURITY_REQUIRED)

    def _challenged(self, packet: codec.Packet) -> bytes:
        rnd_a = packet.data
        if len(rnd_a) != 8:
            return self._refuse(packet, codec.NAK_LENGTH)
        rnd_b = self._random_bytes(8)
        self._opening = secure.Session(self._aes, self._scbk or secure.PUBLIC_KEY, rnd_a)
        self._expected = self._opening.cryptogram(rnd_b, rnd_a)
        data = _IDENTITY[:8] + rnd_b + self._opening.cryptogram(rnd_a, rnd_b)
        kind = _OWN_KEY if self._scbk else _DEFAULT_KEY
        return self._plain(packet, codec.CCRYPT, data, codec.SCS_12, kind)

    def _proved(self, packet: codec.Packet) -> bytes:
        opening, self._opening = self._opening, None
        if opening is None or not secure.same(packet.data, self._expected):
            return self._refuse(packet, codec.NAK_SECURITY_REQUIRED)
        first_mac = opening.start(packet.data)
        self._session = opening
        self._is_public = self._scbk is None
        self._sequence = packet.sequence
        self._heard_ms = 0
        self._keys = ""
        self._reports = []
        reply = self._plain(packet, codec.RMAC_I, first_mac, codec.SCS_14)
        self._answered = {False: (packet.raw, reply)}
        return reply

    def _answer_secured(self, packet: codec.Packet) -> bytes:
        session = self._session
        if session is None:
            return self._refuse(packet, codec.NAK_SECURITY_REQUIRED)
        if packet.sequence != codec.next_sequence(self._sequence):
            return self._refuse(packet, codec.NAK_SEQUENCE)
        data = session.open(packet)
        if data is None:
            return self._refuse(packet, codec.NAK_SECURITY_REQUIRED)
        self._sequence = packet.sequence
        self._heard_ms = 0
        address = self.address
        code, answer = self._obey(packet.code, data)
        reply = session.seal(address, True, packet.sequence, code, answer, packet.has_crc)
        self._answered[True] = (packet.raw, reply)
        return reply

    def _obey(self, code: int, data: bytes) -> "tuple[int, bytes]":
        if self._is_public and code not in _UNDER_PUBLIC_KEY:
            return codec.NAK, bytes((codec.NAK_SECURITY_REQUIRED,))
        if code == codec.KEYSET:
            return self._take_key(records.key_of(data))
        if code == codec.COMSET:
            return self._take_place(data)
        if code == codec.POLL:
            return self._news()
        if code == codec.ISTAT and self._inputs:
            return codec.ISTATR, bytes(self._inputs)
        if code == codec.LSTAT:
            return codec.LSTATR, self._local_status()
        if code == codec.OSTAT:
            return codec.OSTATR, self.outputs.states()
        if code == codec.ID:
            return codec.PDID, _IDENTITY
        if code == codec.CAP:
            return codec.PDCAP, self._capabilities()
        return self._act(code, data)

    def _act(self, code: int, data: bytes) -> "tuple[int, bytes]":
        actions = {
            codec.OUT: self.outputs.obey,
            codec.LED: self.lights.obey_led,
            codec.BUZ: self.lights.obey_buzzer,
        }
        action = actions.get(code)
        if action is None:
            return codec.NAK, bytes((codec.NAK_UNKNOWN_COMMAND,))
        return (codec.ACK, b"") if action(data) else (codec.NAK, bytes((codec.NAK_RECORD,)))

    def _take_key(self, scbk: "bytes | None") -> "tuple[int, bytes]":
        """The next session is under this key; this one goes on, so that the host hears that it is kept."""
        if scbk is None or scbk == secure.PUBLIC_KEY or self._keep_key is None or not self._keep_key(scbk):
            return codec.NAK, bytes((codec.NAK_RECORD,))
        self._scbk = scbk
        return codec.ACK, b""

    def _take_place(self, data: bytes) -> "tuple[int, bytes]":
        place = records.com(data)
        if place is None or self._keep_place is None or not self._keep_place(place[0], place[1]):
            return codec.NAK, bytes((codec.NAK_RECORD,))
        self.address = place[0]
        return codec.COM, data

    def _news(self) -> "tuple[int, bytes]":
        if self._reports:
            return self._reports.pop(0)
        if self._keys:
            keys, self._keys = self._keys[:_KEYS_AT_ONCE], self._keys[_KEYS_AT_ONCE:]
            return codec.KEYPAD, records.keypad(keys)
        return codec.ACK, b""

    def _report(self, code: int, data: bytes) -> None:
        # Older ones give way: the newest state is the one that must arrive.
        self._reports = self._reports[1 - _REPORTS_KEPT :] + [(code, data)]

    def _local_status(self) -> bytes:
        return bytes((1 if self._is_tampered else 0, 0))

    def _capabilities(self) -> bytes:
        """PDCAP: (function, compliance, number) for inputs, outputs (timed), LED (timed, three colours),
        sounder (timed), CRC, AES-128 and whether its key is the public one, and how many bytes are taken."""
        counts = ((1, 1, len(self._inputs)), (2, 3, len(self.outputs.states())))
        fixed = ((4, 4, 1), (5, 2, 1), (8, 1, 0), (9, 1, 0 if self._scbk else 1))
        longest = ((10, _LONGEST & 0xFF, _LONGEST >> 8),)
        return b"".join([bytes(one) for one in counts + fixed + longest])

    def _lose_host(self) -> None:
        self._session = None
        self._keys = ""
        self._reports = []
        self._answered = {}
        self.outputs.all_off()

    def _refuse(self, packet: codec.Packet, reason: int) -> bytes:
        return self._plain(packet, codec.NAK, bytes((reason,)))

    def _plain(
        self, packet: codec.Packet, code: int, data: bytes, kind: int = 0, said: bytes = _OWN_KEY
    ) -> bytes:
        block = bytes((3, kind)) + said if kind else b""
        return codec.plain(self.address, True, packet.sequence, code, data, block, packet.has_crc)
