"""How the control panel and a reader prove themselves to each other: ID, CHLNG, SCRYPT."""

from collections.abc import Callable

from hal.osdp import codec, secure
from hal.osdp.keys import OWN_KEY, ReaderKeys

WRONG_KEY = "the reader has another key: check the key file of this reader, or provision the reader again"
REFUSED = "the reader refuses a secure session: it has another key, or none yet"
DEFAULT_KEY = "the reader still uses the public default key: provision it with its own key first"
NOT_SECURE = "the reader answered out of order while a secure session was set up"


class Handshake:
    """One attempt at a session. Ask for frames and give it the replies until it is complete or failed."""

    def __init__(self, aes: secure.Aes, keys: ReaderKeys, random_bytes: Callable[[int], bytes]) -> None:
        self._rnd_a = random_bytes(8)
        self._keys = secure.Session(aes, keys.scbk, self._rnd_a)
        self._kind = keys.kind
        self._step = self._identified
        self._proof = b""
        self._first_mac = b""
        self.is_complete = False
        self.frames = 0

    def frame(self, address: int, *, has_crc: bool) -> bytes:
        """The next packet to send. Sequence 0 tells the reader that everything before is over."""
        sequence = self.frames
        self.frames += 1
        if self._step == self._identified:
            return codec.plain(address, False, sequence, codec.ID, b"\x00", has_crc=has_crc)
        code, kind, data = (
            (codec.CHLNG, codec.SCS_11, self._rnd_a)
            if self._step == self._challenged
            else (codec.SCRYPT, codec.SCS_13, self._proof)
        )
        block = bytes((3, kind)) + self._kind
        return codec.plain(address, False, sequence, code, data, block, has_crc)

    def reply(self, packet: codec.Packet) -> str:
        """Take in the answer to the last frame; returns why the attempt failed, or "" to go on."""
        return self._step(packet)

    def session(self) -> secure.Session:
        """The session, once `is_complete`."""
        return self._keys

    def sequence(self) -> int:
        """The sequence number of the last frame; the session counts on from it."""
        return self.frames - 1

    def _identified(self, packet: codec.Packet) -> str:
        # Whatever it says about itself is not authenticated, so nothing is decided by it; a reader that
        # refuses to tell is asked for a session all the same.
        del packet
        self._step = self._challenged
        return ""

    def _challenged(self, packet: codec.Packet) -> str:
        if packet.code == codec.NAK:
            return REFUSED
        if packet.code != codec.CCRYPT or packet.security != codec.SCS_12 or len(packet.data) != 32:
            return NOT_SECURE
        if packet.security_data != self._kind:
            return DEFAULT_KEY if self._kind == OWN_KEY else REFUSED
        rnd_b, cryptogram = packet.data[8:16], packet.data[16:]
        if not secure.same(cryptogram, self._keys.cryptogram(self._rnd_a, rnd_b)):
            return WRONG_KEY
        self._proof = self._keys.cryptogram(rnd_b, self._rnd_a)
        self._first_mac = self._keys.start(self._proof)
        self._step = self._proved
        return ""

    def _proved(self, packet: codec.Packet) -> str:
        if packet.code == codec.NAK:
            return REFUSED
        if packet.code != codec.RMAC_I or packet.security != codec.SCS_14:
            return NOT_SECURE
        if not secure.same(packet.data, self._first_mac):
            return WRONG_KEY
        self.is_complete = True
        return ""
