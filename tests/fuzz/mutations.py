"""Changes of an input that keep most of it: of its bytes, or of one place in the JSON that it is."""

import json
import random
from typing import Any

LONGEST_BYTES = 16 * 1024
_SCALARS: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        10,
        60,
        255,
        256,
        4095,
        2**31,
        2**32,
        2**53,
        2**62,
        2**63,
        2**70,
        -(2**63),
    ),
    *(0.5, 1.0, 1e400, -0.0, 1_790_000_000, 1_790_000_000_000),
    *(
        "",
        "0",
        "x",
        "\x00",
        "\ud800",
        "e\u0301",
        "4938\u0661",
        "x" * 65,
        "x" * 3000,
        "http://[",
        "mqtts://[",
        "../..",
    ),
    *([], {}, [[]], [0] * 300),
    *("@deep@", "@long@"),
)
_DEPTHS = (50, 500, 900, 950, 980, 990, 1000, 1010, 4000)
"""Around what the decoders take, and what Python's stack does."""


def mutated(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """`data` after a few changes; `others` lend parts of themselves."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        change = rng.choice((_in_json, _in_json, _in_bytes, _at_the_front))
        data = change(data, rng, others)
    return data[:LONGEST_BYTES]


def _at_the_front(data: bytes, rng: random.Random, _: list[bytes]) -> bytes:
    """Where many targets read a choice."""
    at = rng.randrange(4)
    return data[:at] + bytes([rng.randrange(8)]) + data[at + 1 :]


def _in_bytes(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    size = min(rng.choice((1, 1, 2, 4, 16, 64)), len(data) - at)
    end = at + size
    match rng.randrange(6):
        case 0:
            return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        case 1:
            return data[:at] + rng.randbytes(rng.choice((1, 2, 8))) + data[at:]
        case 2:
            return data[:at] + data[end:]
        case 3:
            return data[:at] + data[at:end] * rng.choice((2, 3, 40)) + data[end:]
        case 4:
            flipped = bytes(byte ^ 1 << rng.randrange(8) for byte in data[at : at + 1])
            return data[:at] + flipped + data[at + 1 :]
        case _:
            other = rng.choice(others) if others else data
            cut = rng.randrange(len(other) + 1)
            return data[:at] + other[cut : cut + rng.choice((1, 8, 64, 4096))] + data[end:]


def _in_json(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """One place of the document, or of one line or of what follows the first bytes, changed."""
    for before, document, after in _documents(data, rng):
        try:
            value = json.loads(document)
        except (ValueError, RecursionError):
            continue
        changed = _changed(value, rng)
        try:
            text = json.dumps(changed)
        except (ValueError, RecursionError):
            continue
        return before + _beyond_json(text, rng).encode() + after
    return _in_bytes(data, rng, others)


def _beyond_json(text: str, rng: random.Random) -> str:
    """What our encoder would not write."""
    depth = rng.choice(_DEPTHS)
    text = text.replace('"@deep@"', "[" * depth + "]" * depth).replace(
        '"@long@"', "9" * rng.choice((400, 5000))
    )
    return text.replace("Infinity", "1e400")


def _documents(data: bytes, rng: random.Random) -> list[tuple[bytes, bytes, bytes]]:
    brace = min((at for at in (data.find(b"{"), data.find(b"[")) if at >= 0), default=0)
    lines = data.split(b"\n")
    which = rng.randrange(len(lines))
    head = b"".join(line + b"\n" for line in lines[:which])
    tail = b"".join(b"\n" + line for line in lines[which + 1 :])
    return [(data[:brace], data[brace:], b""), (head, lines[which], tail)]


def _changed(value: Any, rng: random.Random) -> Any:
    places = list(_places(value))
    if not places:
        return rng.choice(_SCALARS)
    holder, key = rng.choice(places)
    match rng.randrange(6):
        case 0 | 1:
            holder[key] = rng.choice(_SCALARS)
        case 2:
            other, at = rng.choice(places)
            holder[key] = json.loads(json.dumps(other[at]))
        case 3:
            del holder[key]
        case 4 if isinstance(holder, list):
            holder.insert(key, json.loads(json.dumps(holder[key])))
        case 4:
            holder[str(rng.choice(_SCALARS[:8]))] = holder[key]
        case _:
            holder[key] = _nudged(holder[key], rng)
    return value


def _nudged(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return value + rng.choice((-1, 1, -3600, 3600) if abs(value) > 2**60 else (-1, 1, -3600, 3600, 0.5))
    if isinstance(value, str):
        at = rng.randrange(len(value) + 1)
        return value[:at] + rng.choice("0123456789abc_-\u0661\ud800 ") + value[at + rng.randrange(2) :]
    return [value] * rng.choice((1, 2))


def _places(value: Any, depth: int = 0) -> "list[tuple[Any, Any]]":
    """Every (list, index) and (object, name) of a document, not too deep."""
    if depth > 40:
        return []
    names = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    found = []
    for name in names:
        found.append((value, name))
        found += _places(value[name], depth + 1)
    return found
