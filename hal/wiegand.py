"""What a burst of Wiegand bits says: keys of a keypad with 4, 6, 8 or 26 bits (SIA AC-01 for the last).

Nothing of it is encrypted, authenticated or supervised. Bursts with parity or a complement are checked; in
one of 4 bits a flipped bit is another key.
"""

from hal.ports import CLEAR, ENTER

_KEYS = "0123456789" + CLEAR + ENTER


def keys(bits: str) -> str | None:
    """The keys of one burst, a text of 0 and 1 as they came; None for what is no burst of a keypad.

    A burst of 26 bits is a whole code: it comes out as the digits between clear and enter. The keypad sends
    it as a number, so whatever zeros it began with are lost."""
    if len(bits) == 4:
        return _key(bits)
    if len(bits) == 6:
        return _key(bits[1:5]) if _has_parities(bits, 3) else None
    if len(bits) == 8:
        is_complement = all(one != other for one, other in zip(bits[:4], bits[4:], strict=True))
        return _key(bits[4:]) if is_complement else None
    if len(bits) == 26:
        return f"{CLEAR}{int(bits[9:25], 2)}{ENTER}" if _has_parities(bits, 13) else None
    return None


def _key(bits: str) -> str | None:
    number = int(bits, 2)
    return _KEYS[number] if number < len(_KEYS) else None


def _has_parities(bits: str, half: int) -> bool:
    """Even over the first half, odd over the second, each with its parity bit at the outer end."""
    return bits[:half].count("1") % 2 == 0 and bits[half:].count("1") % 2 == 1
