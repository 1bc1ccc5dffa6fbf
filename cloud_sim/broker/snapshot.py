"""What outlives the broker process: retained messages, and sessions of clients that asked to be remembered.

A whole file is written each time, in one rename and without fsync, so a crash costs what changed since the
last one. Nobody depends on more: locks and cloud send again until the other side has acknowledged.
"""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from cloud_sim.broker.exchange import Exchange
from cloud_sim.broker.messages import Delivery, Message
from cloud_sim.broker.session import Session
from cloud_sim.mqtt5 import Subscription

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSession:
    """A session as if its client had just left."""

    client_id: str
    expiry_s: int
    ends_at: float
    subscriptions: tuple[Subscription, ...]
    waiting: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All times in it are on the clock that showed `now` when the wall clock showed `wall`."""

    now: float
    wall: float
    retained: tuple[Message, ...]
    sessions: tuple[KeptSession, ...]


def take(exchange: Exchange, now: float, wall: float) -> Snapshot:
    """What is worth keeping of `exchange`."""
    sessions = tuple(_kept(one, now) for one in exchange.sessions.values() if one.expiry_s)
    return Snapshot(now=now, wall=wall, retained=tuple(exchange.retained.values()), sessions=sessions)


def restore(snapshot: Snapshot, now: float, wall: float) -> Exchange:
    """An exchange with what `snapshot` kept; time went on while no broker was there."""
    shift_s = now - snapshot.now - (wall - snapshot.wall)
    exchange = Exchange()
    for message in snapshot.retained:
        exchange.retained[message.topic] = _shifted(message, shift_s)
    for kept in snapshot.sessions:
        session = Session(kept.client_id)
        session.expiry_s = kept.expiry_s
        session.ends_at = kept.ends_at + shift_s
        session.subscriptions = {one.topic_filter: one for one in kept.subscriptions}
        session.restore(replace(one, message=_shifted(one.message, shift_s)) for one in kept.waiting)
        exchange.sessions[kept.client_id] = session
    exchange.turn(now)
    return exchange


def save(snapshot: Snapshot, path: Path) -> None:
    """Write the file. OSError if that is impossible; the old file is then whole."""
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_bytes(msgspec.json.encode(snapshot))
    new.replace(path)


def load(path: Path) -> Snapshot | None:
    """What `save` wrote; None where there is nothing, or nothing readable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Snapshot)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        log.warning("%s cannot be read, the broker starts empty: %s", path, error)
        return None


def _kept(session: Session, now: float) -> KeptSession:
    ends_at = now + session.expiry_s if session.ends_at is None else session.ends_at
    return KeptSession(
        client_id=session.client_id,
        expiry_s=session.expiry_s,
        ends_at=ends_at,
        subscriptions=tuple(session.subscriptions.values()),
        waiting=tuple(session.kept()),
    )


def _shifted(message: Message, shift_s: float) -> Message:
    return (
        message if message.expires_at is None else replace(message, expires_at=message.expires_at + shift_s)
    )
