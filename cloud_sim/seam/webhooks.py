"""Who wants to be told of events, and how far each of them has been told."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cloud_sim.database import Database
from cloud_sim.seam import event_log
from cloud_sim.seam.signing import new_secret

EVERYTHING = "*"
LOOK_AHEAD = 200
"""Events looked through at once for one that an endpoint wants."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The next event for one endpoint. The same one is answered until it is `delivered` or given up."""

    webhook_id: str
    url: str
    secret: str = field(repr=False)
    sequence: int
    event_id: str
    body: bytes = field(repr=False)
    tries: int
    """How many deliveries of it have failed."""


def is_sound_url(url: str) -> bool:
    """Whether events can be posted there: http or https, a host, and nothing that should not be in a URL."""
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_sound and url.isascii() and url.isprintable() and " " not in url and "@" not in parts.netloc


def create(
    database: Database, url: str, event_types: Sequence[str], wall: float, face: str = event_log.FACE
) -> str:
    """Tell `url` of the events of one API from now on; the new webhook's id."""
    webhook_id = str(uuid.uuid4())
    database.run(
        "INSERT INTO webhooks (webhook_id, url, event_types, secret, created_ms, upto, face)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        webhook_id,
        url,
        json.dumps(list(event_types)),
        new_secret(),
        int(wall * 1000),
        event_log.last_sequence(database),
        face,
    )
    return webhook_id


def find(database: Database, webhook_id: str, face: str = event_log.FACE) -> dict[str, Any] | None:
    """One webhook as the API shows it, the secret included: only for the holder of the API key."""
    row = database.row("SELECT * FROM webhooks WHERE webhook_id = ? AND face = ?", webhook_id, face)
    return None if row is None else _shown(row)


def every(database: Database, face: str = event_log.FACE) -> list[dict[str, Any]]:
    """All webhooks of one API, oldest first."""
    query = "SELECT * FROM webhooks WHERE face = ? ORDER BY created_ms, webhook_id"
    return [_shown(row) for row in database.rows(query, face)]


def set_event_types(database: Database, webhook_id: str, event_types: Sequence[str]) -> None:
    """Want other events from the next one on."""
    database.run(
        "UPDATE webhooks SET event_types = ? WHERE webhook_id = ?", json.dumps(list(event_types)), webhook_id
    )


def delete(database: Database, webhook_id: str) -> None:
    """Tell it no more; a delivery under way may still arrive."""
    database.run("DELETE FROM webhooks WHERE webhook_id = ?", webhook_id)


def due(database: Database, wall: float) -> list[Delivery]:
    """What is to be sent now: for each endpoint its oldest undelivered event, if its time has come."""
    rows = database.rows(
        "SELECT * FROM webhooks WHERE next_ms <= ? AND upto < (SELECT max(sequence) FROM seam_events)",
        int(wall * 1000),
    )
    return [delivery for row in rows if (delivery := _next(database, row)) is not None]


def delivered(database: Database, done: Delivery) -> None:
    """The endpoint has it."""
    database.run(
        "UPDATE webhooks SET upto = ?, tries = 0, next_ms = 0 WHERE webhook_id = ?",
        done.sequence,
        done.webhook_id,
    )


def failed(database: Database, missed: Delivery, wait_s: float | None, wall: float) -> None:
    """The endpoint did not take it: try again after `wait_s`, or give it up (None) and go on to the next."""
    if wait_s is None:
        delivered(database, missed)
        database.run("UPDATE webhooks SET given_up = given_up + 1 WHERE webhook_id = ?", missed.webhook_id)
        return
    database.run(
        "UPDATE webhooks SET tries = ?, next_ms = ? WHERE webhook_id = ?",
        missed.tries + 1,
        int((wall + wait_s) * 1000),
        missed.webhook_id,
    )


def _next(database: Database, row: dict[str, Any]) -> Delivery | None:
    wanted = json.loads(row["event_types"])
    ahead = database.rows(
        "SELECT sequence, event_id, event_type, event, face FROM seam_events WHERE sequence > ?"
        " ORDER BY sequence LIMIT ?",
        row["upto"],
        LOOK_AHEAD,
    )
    for event in ahead:
        is_wanted = EVERYTHING in wanted or event["event_type"] in wanted
        if is_wanted and event["face"] == row["face"]:
            return _delivery(row, event)
    if ahead:
        last = ahead[-1]["sequence"]
        database.run("UPDATE webhooks SET upto = ? WHERE webhook_id = ?", last, row["webhook_id"])
    return None


def _delivery(row: dict[str, Any], event: dict[str, Any]) -> Delivery:
    return Delivery(
        webhook_id=row["webhook_id"],
        url=row["url"],
        secret=row["secret"],
        sequence=event["sequence"],
        event_id=event["event_id"],
        body=event["event"].encode(),
        tries=row["tries"],
    )


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "webhook_id": row["webhook_id"],
        "url": row["url"],
        "event_types": json.loads(row["event_types"]),
        "secret": row["secret"],
    }
