"""What the cloud says to its locks: manifests, buckets, acknowledgements, the time; all of it signed."""

import logging
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from joserfc.jwk import OKPKey

from agent.core import code_set
from agent.envelope import Signer
from agent.messages import (
    MESSAGE_LIMIT_BYTES,
    Ack,
    BucketPart,
    CommandBody,
    Heartbeat,
    RenewedKeys,
    topic,
)
from cloud_sim import code_sets, device_keys, journal, locks, offline_setups, told_keys
from cloud_sim.database import Database
from cloud_sim.keyring import Keyring
from cloud_sim.pacing import Later, Pacing

ANSWER_LIFE_S = 60
HEARTBEAT_LIFE_S = 3600
COMMAND_LIFE_S = 20
"""From being issued to being worthless; locks take up to 30 s."""

_log = logging.getLogger(__name__)


class Publish(Protocol):
    """Hands a message to the broker; its id, or None when there is no broker."""

    def __call__(
        self, topic: str, payload: bytes, *, retain: bool, expiry_s: int | None = None
    ) -> int | None: ...


@dataclass(slots=True)
class Downlink:
    """Speaks to the locks; on the loop's thread, and never blocks."""

    database: Database
    keyring: Keyring
    publish: Publish
    wall: Callable[[], float]
    later: Later
    _pacing: Pacing = field(init=False)
    _offered: dict[str, tuple[int, list[bytes]]] = field(default_factory=dict, init=False)
    """The revision each lock was told of last, with its digests."""
    _manifests_in_flight: dict[int, str] = field(default_factory=dict, init=False)
    _changed_meanwhile: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self._pacing = Pacing(self._offer, self.later)

    def restart(self) -> None:
        """A session with the broker began: say what every set is now and how far every journal is here.
        What locks sent while nobody listened they then send again, without waiting."""
        self._manifests_in_flight.clear()
        self._changed_meanwhile.clear()
        told_keys.remember(self.database, self.keyring)
        told_keys.note_former(self.database, self.keyring, self.wall())
        for lock_id in locks.enrolled_lock_ids(self.database):
            self.keys(lock_id)
            self._offer(lock_id)
            self.offline_setup(lock_id)
            position = journal.position(self.database, lock_id)
            if position is not None:
                self.ack(lock_id, *position)

    def manifest(self, lock_id: str) -> None:
        """Have the lock hear of the newest revision: now, or with the changes that come right after."""
        self._pacing.changed(lock_id)

    def confirmed(self, lock_id: str) -> None:
        """The lock holds the newest revision."""
        self._pacing.confirmed(lock_id)

    def _offer(self, lock_id: str) -> None:
        """Publish the newest manifest, retained. While one is under way the next waits: of a thousand
        changes in a row the lock needs the last."""
        if lock_id in self._manifests_in_flight.values():
            self._changed_meanwhile.add(lock_id)
            return
        body = code_sets.manifest(self.database, lock_id)
        set_epoch, rev = code_sets.head(self.database, lock_id)
        raw = self._signer(lock_id).sign("desired", body, iat=int(self.wall()), set_epoch=set_epoch, rev=rev)
        self._offered[lock_id] = rev, code_set.unpack_digests(body.buckets)
        mid = self._send(lock_id, "desired", raw, retain=True)
        if mid is not None:
            self._manifests_in_flight[mid] = lock_id

    def void_sets(self, lock_id: str, known: tuple[int, int] = (0, 0)) -> tuple[int, int]:
        """Raise the lock's `set_epoch`, and tell it; see `code_sets.raise_set_epoch`."""
        raised = code_sets.raise_set_epoch(self.database, lock_id, known)
        self._offer(lock_id)
        self.offline_setup(lock_id)
        return raised

    def published(self, mid: int) -> None:
        """The broker took a message."""
        lock_id = self._manifests_in_flight.pop(mid, None)
        if lock_id in self._changed_meanwhile:
            self._changed_meanwhile.discard(lock_id)
            self.manifest(lock_id)

    def buckets(self, lock_id: str, rev: int, indices: Collection[int]) -> None:
        """Send these buckets of a revision, sealed to the lock: the newest, or the one it was offered last,
        which it shall be able to finish while others are made. Else, or if it asks for none, it hears which
        one is newest."""
        if not indices:
            self.manifest(lock_id)
        set_epoch, recipient = code_sets.head(self.database, lock_id)[0], self._sealing_key(lock_id)
        for index in sorted(set(indices)):
            parts = self._bucket(lock_id, rev, index)
            if parts is None:
                self.manifest(lock_id)
                return
            for part in parts:
                raw = self._signer(lock_id).seal(
                    "bucket", part, recipient, iat=int(self.wall()), set_epoch=set_epoch, rev=rev
                )
                self._send(lock_id, "bucket", raw)

    def _bucket(self, lock_id: str, rev: int, index: int) -> list[BucketPart] | None:
        if rev == code_sets.head(self.database, lock_id)[1]:
            return code_sets.bucket_parts(self.database, lock_id, index)
        offered_rev, digests = self._offered.get(lock_id, (None, []))
        if rev != offered_rev:
            return None
        return code_sets.bucket_parts_at(self.database, lock_id, index, rev, digests)

    def offline_setup(self, lock_id: str) -> None:
        """Tell the lock what it needs to know for offline and rolling codes, if anything: sealed, and kept by
        the broker for when it is there."""
        kept = offline_setups.kept(self.database, lock_id)
        if kept is None or lock_id not in locks.enrolled_lock_ids(self.database):
            return
        raw = self._signer(lock_id).seal(
            "offline",
            kept.document(lock_id),
            self._sealing_key(lock_id),
            iat=int(self.wall()),
            set_epoch=code_sets.head(self.database, lock_id)[0],
            rev=kept.rev,
        )
        self._send(lock_id, "offline", raw, retain=True)

    def ack(self, lock_id: str, journal_epoch: str, upto: int) -> None:
        """Tell the lock which of its journal rows are safe here."""
        body = Ack(journal_epoch=journal_epoch, upto=upto)
        raw = self._signer(lock_id).sign("ack", body, iat=int(self.wall()), id=str(uuid.uuid4()))
        self._send(lock_id, "ack", raw)

    def heartbeat(self, lock_id: str, nonce: str | None = None) -> None:
        """Tell the lock the time and the newest revision; with `nonce` as the answer to its question."""
        now = int(self.wall())
        head_rev = code_sets.head(self.database, lock_id)[1]
        life_s = HEARTBEAT_LIFE_S if nonce is None else ANSWER_LIFE_S
        body = Heartbeat(head_rev=head_rev, time=now, nonce=nonce)
        raw = self._signer(lock_id).sign("heartbeat", body, iat=now, exp=now + life_s, id=str(uuid.uuid4()))
        self._send(lock_id, "heartbeat", raw)

    def command(self, lock_id: str, command_id: str, kind: str, args: dict[str, Any], sid: str) -> bool:
        """Tell the lock to do something, in its session `sid`. False: it cannot be said now."""
        now = int(self.wall())
        raw = self._signer(lock_id).sign(
            "command",
            CommandBody(type=kind, args=args),
            iat=now,
            exp=now + COMMAND_LIFE_S,
            id=command_id,
            sid=sid,
        )
        return self._send(lock_id, "command", raw, expiry_s=COMMAND_LIFE_S) is not None

    def keys(self, lock_id: str) -> None:
        """Tell the lock which keys of ours count, retained, unless it has them from its enrolment."""
        rev, body = told_keys.wanted(self.database, self.keyring, lock_id)
        if rev:
            raw = self._signer(lock_id).sign("keys", body, iat=int(self.wall()), rev=rev)
            self._send(lock_id, "keys", raw, retain=True)

    def renewed(self, lock_id: str, body: RenewedKeys) -> None:
        """Tell the lock that the keys it proposed count."""
        now = int(self.wall())
        raw = self._signer(lock_id).sign(
            "renewal", body, iat=now, exp=now + ANSWER_LIFE_S, id=str(uuid.uuid4())
        )
        self._send(lock_id, "renewal", raw)

    def forget_retained(self, lock_id: str, stream: str) -> None:
        """Make the broker forget a message that somebody had it keep, where nothing may be kept."""
        self.publish(topic(lock_id, "down", stream), b"", retain=True)

    def _signer(self, lock_id: str) -> Signer:
        row = self.database.row("SELECT cloud_kid FROM told_keys WHERE lock_id = ?", lock_id)
        return Signer(lock_id, self.keyring.signing_named(row["cloud_kid"] if row else None))

    def _sealing_key(self, lock_id: str) -> OKPKey:
        key = device_keys.sealing(self.database, lock_id)
        if key is None:
            raise LookupError("a lock without keys cannot be answered")
        return key

    def _send(
        self, lock_id: str, stream: str, raw: bytes, *, retain: bool = False, expiry_s: int | None = None
    ) -> int | None:
        if len(raw) > MESSAGE_LIMIT_BYTES:
            # One oversized message is an endless reconnect loop on brokers with a limit.
            _log.error("a %s message for %s has %d bytes and is not sent", stream, lock_id, len(raw))
            return None
        return self.publish(topic(lock_id, "down", stream), raw, retain=retain, expiry_s=expiry_s)
