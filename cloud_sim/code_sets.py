"""The wanted code set of one lock: its revisions, its manifest, and its buckets as they travel."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from agent.core import code_set
from agent.messages import BucketPart, Manifest
from cloud_sim import code_rules
from cloud_sim.database import Database


def bucket_byte(access_code_id: str) -> int:
    """What decides the bucket of a code, whatever the number of buckets (`code_set.bucket_of`)."""
    return hashlib.sha256(access_code_id.encode()).digest()[0]


def definition(row: dict[str, Any]) -> dict[str, Any]:
    """One row of `access_codes` as the lock is told it: the digits are in it, the name is not."""
    told = {
        "access_code_id": row["access_code_id"],
        "gen": row["gen"],
        "code_rev": row["code_rev"],
        "code": row["code"],
        "starts_at": row["starts_at"],
        "ends_at": row["ends_at"],
        "max_uses": row["max_uses"],
        "works_without_clock": bool(row["works_without_clock"]) or None,
        "is_external_modification_allowed": bool(row["is_external_modification_allowed"]) or None,
        **code_rules.told(row),
    }
    return {key: value for key, value in told.items() if value is not None}


def head(database: Database, lock_id: str) -> tuple[int, int]:
    """(set_epoch, newest revision) of a lock that exists."""
    row = database.row("SELECT set_epoch, head_rev FROM locks WHERE lock_id = ?", lock_id)
    if row is None:
        raise LookupError("no such lock")
    return row["set_epoch"], row["head_rev"]


def record_revision(database: Database, lock_id: str, rev: int, changed_bytes: Iterable[int]) -> None:
    """Make `rev` the newest revision; inside the transaction that changed the rows.

    `changed_bytes`: the `bucket_byte` of every row that was added or dropped. The digests of their buckets
    are forgotten here and counted when somebody is told (`seal`): of many changes in a row only once."""
    lock = database.row("SELECT buckets FROM locks WHERE lock_id = ?", lock_id) or {}
    buckets = code_set.bucket_count(count(database, lock_id), lock["buckets"])
    if buckets != lock["buckets"]:
        database.run("DELETE FROM bucket_digests WHERE lock_id = ?", lock_id)
    for index in {byte * buckets // 256 for byte in changed_bytes}:
        database.run("DELETE FROM bucket_digests WHERE lock_id = ? AND bucket = ?", lock_id, index)
    database.run("UPDATE locks SET head_rev = ?, buckets = ? WHERE lock_id = ?", rev, buckets, lock_id)


def raise_set_epoch(database: Database, lock_id: str, known: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    """Void every set that was ever told this lock, and all that it reported of them: (set_epoch, revision) of
    the set that is wanted from now on, with the same codes. `known`: those of the lock, if it is ahead."""
    with database.transaction():
        set_epoch, rev = head(database, lock_id)
        raised, rev = max(set_epoch, known[0]) + 1, max(rev, known[1])
        database.run("UPDATE locks SET set_epoch = ? WHERE lock_id = ?", raised, lock_id)
        for table in ("revisions", "reported_codes"):
            database.run(f"DELETE FROM {table} WHERE lock_id = ?", lock_id)
        record_revision(database, lock_id, rev + 1, ())
    return raised, rev + 1


def seal(database: Database, lock_id: str) -> list[bytes]:
    """The digests of the newest revision, and its roots kept, so that the lock can confirm it; durable."""
    row = database.row("SELECT set_epoch, head_rev, buckets FROM locks WHERE lock_id = ?", lock_id)
    if row is None:
        raise LookupError("no such lock")
    rev, buckets = row["head_rev"], row["buckets"]
    with database.transaction():
        known = database.rows("SELECT bucket FROM bucket_digests WHERE lock_id = ?", lock_id)
        for index in set(range(buckets)).difference(each["bucket"] for each in known):
            digest = _digest(database, lock_id, index, buckets)
            database.run("INSERT INTO bucket_digests VALUES (?, ?, ?)", lock_id, index, digest)
        for digests in _countings(database, lock_id, buckets):
            root = code_set.root(lock_id, row["set_epoch"], rev, digests)
            database.run("INSERT OR IGNORE INTO revisions VALUES (?, ?, ?)", lock_id, rev, root)
    return _digests(database, lock_id)


def count(database: Database, lock_id: str) -> int:
    """How many codes the wanted set holds."""
    row = database.row("SELECT count(*) AS n FROM access_codes WHERE lock_id = ? AND is_in_set = 1", lock_id)
    return 0 if row is None else int(row["n"])


def manifest(database: Database, lock_id: str) -> Manifest:
    """The newest revision, by digest."""
    digests = seal(database, lock_id)
    root = code_set.root(lock_id, *head(database, lock_id), digests)
    return Manifest(count=count(database, lock_id), buckets=code_set.pack_digests(digests), root=root)


def bucket_parts(database: Database, lock_id: str, index: int) -> list[BucketPart]:
    """One bucket of the newest revision, cut into parts; at least one, possibly without rows.

    An `index` that revision does not have gives none."""
    row = database.row("SELECT buckets FROM locks WHERE lock_id = ?", lock_id)
    if row is None or not 0 <= index < row["buckets"]:
        return []
    return _parts(index, [definition(row) for row in _bucket_rows(database, lock_id, index, row["buckets"])])


def bucket_parts_at(
    database: Database, lock_id: str, index: int, rev: int, digests: Sequence[bytes]
) -> list[BucketPart] | None:
    """The same of an earlier revision, of which these are the digests: what was added since is left out,
    what was dropped since is there. None where that is not how it was, because a code was changed."""
    if not 0 <= index < len(digests):
        return []
    width = 256 // len(digests)
    rows = database.rows(
        "SELECT * FROM access_codes WHERE lock_id = ? AND is_in_set IN (0, 1) AND bucket_byte BETWEEN ? AND ?"
        " AND is_in_set = (changed_rev <= ?)",
        lock_id,
        index * width,
        index * width + width - 1,
        rev,
    )
    told = [definition(row) for row in rows]
    if code_set.bucket_digest(map(code_set.canonical, told)) != digests[index]:
        return None
    return _parts(index, told)


def _parts(index: int, rows: list[dict[str, Any]]) -> list[BucketPart]:
    cut = _cut(rows)
    return [
        BucketPart(index=index, part=number, parts=len(cut), rows=part) for number, part in enumerate(cut)
    ]


def _cut(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    parts: list[list[dict[str, Any]]] = [[]]
    size = 2
    for row in rows:
        row_size = len(json.dumps(row, separators=(",", ":"))) + 1
        if parts[-1] and size + row_size > code_set.PART_LIMIT_BYTES:
            parts.append([])
            size = 2
        parts[-1].append(row)
        size += row_size
    return parts


def _bucket_rows(database: Database, lock_id: str, index: int, buckets: int) -> list[dict[str, Any]]:
    width = 256 // buckets
    return database.rows(
        "SELECT * FROM access_codes WHERE lock_id = ? AND is_in_set = 1 AND bucket_byte BETWEEN ? AND ?"
        " ORDER BY access_code_id",
        lock_id,
        index * width,
        index * width + width - 1,
    )


def _digest(database: Database, lock_id: str, index: int, buckets: int) -> bytes:
    rows = _bucket_rows(database, lock_id, index, buckets)
    return code_set.bucket_digest(code_set.canonical(definition(row)) for row in rows)


def _countings(database: Database, lock_id: str, buckets: int) -> list[list[bytes]]:
    """The digests in our number of buckets and, while we stay with more than the codes need, in theirs:
    a lock that counted afresh holds the same set under another root."""
    countings = [_digests(database, lock_id)]
    afresh = code_set.bucket_count(count(database, lock_id))
    if afresh != buckets:
        countings.append([_digest(database, lock_id, index, afresh) for index in range(afresh)])
    return countings


def _digests(database: Database, lock_id: str) -> list[bytes]:
    rows = database.rows("SELECT digest FROM bucket_digests WHERE lock_id = ? ORDER BY bucket", lock_id)
    return [row["digest"] for row in rows]
