"""How an access code is packed into columns of numbers, and made whole again when somebody looks at it.

What is compared in a decision is kept as floating-point numbers, exact for seconds and uses: Python reads
and compares any two of them in the same time, but not two whole numbers of different size.
"""

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import fields, replace
from functools import lru_cache
from operator import attrgetter
from typing import Any

from agent.core.access_code import AccessCode, Kind

FOREVER = float("inf")
_ALWAYS = -FOREVER

BYTE_COLUMNS = {
    "known": 0,
    "revoked": 0,
    "withdrawn": 0,
    "time_ruled": 1,
    "works_without_clock": 0,
    "enabled": 1,
    "opening": 1,
    "for_keypad": 1,
    "active_now": 1,
    "code_lengths": 0,
    "bucket_bytes": 0,
}
"""One byte a code; each with what the dummy row has."""
WORD_COLUMNS = {
    "gens": 0,
    "code_revs": 0,
    "from_revs": 0,
}
"""Eight bytes a code."""
COMPARED_COLUMNS = {
    "uses": 0.0,
    "max_uses": 1.0,
    "starts_at": _ALWAYS,
    "window_ends_at": FOREVER,
    "ends_at": FOREVER,
    "first_use_by": FOREVER,
}
"""Eight bytes a code; a window without a start began at `_ALWAYS`, one without an end lasts `FOREVER`."""
COLUMNS: dict[str, float] = {**BYTE_COLUMNS, **WORD_COLUMNS, **COMPARED_COLUMNS}
_TYPECODES = dict.fromkeys(BYTE_COLUMNS, "B") | dict.fromkeys(WORD_COLUMNS, "q")

NO_RULES = AccessCode(access_code_id="", gen=0, code_rev=0, kind=Kind.STANDARD)


def column(name: str, values: Iterable[float] | None = None) -> "array[Any]":
    """A column of these values; by default the dummy row alone."""
    return array(_TYPECODES.get(name, "d"), [COLUMNS[name]] if values is None else values)


def facts(code: AccessCode, *, is_revoked: bool, code_length: int, from_rev: int, uses: int) -> list[float]:
    """What the columns hold of a code, in their order. No tuple: CPython 3.11 keeps 2,000 used ones of 20."""
    return [
        1,
        is_revoked,
        is_revoked,
        code.is_time_ruled,
        code.works_without_clock and code.schedule is None,
        code.enabled,
        code.kind is not Kind.NON_ACCESS,
        code.kind is not Kind.REMOTE_ONLY,
        code.schedule is None,
        code_length,
        hashlib.sha256(code.access_code_id.encode()).digest()[0],
        code.gen,
        code.code_rev,
        from_rev,
        uses,
        FOREVER if code.max_uses is None else code.max_uses,
        _ALWAYS if code.starts_at is None else code.starts_at,
        FOREVER if code.ends_at is None else code.ends_at,
        FOREVER,
        FOREVER,
    ]


_OWN = ("access_code_id", "gen", "code_rev", "starts_at", "ends_at")
_SHARED = tuple(each.name for each in fields(AccessCode) if each.name not in _OWN)
_shared_values = attrgetter(*_SHARED)


def shared_rules(code: AccessCode) -> AccessCode:
    """The code without what is its own: thousands of codes have the same few rules, and share them."""
    return _rules(_shared_values(code))


@lru_cache(maxsize=512)
def _rules(values: tuple[Any, ...]) -> AccessCode:
    return AccessCode(access_code_id="", gen=0, code_rev=0, **dict(zip(_SHARED, values, strict=True)))


def whole(
    rules: AccessCode, access_code_id: str, gen: int, code_rev: int, starts_at: float, ends_at: float
) -> AccessCode:
    """The code of a row, `shared_rules` with what is its own."""
    return replace(
        rules,
        access_code_id=access_code_id,
        gen=gen,
        code_rev=code_rev,
        starts_at=None if starts_at == _ALWAYS else int(starts_at),
        ends_at=None if ends_at == FOREVER else int(ends_at),
    )
