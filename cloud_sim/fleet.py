"""Believes what a lock says if its pinned key signed it, keeps it, and answers."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from agent.envelope import Message, Opener
from agent.jose import Refusal, named_key
from agent.messages import EVENT_BATCH_ROWS, TOPIC_ROOT, UP_STREAMS, Codes, Events, Request, Status
from cloud_sim import (
    code_sets,
    device_keys,
    journal,
    key_renewals,
    key_rotation,
    locks,
    message_order,
    offline_setups,
    reported,
    restoration,
    retirement,
    settings_delivery,
    told_keys,
    unmanaged_codes,
    wanted_renewals,
)
from cloud_sim.database import Database
from cloud_sim.downlink import Downlink

RETAINED_STREAMS = ("status", "codes")
NONCE_LIMIT = 128
BUCKETS = 256
EPOCHS_AHEAD, REVS_AHEAD = 1000, 2**32
"""By so much a cloud that was restored may be behind a lock. What a lock says beyond that would use up the
numbers that there are."""

_log = logging.getLogger(__name__)

Body = TypeVar("Body", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The listener of the MQTT link (`mqtt_link.Listener`); on the loop's thread."""

    database: Database
    downlink: Downlink
    wall: Callable[[], float]
    certify: key_renewals.Certify

    def connected(self) -> None:
        """Say every set anew: the broker may have forgotten, or never known."""
        self.downlink.restart()
        key_renewals.ask_all(self.database, self.downlink, self.wall(), at_once=True)

    def published(self, mid: int) -> None:
        """Let a manifest that waited for this one go."""
        self.downlink.published(mid)

    def heartbeat(self) -> None:
        """Tell every lock the time; every 15 minutes."""
        for lock_id in locks.enrolled_lock_ids(self.database):
            self.downlink.heartbeat(lock_id)

    def received(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """Take one message in; when this returns, what it told is durable. sqlite3.Error if it is not."""
        parts = topic.removeprefix(f"{TOPIC_ROOT}/").split("/")
        if len(parts) != 3 or parts[2] not in UP_STREAMS:
            self._refuse("", "other", "unknown_topic")
            return
        lock_id, _, stream = parts
        message = self._opened(lock_id, stream, payload, is_retained=is_retained)
        if message is None:
            return
        try:
            self._take(lock_id, message, is_live=not is_retained)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._refuse(lock_id, stream, "bad_body")

    def _opened(self, lock_id: str, stream: str, payload: bytes, *, is_retained: bool) -> Message | None:
        identities = device_keys.identities(self.database, lock_id)
        if not identities:
            self._refuse("", stream, "unknown_device")
            return None
        if is_retained and stream not in RETAINED_STREAMS:
            self._refuse(lock_id, stream, "retained")
            return None
        message = Opener(lock_id, identities).open(payload, stream, int(self.wall()))
        if isinstance(message, Refusal):
            self._refuse(lock_id, stream, message.reason)
            return None
        if len(identities) > 1:
            wanted_renewals.heard(self.database, lock_id, named_key(payload), self.wall())
        return message

    def _take(self, lock_id: str, message: Message, *, is_live: bool) -> None:
        is_new_session = False
        match message.stream:
            case "status":
                status = _body(message, Status)
                # A will is signed before what it follows; it counts for its session only.
                if status.online and self._is_replayed(lock_id, message):
                    return
                # A retained status is as old as it says; what a wrong clock says of the future is worth now.
                seen_s = self.wall() if is_live else min(message.iat, self.wall())
                is_new_session = self._status(lock_id, status, seen_s)
            case "codes" | "request" if self._is_replayed(lock_id, message):
                return
            case "codes":
                self._codes(lock_id, _body(message, Codes), is_live=is_live)
            case "events":
                self._events(lock_id, _body(message, Events))
            case "request":
                self._request(lock_id, _body(message, Request))
        # An offline is the broker's to publish: the lock was not there.
        if is_live and message.stream != "status":
            reported.note_seen(self.database, lock_id, self.wall())
        unmanaged_codes.have_deleted(
            self.database, self.downlink, lock_id, self.wall(), is_new_session=is_new_session
        )

    def _is_replayed(self, lock_id: str, message: Message) -> bool:
        is_replayed = message_order.is_replayed(self.database, lock_id, message)
        if is_replayed:
            self._refuse(lock_id, message.stream, "replayed")
        return is_replayed

    def _status(self, lock_id: str, status: Status, seen_s: float) -> bool:
        """Whether a session began with it."""
        kept_rev, told_rev = offline_setups.rev(self.database, lock_id), told_keys.rev(self.database, lock_id)
        if max(status.offline_rev - kept_rev, status.keys_rev - told_rev) > REVS_AHEAD:
            self._refuse(lock_id, "status", "too_far_ahead")
            return False
        is_new = status.online and status.sid != reported.session(self.database, lock_id)
        if not reported.store_status(self.database, lock_id, status, seen_s):
            _log.info("an offline of an earlier session of %s says nothing about this one", lock_id)
        elif status.online:
            key_rotation.heard(self.database, self.downlink, lock_id, status)
            settings_delivery.deliver(self.database, self.downlink, lock_id, self.wall())
            key_renewals.ask(self.database, self.downlink, lock_id, self.wall())
            self._catch_up_offline(lock_id)
        return is_new

    def _codes(self, lock_id: str, codes: Codes, *, is_live: bool) -> None:
        set_epoch, rev = code_sets.head(self.database, lock_id)
        known = codes.set_epoch, max(codes.rev, codes.highest_rev)
        if known[0] > set_epoch + EPOCHS_AHEAD or known[1] > rev + REVS_AHEAD:
            self._refuse(lock_id, "codes", "too_far_ahead")
            return
        is_raised_too_low = codes.set_epoch < set_epoch and known[1] >= rev
        if codes.set_epoch > set_epoch or is_raised_too_low:
            _log.warning("lock %s knows later sets: we were restored from before them", lock_id)
            if codes.set_epoch > set_epoch:
                self._knows_more(lock_id)
            self.downlink.void_sets(lock_id, known)
            return
        if codes.set_epoch == set_epoch and reported.knows_more(self.database, lock_id, codes):
            self._knows_more(lock_id)
        if reported.store_codes(self.database, lock_id, codes, is_live=is_live):
            _log.warning("lock %s was ahead of us or has lost its memory; its set begins anew", lock_id)
            self.downlink.manifest(lock_id)
        elif codes.rev == rev:
            self.downlink.confirmed(lock_id)

    def _events(self, lock_id: str, batch: Events) -> None:
        if len(batch.rows) > EVENT_BATCH_ROWS or not 1 <= len(batch.journal_epoch) <= 64:
            self._refuse(lock_id, "events", "bad_body")
            return
        stored = journal.store(self.database, lock_id, batch, self.wall(), self.downlink.keyring)
        for stream in stored.kept_streams:
            self.downlink.forget_retained(lock_id, stream)
        if stored.is_set_changed:
            self.downlink.manifest(lock_id)
        if stored.is_broken:
            self._refuse(lock_id, "events", "broken_chain")
        self.downlink.ack(lock_id, batch.journal_epoch, stored.upto)
        if stored.is_behind:
            self._knows_more(lock_id)
        self._catch_up_offline(lock_id)

    def _catch_up_offline(self, lock_id: str) -> None:
        if offline_setups.is_behind(self.database, lock_id):
            self._knows_more(lock_id)
        if offline_setups.catch_up(self.database, lock_id):
            self.downlink.offline_setup(lock_id)

    def _knows_more(self, lock_id: str) -> None:
        """A later state of this cloud spoke to this lock: we are from a backup."""
        if restoration.noticed(self.database, lock_id, self.wall()):
            self.downlink.offline_setup(lock_id)

    def _request(self, lock_id: str, request: Request) -> None:
        if request.type == "time" and request.nonce and len(request.nonce) <= NONCE_LIMIT:
            self.downlink.heartbeat(lock_id, request.nonce)
        elif request.type == "retire" and request.nonce and len(request.nonce) <= NONCE_LIMIT:
            self.downlink.heartbeat(lock_id, request.nonce)
            retirement.retire(self.database, self.downlink, lock_id, "lock", self.wall())
        elif request.type == "renew" and request.proposal is not None:
            refusal = key_renewals.proposed(
                self.database, self.downlink, self.certify, lock_id, request.proposal
            )
            if refusal is not None:
                self._refuse(lock_id, "request", refusal)
        elif request.type == "buckets" and request.need is not None and len(request.need) <= BUCKETS:
            self.downlink.buckets(lock_id, request.rev or 0, request.need)
        else:
            self._refuse(lock_id, "request", "bad_body")

    def _refuse(self, device_id: str, stream: str, reason: str) -> None:
        row = self.database.row(
            "INSERT INTO refused_messages VALUES (?, ?, ?, 1, ?) ON CONFLICT DO UPDATE SET count = count + 1,"
            " last_ms = excluded.last_ms RETURNING count",
            device_id,
            stream,
            reason,
            int(self.wall() * 1000),
        )
        count = row["count"] if row else 0
        if count & (count - 1) == 0:  # at 1, 2, 4, 8 ...: a flood must not become a flood of lines
            _log.warning(
                "refused %s of %s: %s (%d so far)", stream, device_id or "an unknown device", reason, count
            )


def _body(message: Message, shape: type[Body]) -> Body:
    return msgspec.json.decode(message.body, type=shape)
