"""The journal: who, when, why; a hash chain, durable before anything shows, and the outbox of the uplink."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import Any, cast

from agent.database import Database

KEEP_ROWS = 100_000
"""Rows beyond this many are pruned, acknowledged or not: a full disk would let nobody in."""
PRUNE_ROWS = 500
CONCEALED_KIND = "duress"
"""Rows of this kind are for the cloud alone: whoever asks at the door is not shown them."""
GAP = "gap"


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something happened: boot id, milliseconds since boot, Unix milliseconds, and clock trust."""

    boot: str
    boottime_ms: int
    wall_ms: int
    clock: str


@dataclass(frozen=True, slots=True)
class Event:
    """A fact for the journal: its kind, and what is to be known of it (never digits)."""

    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)


class Journal:
    """The journal table. Controller thread only; every method may raise StorageFault."""

    def __init__(self, database: Database, epoch: str, acked_seq: int) -> None:
        """`epoch`: 16 hex digits, new with each new database; the chain starts from it."""
        self.epoch = epoch
        self.acked_seq = acked_seq
        self._database = database
        last = database.read("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")
        self._tail = cast("tuple[int, str]", last[0]) if last else (acked_seq, epoch)

    @property
    def last_seq(self) -> int:
        """The newest row that is durable."""
        return self._tail[0]

    def append(self, db: Connection, stamp: Stamp, events: Sequence[Event]) -> tuple[int, str]:
        """Add rows inside a transaction; pass the result to `advance` once that is committed."""
        seq, chained = self._tail
        for event in events:
            seq += 1
            row = {
                "seq": seq,
                "boot": stamp.boot,
                "boottime_ms": stamp.boottime_ms,
                "wall_ms": stamp.wall_ms,
                "clock": stamp.clock,
                "kind": event.kind,
                "detail": dict(event.detail),
            }
            text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            chained = hashlib.sha256(f"{chained}\n{text}".encode()).hexdigest()
            db.execute("INSERT INTO journal VALUES (?, ?, ?)", (seq, text, chained))
        return seq, chained

    def advance(self, tail: tuple[int, str]) -> None:
        """The rows up to `tail` are durable."""
        self._tail = tail

    def after(self, seq: int, limit: int) -> list[dict[str, Any]]:
        """Rows as they travel, oldest first."""
        found = self._database.read(
            "SELECT row, hash FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
        )
        return [{**json.loads(cast(str, row)), "hash": chained} for row, chained in found]

    def shown(self, limit: int, after: int | None = None) -> list[dict[str, Any]]:
        """Rows for whoever asks at the door, oldest first: the next after `after`, or the newest."""
        order = "DESC" if after is None else "ASC"
        found = self._database.read(
            "SELECT row, hash FROM journal WHERE seq > ? AND json_extract(row, '$.kind') <> ?"
            f" ORDER BY seq {order} LIMIT ?",
            (after or 0, CONCEALED_KIND, limit),
        )
        rows = [{**json.loads(cast(str, row)), "hash": chained} for row, chained in found]
        return rows if after is not None else rows[::-1]

    def acknowledge(self, upto: int) -> None:
        """The cloud holds everything up to `upto`, durably."""
        with self._database.transaction() as db:
            db.execute("UPDATE lock SET acked_seq=?", (upto,))
        self.acked_seq = upto

    def prune(self, keep: int = KEEP_ROWS) -> int:
        """Idle work: drop up to 500 rows beyond the newest `keep`; returns how many. Acknowledged ones go
        without a trace; of others a `gap` row keeps count, so that a journal nobody fetches stays bounded."""
        oldest = self.last_seq - keep
        if oldest <= 0:
            return 0
        with self._database.transaction() as db:
            gone = db.execute(
                "DELETE FROM journal WHERE seq IN"
                " (SELECT seq FROM journal WHERE seq <= ? ORDER BY seq LIMIT ?)",
                (min(oldest, self.acked_seq), PRUNE_ROWS),
            ).rowcount
            return gone or self._fold(db, oldest)

    def _fold(self, db: Connection, upto: int) -> int:
        """Put one `gap` row in the place of the oldest rows. It stands where the last of them stood and
        carries its hash: the chain goes on from there."""
        found = db.execute(
            "SELECT seq, row, hash FROM journal WHERE seq <= ? ORDER BY seq LIMIT ?", (upto, PRUNE_ROWS)
        ).fetchall()
        if len(found) < 2:
            return 0
        rows = [json.loads(text) for _, text, _ in found]
        last = rows[-1]
        first_seq = rows[0]["detail"]["from"] if rows[0]["kind"] == GAP else rows[0]["seq"]
        detail = {"from": first_seq, "to": last["seq"], "counts": _counts(rows)}
        gap = json.dumps({**last, "kind": GAP, "detail": detail}, sort_keys=True, separators=(",", ":"))
        db.execute("DELETE FROM journal WHERE seq < ?", (last["seq"],))
        db.execute("UPDATE journal SET row=? WHERE seq=?", (gap, last["seq"]))
        return len(found) - 1


def _counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many rows of each kind are gone, those of an earlier gap included. A gap row is shown at the
    door, so it does not count what is for the cloud alone."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(row["detail"]["counts"] if row["kind"] == GAP else {row["kind"]: 1})
    counts.pop(CONCEALED_KIND, None)
    return dict(counts)
