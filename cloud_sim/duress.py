"""Alarms of duress codes: opened with the cloud's key, and kept where no ordinary list of events looks."""

import json
from typing import Any

from joserfc.jwk import OKPKey

from agent.envelope import Opener
from agent.jose import Refusal, kid_of
from agent.journal import CONCEALED_KIND as KIND
from cloud_sim.database import Database

__all__ = ["KIND", "add", "events_after"]


def add(database: Database, lock_id: str, event: dict[str, Any], sealing_key: OKPKey | None) -> None:
    """Append the event of a `duress` row; inside the transaction that stores the row. One that cannot be
    read is an alarm all the same: its detail says why."""
    told = _opened(database, lock_id, event["detail"].get("sealed"), sealing_key)
    found = {key: told[key] for key in ("access_code_id",) if isinstance(told.get(key), str)}
    last = database.row("SELECT max(sequence) AS n FROM duress_events WHERE lock_id = ?", lock_id) or {}
    sequence = (last.get("n") or 0) + 1
    text = json.dumps({**event, **found, "detail": told, "sequence": sequence})
    database.run("INSERT INTO duress_events VALUES (?, ?, ?)", lock_id, sequence, text)


def events_after(database: Database, lock_id: str, after: int, limit: int) -> list[dict[str, Any]]:
    """The alarms of a lock with a sequence above `after`, oldest first, at most `limit`."""
    rows = database.rows(
        "SELECT event FROM duress_events WHERE lock_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
        lock_id,
        after,
        limit,
    )
    return [json.loads(row["event"]) for row in rows]


def _opened(database: Database, lock_id: str, sealed: object, key: OKPKey | None) -> dict[str, Any]:
    row = database.row("SELECT identity FROM device_keys WHERE lock_id = ?", lock_id)
    if row is None or key is None or not isinstance(sealed, str):
        return {"unreadable": "malformed" if key else "unknown_key"}
    identity = OKPKey.import_key(json.loads(row["identity"]))
    opener = Opener(lock_id, {kid_of(identity): identity}, key)
    message = opener.open(sealed.encode(), KIND, None)
    if isinstance(message, Refusal):
        return {"unreadable": message.reason}
    body = json.loads(bytes(message.body))
    return body if isinstance(body, dict) else {"unreadable": "malformed"}
