"""A code set on its way: which of its buckets are asked for, what of them has come, when to ask again."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.core import code_set
from agent.core.holding import Arriving
from agent.messages import BucketPart

IN_FLIGHT = 4
TIMEOUT_S = 10.0

Rows = list[dict[str, Any]]
"""Definitions as the cloud sends them, with digits."""


@dataclass(slots=True)
class BucketFetch:
    """A manifest whose buckets are on their way. Times are seconds since boot."""

    rev: int
    root: str
    digests: list[bytes]
    todo: list[int]
    """The buckets that nobody was asked for yet."""
    held: Mapping[int, list[str]]
    """The ids the lock holds, by bucket that differs."""
    counted: list[bytes]
    """Our digests, each as soon as its bucket is staged."""
    waiting: dict[int, float] = field(default_factory=dict)
    """Bucket -> when to ask again."""
    arriving: Arriving = field(default_factory=Arriving)
    _parts: dict[int, dict[int, Rows]] = field(default_factory=dict, repr=False)
    """Bucket -> part -> rows, gone as soon as the bucket is whole."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is still to come."""
        return not self.todo and not self.waiting

    def next_wanted(self, now: float) -> list[int]:
        """What to ask for, so that four buckets are on their way."""
        wanted = self.todo[: max(0, IN_FLIGHT - len(self.waiting))]
        del self.todo[: len(wanted)]
        return self._asked(wanted, now)

    def late(self, now: float, *, everything: bool) -> list[int]:
        """What to ask for once more: what did not come in time, or everything that is on its way."""
        return self._asked([index for index, at in self.waiting.items() if everything or at <= now], now)

    def _asked(self, indices: list[int], now: float) -> list[int]:
        for index in indices:
            self.waiting[index] = now + TIMEOUT_S * random.uniform(1.0, 1.5)
        return indices

    def deadline(self) -> float | None:
        """When something is late."""
        return min(self.waiting.values(), default=None)

    def take(self, bucket: BucketPart) -> Rows | str | None:
        """One part of a bucket. All rows of the bucket once it is whole and genuine, None while parts are
        missing, or why it is not taken."""
        if bucket.index not in self.waiting or not 0 <= bucket.part < bucket.parts <= code_set.MAX_PARTS:
            return "not_asked_for"
        parts = self._parts.setdefault(bucket.index, {})
        parts[bucket.part] = bucket.rows
        if len(parts) < bucket.parts:
            return None
        del self._parts[bucket.index]
        rows = [row for part in sorted(parts) for row in parts[part]]
        return rows if self._is_genuine(bucket.index, rows) else "digest_mismatch"

    def _is_genuine(self, index: int, rows: Rows) -> bool:
        ids = [row.get("access_code_id") for row in rows]
        in_place = all(
            isinstance(each, str) and code_set.bucket_of(each, len(self.digests)) == index for each in ids
        )
        if not in_place or len(set(ids)) != len(ids):
            return False
        try:
            digest = code_set.bucket_digest(code_set.canonical(row) for row in rows)
        except RecursionError:  # nested just deep enough to have been read
            return False
        return digest == self.digests[index]

    def staged(self, index: int, digest: bytes) -> None:
        """A bucket is durable, and this is the digest of what is on the disk."""
        self.counted[index] = digest
        del self.waiting[index]

    def begin_again(self, now: float) -> None:
        """What had arrived is used up, and could not be made true: ask for it once more, in a while."""
        self.arriving = Arriving()
        self.todo = sorted(self.held)
        self.waiting = dict.fromkeys(self.todo[:IN_FLIGHT], now + TIMEOUT_S)
        del self.todo[:IN_FLIGHT]
