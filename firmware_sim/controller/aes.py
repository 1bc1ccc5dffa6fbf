"""AES-128 on single blocks for firmware: from `cryptolib` where MicroPython has it, else in plain Python.

The plain one looks things up in tables, so its time may tell something of the key to whoever measures at
the unit itself. Builds with TLS, which is the usual one on RP2040 and ESP32, have `cryptolib`.
"""

try:
    from cryptolib import aes as _cryptolib_aes
except ImportError:
    _cryptolib_aes = None

try:
    from hal.osdp.secure import Block
except ImportError:
    # On MicroPython annotations are not evaluated, and the name is not there.
    pass

_ECB = 1
_ROUNDS = 10


def _double(byte: int) -> int:
    return ((byte << 1) ^ 0x1B) & 0xFF if byte & 0x80 else byte << 1


def _times(byte: int, factor: int) -> int:
    product = 0
    while factor:
        if factor & 1:
            product ^= byte
        byte, factor = _double(byte), factor >> 1
    return product


def _substitution() -> bytes:
    """The S-box (FIPS 197, 5.1.1), by walking through all powers of 3 and of its inverse."""
    box = bytearray(256)
    power = inverse = 1
    while True:
        power ^= _double(power)
        for shift in (1, 2, 4):
            inverse ^= (inverse << shift) & 0xFF
        if inverse & 0x80:
            inverse ^= 0x09
        turned = inverse
        for shift in (1, 2, 3, 4):
            turned ^= ((inverse << shift) | (inverse >> (8 - shift))) & 0xFF
        box[power] = turned ^ 0x63
        if power == 1:
            break
    box[0] = 0x63
    return bytes(box)


_BOX = _substitution()
_BACK = bytes([_BOX.index(bytes([byte])) for byte in range(256)])
_ROWS = (0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11)
"""Where each byte of a block comes from when rows are shifted."""
_ROWS_BACK = tuple([_ROWS.index(place) for place in range(16)])


def plain_aes(key: bytes) -> "tuple[Block, Block]":
    """(encrypt, decrypt) for one 16-byte block, without any library (FIPS 197)."""
    keys = _expanded(key)

    def encrypt(block: bytes) -> bytes:
        state = _xor(block, keys[0])
        for number in range(1, _ROUNDS + 1):
            state = [_BOX[state[place]] for place in _ROWS]
            if number < _ROUNDS:
                state = _mixed(state, (2, 3, 1, 1))
            state = _xor(state, keys[number])
        return bytes(state)

    def decrypt(block: bytes) -> bytes:
        state = _xor(block, keys[_ROUNDS])
        for number in range(_ROUNDS - 1, -1, -1):
            state = [_BACK[state[place]] for place in _ROWS_BACK]
            state = _xor(state, keys[number])
            if number:
                state = _mixed(state, (14, 11, 13, 9))
        return bytes(state)

    return encrypt, decrypt


def _expanded(key: bytes) -> "list[bytes]":
    words = [key[place : place + 4] for place in range(0, 16, 4)]
    constant = 1
    while len(words) < 4 * (_ROUNDS + 1):
        word = words[-1]
        if len(words) % 4 == 0:
            word = bytes([_BOX[word[place]] for place in (1, 2, 3, 0)])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _double(constant)
        words.append(bytes([one ^ other for one, other in zip(words[-4], word)]))
    return [b"".join(words[place : place + 4]) for place in range(0, len(words), 4)]


def _xor(left: "bytes | list[int]", right: bytes) -> "list[int]":
    return [one ^ other for one, other in zip(left, right)]


def _mixed(state: "list[int]", factors: "tuple[int, ...]") -> "list[int]":
    mixed = []
    for column in range(0, 16, 4):
        for row in range(4):
            byte = 0
            for place in range(4):
                byte ^= _times(state[column + place], factors[(place - row) % 4])
            mixed.append(byte)
    return mixed


def _library_aes(key: bytes) -> "tuple[Block, Block]":
    # One object goes one way only.
    return _cryptolib_aes(key, _ECB).encrypt, _cryptolib_aes(key, _ECB).decrypt


aes = plain_aes if _cryptolib_aes is None else _library_aes
"""What this unit uses."""
