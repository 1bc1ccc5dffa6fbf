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
    """The body of a sealed message that this lock signed, by its key of now or of before;
    `{"unreadable": <why>}` for anything else.

    `keyring`: the cloud's own."""
    rows = database.rows(
        "SELECT identity FROM device_keys WHERE lock_id = ?1 UNION ALL"
        " SELECT identity FROM former_identities WHERE lock_id = ?1",
        lock_id,
    )
    if not rows or keyring is None or not isinstance(sealed, str):
        return {"unreadable": "malformed" if keyring else "unknown_key"}
    identities = [OKPKey.import_key(json.loads(row["identity"])) for row in rows]
    raw = sealed.encode()
    opener = Opener(
        lock_id, {kid_of(each): each for each in identities}, keyring.sealing_named(named_key(raw))
    )
    message = opener.open(raw, stream, None)
    if isinstance(message, Refusal):
        return {"unreadable": message.reason}
    body = json.loads(bytes(message.body))
    return body if isinstance(body, dict) else {"unreadable": "malformed"}
