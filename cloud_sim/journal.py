"""Takes in the journal of a lock: each row exactly once, in order, its hash chain checked."""

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from agent.messages import Events
from cloud_sim import events, reported
from cloud_sim.database import Database

Integer = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal row must have to be kept; more is kept too."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    kind: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z_]{0,39}$")]
    detail: dict[str, Any]
    hash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    wall_ms: Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)] | None = None
    clock: Text | None = None


class _CodeState(msgspec.Struct, frozen=True):
    access_code_id: Text
    gen: Integer
    state: Text
    errors: list[Text]


class _Use(msgspec.Struct, frozen=True):
    access_code_id: Text
    gen: Integer


@dataclass(frozen=True, slots=True)
class Stored:
    """Every row up to `upto` is durable here: what to acknowledge."""

    upto: int
    is_broken: bool
    """The row after that does not continue the chain."""


def row_hash(previous: str, row: dict[str, Any]) -> str:
    """The hash a row must carry: SHA-256 over the hash before it and the row without its own, in hex."""
    rest = {key: value for key, value in row.items() if key != "hash"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def store(database: Database, lock_id: str, batch: Events, wall: float) -> Stored:
    """Store what of a batch is new and follows; durable when this returns.

    Rows that are here already are skipped, rows after a missing one wait for it to be sent again. A row
    whose hash does not continue the chain is never taken: it becomes one `lock.journal_broken` event."""
    with database.transaction():
        journal = _journal(database, lock_id, batch.journal_epoch)
        upto, last_hash, is_broken = journal["upto"], journal["last_hash"], False
        for raw in batch.rows:
            if raw.get("seq") != upto + 1:
                continue
            row = _checked(raw, last_hash)
            if row is None:
                is_broken = True
                break
            _store_row(database, lock_id, batch.journal_epoch, raw, row, wall)
            upto, last_hash = row.seq, row.hash
        _note(database, lock_id, batch.journal_epoch, upto, last_hash)
        if is_broken:
            _note_broken(database, lock_id, batch.journal_epoch, upto + 1, wall)
    return Stored(upto, is_broken)


def _journal(database: Database, lock_id: str, journal_epoch: str) -> dict[str, Any]:
    # The first row of a journal follows its epoch.
    found = database.row(
        "SELECT * FROM journals WHERE lock_id = ? AND journal_epoch = ?", lock_id, journal_epoch
    )
    return found or {"upto": 0, "last_hash": journal_epoch}


def _checked(raw: dict[str, Any], last_hash: str) -> Row | None:
    try:
        row = msgspec.convert(raw, Row)
        return row if row.hash == row_hash(last_hash, raw) else None
    except (msgspec.ValidationError, ValueError):  # the latter: text that cannot be UTF-8
        return None


def _store_row(
    database: Database, lock_id: str, journal_epoch: str, raw: dict[str, Any], row: Row, wall: float
) -> None:
    received_ms = int(wall * 1000)
    database.run(
        "INSERT INTO journal_rows VALUES (?, ?, ?, ?, ?)",
        lock_id,
        journal_epoch,
        row.seq,
        json.dumps(raw),
        received_ms,
    )
    events.add_event(database, lock_id, events.event_of(lock_id, journal_epoch, raw, received_ms))
    if row.kind == "code_state" and _is(row.detail, _CodeState):
        reported.store_code_state(database, lock_id, row.detail)
    if row.kind == "access_granted" and _is(row.detail, _Use):
        reported.count_use(database, lock_id, row.detail, wall)


def _is(detail: dict[str, Any], shape: type[msgspec.Struct]) -> bool:
    try:
        msgspec.convert(detail, shape)
    except msgspec.ValidationError:
        return False
    return True


def _note(database: Database, lock_id: str, journal_epoch: str, upto: int, last_hash: str) -> None:
    database.run(
        "INSERT INTO journals VALUES (?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET upto = excluded.upto,"
        " last_hash = excluded.last_hash,"
        " broken_seq = CASE WHEN broken_seq <= excluded.upto THEN NULL ELSE broken_seq END",
        lock_id,
        journal_epoch,
        upto,
        last_hash,
    )


def _note_broken(database: Database, lock_id: str, journal_epoch: str, seq: int, wall: float) -> None:
    changed = database.run(
        "UPDATE journals SET broken_seq = ? WHERE lock_id = ? AND journal_epoch = ? AND broken_seq IS NOT ?",
        seq,
        lock_id,
        journal_epoch,
        seq,
    )
    if changed.rowcount:
        broken = {"seq": seq, "kind": "journal_broken", "detail": {"seq": seq}}
        event = events.event_of(lock_id, journal_epoch, broken, int(wall * 1000))
        # The row itself may still come sound; then it is an event of its own.
        event["event_id"] = str(uuid.uuid4())
        events.add_event(database, lock_id, event)
