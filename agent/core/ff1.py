"""FF1, format-preserving encryption of decimal numbers (NIST SP 800-38G), radix 10, AES-128, -192 or -256.

`pyffx` and `ff3` are other algorithms. Numbers go in and out instead of digit strings: a string of n digits
is the number below 10^n, and all that FF1 does to it is arithmetic.
"""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

ROUNDS = 10
SHORTEST = 2
"""Digits. Revision 1 of the standard asks for six at least; how few are wise is the caller's to know."""
_BLOCK_BYTES = 16
_KEY_BYTES = (16, 24, 32)


class Ff1:
    """One permutation of the numbers of `length` digits, chosen by key and tweak.

    What does not depend on the number is computed once, so that a number of up to 18 digits with a tweak of
    up to 12 bytes costs ten AES blocks (OLC1). Not for two threads at once.
    """

    __slots__ = (
        "_aes",
        "_half",
        "_halves",
        "_mac",
        "_number_bits",
        "_output_bytes",
        "_tail",
        "_tail_blocks",
        "length",
    )

    def __init__(self, key: bytes, tweak: bytes, length: int) -> None:
        """`key` of 16, 24 or 32 bytes. Raises ValueError for any other key, or fewer than two digits."""
        if len(key) not in _KEY_BYTES:
            raise ValueError(f"FF1 takes a key of 16, 24 or 32 bytes, not of {len(key)}")
        if length < SHORTEST:
            raise ValueError(f"FF1 takes numbers of at least {SHORTEST} digits, not of {length}")
        # FF1 chains the blocks itself, with a last block of its own in every round.
        self._aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
        self.length = length
        first = length // 2
        self._half: int = 10 ** (length - first)
        self._halves: tuple[int, int] = (10**first, self._half)
        number_bytes: int = -(-((10 ** (length - first) - 1).bit_length()) // 8)
        self._number_bits = 8 * number_bytes
        self._output_bytes = 4 * -(-number_bytes // 4) + 4
        prefix = bytes([1, 2, 1, 0, 0, 10, 10, first % 256])
        prefix += length.to_bytes(4) + len(tweak).to_bytes(4)
        prefix += tweak + bytes((-len(tweak) - number_bytes - 1) % _BLOCK_BYTES)
        whole = len(prefix) // _BLOCK_BYTES * _BLOCK_BYTES
        self._mac = self._chain(0, int.from_bytes(prefix[:whole]), whole // _BLOCK_BYTES)
        self._tail_blocks = (len(prefix) - whole + 1 + number_bytes) // _BLOCK_BYTES
        self._tail = int.from_bytes(prefix[whole:]) << (8 + self._number_bits)

    def __repr__(self) -> str:
        return f"Ff1({self.length} digits)"

    def encrypt(self, number: int) -> int:
        """The number that `number` is mapped to; both below 10^length."""
        left, right = divmod(self._checked(number), self._half)
        for each in range(ROUNDS):
            left, right = right, (left + self._round(each, right)) % self._halves[each % 2]
        return left * self._half + right

    def decrypt(self, number: int) -> int:
        """The reverse of `encrypt`."""
        left, right = divmod(self._checked(number), self._half)
        for each in reversed(range(ROUNDS)):
            left, right = (right - self._round(each, left)) % self._halves[each % 2], left
        return left * self._half + right

    def _checked(self, number: int) -> int:
        if not 0 <= number < self._half * self._halves[0]:
            raise ValueError(f"not a number of {self.length} digits")
        return number

    def _round(self, number_of_round: int, half: int) -> int:
        """What FF1 calls y."""
        tail = self._tail | number_of_round << self._number_bits | half
        mac = self._chain(self._mac, tail, self._tail_blocks)
        output, size = mac, _BLOCK_BYTES
        while size < self._output_bytes:
            block = self._block(mac ^ size // _BLOCK_BYTES)
            output, size = output << 8 * _BLOCK_BYTES | block, size + _BLOCK_BYTES
        return output >> 8 * (size - self._output_bytes)

    def _chain(self, mac: int, data: int, blocks: int) -> int:
        """CBC-MAC over `blocks` blocks, going on from `mac`."""
        for place in reversed(range(blocks)):
            mac = self._block(mac ^ (data >> 8 * _BLOCK_BYTES * place) & (1 << 8 * _BLOCK_BYTES) - 1)
        return mac

    def _block(self, block: int) -> int:
        return int.from_bytes(self._aes.update(block.to_bytes(_BLOCK_BYTES)))
