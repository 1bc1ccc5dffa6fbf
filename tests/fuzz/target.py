"""What can be fuzzed: a function of bytes that raises where a rule is broken, and values to begin with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

Check = Callable[[bytes], None]
"""Returns for every input that was taken or refused as it should be; anything that it raises is a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place where bytes come in from outside."""

    name: str
    rules: str
    """What must hold, whatever comes in; for people."""
    check: Callable[[Path], Check]
    """Makes the check; the directory is its own, and empty."""
    seeds: Callable[[], list[bytes]] = field(repr=False)
    """Genuine values, from which most inputs are made."""
    quick: int
    """How many inputs a test run can afford: about a second of them."""


class Draw:
    """Reads choices from bytes, one after the other; after the end everything is the first choice."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_left(self) -> bool:
        """Whether there is more to read."""
        return self._at < len(self._data)

    def number(self, size: int) -> int:
        """`size` bytes, the highest first."""
        taken = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(taken.ljust(size, b"\0"))

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1; `limit` is at most 2^32."""
        size = max(1, ((limit - 1).bit_length() + 7) // 8)
        return self.number(size) % limit

    def of(self, choices: Sequence[T]) -> T:
        """One of these."""
        return choices[self.below(len(choices))]

    def rest(self) -> bytes:
        """All that was not read."""
        taken = self._data[self._at :]
        self._at = len(self._data)
        return taken
