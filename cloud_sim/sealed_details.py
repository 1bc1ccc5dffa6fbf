"""Opens what a lock put into its journal for the cloud alone."""

import json
from typing import Any

from joserfc.jwk import OKPKey

from agent.envelope import Opener
from agent.jose import Refusal, kid_of
from cloud_sim.database import Database


def opened(
    database: Database, lock_id: str, stream: str, sealed: object, sealing_key: OKPKey | None
) -> dict[str, Any]:
    """The body of a sealed message that this lock signed; `{"unreadable": <why>}` for anything else.

    `sealing_key`: the cloud's own private X25519 key."""
    row = database.row("SELECT identity FROM device_keys WHERE lock_id = ?", lock_id)
    if row is None or sealing_key is None or not isinstance(sealed, str):
        return {"unreadable": "malformed" if sealing_key else "unknown_key"}
    identity = OKPKey.import_key(json.loads(row["identity"]))
    opener = Opener(lock_id, {kid_of(identity): identity}, sealing_key)
    message = opener.open(sealed.encode(), stream, None)
    if isinstance(message, Refusal):
        return {"unreadable": message.reason}
    body = json.loads(bytes(message.body))
    return body if isinstance(body, dict) else {"unreadable": "malformed"}
