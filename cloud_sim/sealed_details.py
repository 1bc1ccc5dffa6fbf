"""Opens what a lock put into its journal for the cloud alone."""

import json
from typing import Any

from joserfc.jwk import OKPKey

from agent.envelope import Opener
from agent.jose import Refusal, kid_of, named_key
from cloud_sim.database import Database
from cloud_sim.keyring import Keyring


def opened(
    database: Database, lock_id: str, stream: str, sealed: object, keyring: Keyring | None
) -> dict[str, Any]:
    """The body of a sealed message that this lock signed; `{"unreadable": <why>}` for anything else.

    `keyring`: the cloud's own."""
    row = database.row("SELECT identity FROM device_keys WHERE lock_id = ?", lock_id)
    if row is None or keyring is None or not isinstance(sealed, str):
        return {"unreadable": "malformed" if keyring else "unknown_key"}
    identity = OKPKey.import_key(json.loads(row["identity"]))
    raw = sealed.encode()
    opener = Opener(lock_id, {kid_of(identity): identity}, keyring.sealing_named(named_key(raw)))
    message = opener.open(raw, stream, None)
    if isinstance(message, Refusal):
        return {"unreadable": message.reason}
    body = json.loads(bytes(message.body))
    return body if isinstance(body, dict) else {"unreadable": "malformed"}
