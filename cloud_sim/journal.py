"""Takes in the journal of a lock: each row exactly once, in order, its hash chain checked."""

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from agent.messages import Events
from cloud_sim import command_answers, door_codes, duress, events, offline_cancellations, reported
from cloud_sim.database import Database
from cloud_sim.keyring import Keyring

SEQ_LIMIT = 2**53
NEVER_KEPT = frozenset({"command", "bucket", "ack", "heartbeat"})
"""What is said to locks and must not be kept by a broker."""
USES = frozenset({"access_granted", "programming_started"})
"""Rows that are one use of the code they name."""
GAP_PATIENCE_S = 30
"""A lock sends what is not acknowledged again after 10 s; three times the same beginning is no accident."""

Integer = Annotated[int, msgspec.Meta(ge=0, le=SEQ_LIMIT)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal row must have to be kept; more is kept too."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=SEQ_LIMIT)]
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


class _Extent(msgspec.Struct, frozen=True, rename={"first": "from", "last": "to"}):
    first: Integer
    last: Integer


class _Use(msgspec.Struct, frozen=True):
    access_code_id: Text
    gen: Integer


class _Cancellation(msgspec.Struct, frozen=True):
    kid: Integer
    issuer: Integer
    slot: Integer


@dataclass(frozen=True, slots=True)
class Stored:
    """Every row up to `upto` is durable here: what to acknowledge."""

    upto: int
    is_broken: bool
    """The row after that does not continue the chain."""
    kept_streams: frozenset[str] = frozenset()
    """Streams of which, as new rows say, a broker kept a message that nobody may keep."""
    is_set_changed: bool = False
    """Codes were removed at the door for good: the wanted set has a new revision without them."""
    is_behind: bool = False
    """The lock shows that it knows a later state of this cloud."""


def row_hash(previous: str, row: dict[str, Any]) -> str:
    """The hash a row must carry: SHA-256 over the hash before it and the row without its own, in hex."""
    rest = {key: value for key, value in row.items() if key != "hash"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def store(
    database: Database, lock_id: str, batch: Events, wall: float, keyring: Keyring | None = None
) -> Stored:
    """Store what of a batch is new and follows; durable when this returns.

    Rows that are here already are skipped, rows after a missing one wait for it to be sent again. A row
    whose hash does not continue the chain is never taken: it becomes one `lock.journal_broken` event.
    `keyring`: the cloud's own, which opens what is sealed to it."""
    with database.transaction():
        tail, is_broken, kept = _tail(database, lock_id, batch, wall), False, set()
        is_set_changed, is_behind = False, tail.is_behind
        for raw in batch.rows:
            gap = _gap(raw, tail.upto)
            if gap is not None:
                _note_gap(database, lock_id, batch.journal_epoch, tail.upto + 1, gap, wall)
                tail = _Tail(gap.seq, gap.hash)
            if raw.get("seq") != tail.upto + 1:
                continue
            row = _checked(raw, tail.last_hash)
            if row is None:
                is_broken = True
                break
            if _store_row(database, lock_id, batch.journal_epoch, raw, row, wall, keyring):
                is_set_changed = True
            if row.kind == "message_refused":
                stream, reason = str(row.detail.get("stream")), row.detail.get("reason")
                kept |= {stream} if reason == "retained" else set()
                # Another setup under the same number: given by a later state of this cloud.
                is_behind |= (stream, reason) == ("offline", "conflicting_revision")
            tail = _Tail(row.seq, row.hash)
        _note(database, lock_id, batch.journal_epoch, tail)
        if is_broken:
            _note_broken(database, lock_id, batch.journal_epoch, tail.upto + 1, wall)
    return Stored(tail.upto, is_broken, NEVER_KEPT & kept, is_set_changed, is_behind)


def position(database: Database, lock_id: str) -> tuple[str, int] | None:
    """The journal a lock last sent rows of, and how far it is held here: (journal_epoch, upto)."""
    row = database.row(
        "SELECT journal_epoch, upto FROM journals WHERE lock_id = ? ORDER BY (SELECT max(received_ms)"
        " FROM journal_rows WHERE journal_rows.lock_id = journals.lock_id"
        " AND journal_rows.journal_epoch = journals.journal_epoch) DESC LIMIT 1",
        lock_id,
    )
    return (row["journal_epoch"], row["upto"]) if row else None


@dataclass(frozen=True, slots=True)
class _Tail:
    """The last row held of a journal; `last_hash` None where rows before are missing for good."""

    upto: int
    last_hash: str | None
    is_behind: bool = False
    """The rows before were acknowledged by somebody else."""


def _tail(database: Database, lock_id: str, batch: Events, wall: float) -> _Tail:
    found = database.row(
        "SELECT * FROM journals WHERE lock_id = ? AND journal_epoch = ?", lock_id, batch.journal_epoch
    )
    if found is None:
        door_codes.lose(database, lock_id)
    # The first row of a journal follows its epoch.
    tail = _Tail(found["upto"], found["last_hash"]) if found else _Tail(0, batch.journal_epoch)
    first = batch.rows[0].get("seq") if batch.rows else None
    if batch.rows and _gap(batch.rows[0], tail.upto):
        return tail
    if type(first) is not int or not tail.upto + 1 < first <= SEQ_LIMIT:
        return tail
    return _tail_beyond_gap(database, lock_id, batch.journal_epoch, tail, first, wall)


def _tail_beyond_gap(
    database: Database, lock_id: str, journal_epoch: str, tail: _Tail, first: int, wall: float
) -> _Tail:
    """Where rows are missing: they are waited for. A lock that begins at the same later row again and again
    has dropped those before, because another cloud, or this one before a restore, acknowledged them."""
    _note(database, lock_id, journal_epoch, tail)
    now_ms = int(wall * 1000)
    row = database.row(
        "UPDATE journals SET gap_ms = CASE WHEN gap_seq <= ?1 THEN gap_ms ELSE ?2 END,"
        " gap_seq = min(coalesce(gap_seq, ?1), ?1) WHERE lock_id = ?3 AND journal_epoch = ?4"
        " RETURNING gap_seq, gap_ms",
        first,
        now_ms,
        lock_id,
        journal_epoch,
    )
    if row is None or first != row["gap_seq"] or now_ms - row["gap_ms"] < GAP_PATIENCE_S * 1000:
        return tail
    detail = {"from": tail.upto + 1, "to": first - 1}
    door_codes.doubt(database, lock_id)
    _add_note(database, lock_id, journal_epoch, "journal_gap", first - 1, detail, wall)
    return _Tail(first - 1, None, is_behind=tail.upto > 0)


def _gap(raw: dict[str, Any], upto: int) -> Row | None:
    """A row of a lock that had to drop rows nobody fetched: it stands for those up to its own number, and
    carries the hash of the last of them. Only one that begins no later than the rows we miss is of use."""
    if raw.get("kind") != "gap":
        return None
    try:
        row, extent = msgspec.convert(raw, Row), msgspec.convert(raw.get("detail"), _Extent)
    except msgspec.ValidationError:
        return None
    return row if extent.first <= upto + 1 <= row.seq == extent.last else None


def _note_gap(
    database: Database, lock_id: str, journal_epoch: str, first: int, gap: Row, wall: float
) -> None:
    detail = {"from": first, "to": gap.seq, "counts": gap.detail.get("counts", {})}
    door_codes.doubt(database, lock_id)
    _add_note(database, lock_id, journal_epoch, "journal_gap", gap.seq, detail, wall)


def _checked(raw: dict[str, Any], last_hash: str | None) -> Row | None:
    try:
        row = msgspec.convert(raw, Row)
        follows = last_hash is None or row.hash == row_hash(last_hash, raw)
    except (msgspec.ValidationError, ValueError):  # the latter: text that cannot be UTF-8
        return None
    return row if follows else None


def _store_row(
    database: Database,
    lock_id: str,
    journal_epoch: str,
    raw: dict[str, Any],
    row: Row,
    wall: float,
    keyring: Keyring | None,
) -> bool:
    """Whether the wanted set has a new revision because of it."""
    received_ms = int(wall * 1000)
    database.run(
        "INSERT INTO journal_rows VALUES (?, ?, ?, ?, ?)",
        lock_id,
        journal_epoch,
        row.seq,
        json.dumps(raw),
        received_ms,
    )
    event = events.event_of(lock_id, journal_epoch, raw, received_ms)
    if row.kind == duress.KIND:
        duress.add(database, lock_id, event, row.detail.get("sealed"), keyring)
        return False
    events.add_event(database, lock_id, event)
    if row.kind == "command_result":
        command_answers.answered(database, lock_id, event, row.detail, wall)
    if row.kind == "code_state" and _is(row.detail, _CodeState):
        reported.store_code_state(database, lock_id, row.detail)
    known_ms = row.wall_ms if row.clock in ("trusted", "holdover") else None
    if row.kind in USES and _is(row.detail, _Use):
        reported.count_use(database, lock_id, row.detail, wall, known_ms)
    at_ms = received_ms if known_ms is None else known_ms
    if row.kind == offline_cancellations.KIND and _is(row.detail, _Cancellation):
        offline_cancellations.take(database, lock_id, row.detail, at_ms)
    if row.kind not in door_codes.KINDS:
        return False
    return door_codes.take(database, lock_id, row.kind, row.detail, at_ms=at_ms, wall=wall, keyring=keyring)


def _is(detail: dict[str, Any], shape: type[msgspec.Struct]) -> bool:
    try:
        msgspec.convert(detail, shape)
    except msgspec.ValidationError:
        return False
    return True


def _note(database: Database, lock_id: str, journal_epoch: str, tail: _Tail) -> None:
    database.run(
        "INSERT INTO journals (lock_id, journal_epoch, upto, last_hash) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET upto = excluded.upto, last_hash = excluded.last_hash,"
        " broken_seq = CASE WHEN broken_seq <= excluded.upto THEN NULL ELSE broken_seq END,"
        " gap_seq = CASE WHEN gap_seq <= excluded.upto THEN NULL ELSE gap_seq END",
        lock_id,
        journal_epoch,
        tail.upto,
        tail.last_hash,
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
        _add_note(database, lock_id, journal_epoch, "journal_broken", seq, {"seq": seq}, wall)


def _add_note(
    database: Database,
    lock_id: str,
    journal_epoch: str,
    kind: str,
    seq: int,
    detail: dict[str, Any],
    wall: float,
) -> None:
    """An event of our own about a journal."""
    event = events.event_of(
        lock_id, journal_epoch, {"seq": seq, "kind": kind, "detail": detail}, int(wall * 1000)
    )
    event["event_id"] = str(uuid.uuid4())  # the row of that number may still come, and has its own
    events.add_event(database, lock_id, event)
