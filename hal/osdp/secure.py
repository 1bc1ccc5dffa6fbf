"""The OSDP Secure Channel (IEC 60839-11-5, annex D): session keys, cryptograms, MAC chain, encryption.

Runs on MicroPython too. AES comes in as a function from a 16-byte key to a pair (encrypt, decrypt) of
functions from one 16-byte block to another, because the two worlds have different libraries for it.
"""

from hal.osdp import codec

try:
    from collections.abc import Callable

    Block = Callable[[bytes], bytes]
    Aes = Callable[[bytes], tuple[Block, Block]]
except ImportError:
    # MicroPython has no collections.abc and evaluates no annotations.
    pass

_BLOCK = 16
PUBLIC_KEY = bytes(range(0x30, 0x40))
"""SCBK-D, the default key that everybody knows; a session under it keeps nothing secret."""


def same(left: bytes, right: bytes) -> bool:
    """Whether two byte strings are equal, found out in a time that does not tell where they differ."""
    difference = len(left) ^ len(right)
    for one, other in zip(left, right):
        difference |= one ^ other
    return difference == 0


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes([one ^ other for one, other in zip(left, right)])


def _inverse(block: bytes) -> bytes:
    return bytes([byte ^ 0xFF for byte in block])


class Session:
    """The keys and the MAC chain of one session. Both ends hold one; neither end's repr shows it."""

    def __init__(self, aes: "Aes", scbk: bytes, rnd_a: bytes) -> None:
        base = aes(scbk)[0]
        seed = rnd_a[:6] + bytes(8)
        self._encrypt, self._decrypt = aes(base(b"\x01\x82" + seed))
        self._mac1 = aes(base(b"\x01\x01" + seed))[0]
        self._mac2 = aes(base(b"\x01\x02" + seed))[0]
        self._command_mac = bytes(_BLOCK)
        self._reply_mac = bytes(_BLOCK)

    def cryptogram(self, first: bytes, second: bytes) -> bytes:
        """Proof of the keys: the reader's is over RND.A and RND.B, the panel's over RND.B and RND.A."""
        return self._encrypt(first + second)

    def start(self, panel_cryptogram: bytes) -> bytes:
        """Begin the MAC chain at both ends; returns the first MAC, which the reader sends as RMAC_I."""
        self._reply_mac = self._mac2(self._mac1(panel_cryptogram))
        return self._reply_mac

    def seal(
        self, address: int, is_reply: bool, sequence: int, code: int, data: bytes, has_crc: bool = True
    ) -> bytes:
        """A secured packet, ready for the line. Moves the MAC chain: repeat the bytes, never seal again."""
        if data:
            data = self._encrypted(data, self._chain(is_reply))
        kind = (codec.SCS_17 if data else codec.SCS_15) + (1 if is_reply else 0)
        block = bytes((2, kind))
        packet = codec.head(address, is_reply, sequence, block, code, data, codec.MAC_BYTES, has_crc)
        mac = self._mac(packet, self._chain(is_reply))
        self._move(is_reply, mac)
        return codec.finish(packet + mac[: codec.MAC_BYTES])

    def open(self, packet: codec.Packet) -> "bytes | None":
        """The data of a secured packet; None, with nothing changed, if it is not this session's next."""
        is_reply = packet.is_reply
        expected = (codec.SCS_15, codec.SCS_17) if not is_reply else (codec.SCS_16, codec.SCS_18)
        if packet.security not in expected:
            return None
        chain = self._chain(is_reply)
        mac = self._mac(packet.raw[: -codec.MAC_BYTES], chain)
        if not same(mac[: codec.MAC_BYTES], packet.raw[-codec.MAC_BYTES :]):
            return None
        data = packet.data
        if packet.security == expected[1]:
            clear = self._decrypted(data, chain)
            if clear is None:
                return None
            data = clear
        self._move(is_reply, mac)
        return data

    def _chain(self, is_reply: bool) -> bytes:
        """What the next packet of this direction hangs on: the last MAC of the other side."""
        return self._command_mac if is_reply else self._reply_mac

    def _move(self, is_reply: bool, mac: bytes) -> None:
        if is_reply:
            self._reply_mac = mac
        else:
            self._command_mac = mac

    def _mac(self, packet: bytes, chain: bytes) -> bytes:
        if len(packet) % _BLOCK:
            packet += b"\x80" + bytes(-(len(packet) + 1) % _BLOCK)
        last = len(packet) - _BLOCK
        for at in range(0, last, _BLOCK):
            chain = self._mac1(_xor(chain, packet[at : at + _BLOCK]))
        return self._mac2(_xor(chain, packet[last:]))

    def _encrypted(self, data: bytes, chain: bytes) -> bytes:
        data += b"\x80" + bytes(-(len(data) + 1) % _BLOCK)
        out = b""
        block = _inverse(chain)
        for at in range(0, len(data), _BLOCK):
            block = self._encrypt(_xor(block, data[at : at + _BLOCK]))
            out += block
        return out

    def _decrypted(self, data: bytes, chain: bytes) -> "bytes | None":
        if not data or len(data) % _BLOCK:
            return None
        out = b""
        previous = _inverse(chain)
        for at in range(0, len(data), _BLOCK):
            block = data[at : at + _BLOCK]
            out += _xor(self._decrypt(block), previous)
            previous = block
        out = out.rstrip(b"\x00")
        return out[:-1] if out.endswith(b"\x80") else None
