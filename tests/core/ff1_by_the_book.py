"""FF1 as SP 800-38G writes it down, step by step on strings of digits, and slow."""

from collections.abc import Callable
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def encrypted(key: bytes, tweak: bytes, digits: str) -> str:
    """Algorithm 7."""
    return "".join(rounds(key, tweak, digits)[-2:])


def rounds(key: bytes, tweak: bytes, digits: str) -> list[str]:
    """What each of the ten rounds of algorithm 7 puts out."""
    u = len(digits) // 2
    a, b = digits[:u], digits[u:]
    outputs = []
    for i in range(10):
        m = _half(len(digits), i)
        c = (int(a) + _y(key, tweak, len(digits), i, b)) % 10**m
        a, b = b, f"{c:0{m}d}"
        outputs.append(b)
    return outputs


def decrypted(key: bytes, tweak: bytes, digits: str) -> str:
    """Algorithm 8."""
    u = len(digits) // 2
    a, b = digits[:u], digits[u:]
    for i in reversed(range(10)):
        m = _half(len(digits), i)
        c = (int(b) - _y(key, tweak, len(digits), i, a)) % 10**m
        a, b = f"{c:0{m}d}", a
    return a + b


def _half(n: int, i: int) -> int:
    return n // 2 if i % 2 == 0 else n - n // 2


@lru_cache(16)
def _aes(key: bytes) -> Callable[[bytes], bytes]:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update


def _y(key: bytes, tweak: bytes, n: int, i: int, half: str) -> int:
    """Steps 1 to 6 v, for round `i` of a number of `n` digits."""
    aes = _aes(key)
    t, u = len(tweak), n // 2
    v = n - u
    b = ((10**v - 1).bit_length() + 7) // 8
    d = 4 * ((b + 3) // 4) + 4
    p = bytes([1, 2, 1, 0, 0, 10, 10, u % 256]) + n.to_bytes(4) + t.to_bytes(4)
    q = tweak + bytes((-t - b - 1) % 16) + bytes([i]) + int(half).to_bytes(b)
    r, message = bytes(16), p + q
    for place in range(0, len(message), 16):
        r = aes(bytes(x ^ y for x, y in zip(r, message[place : place + 16], strict=True)))
    s = r
    for j in range(1, (d + 15) // 16):
        s += aes(bytes(x ^ y for x, y in zip(r, j.to_bytes(16), strict=True)))
    return int.from_bytes(s[:d])
