"""Opens what a lock put into its journal for the cloud alone."""

import json
from typing import Any

from agent.envelope import Opener
from agent.jose import Refusal, named_key
from cloud_sim import device_keys
from cloud_sim.database import Database
from cloud_sim.keyring import Keyring


def opened(
    database: Database, lock_id: str, stream: str, sealed: object, keyring: Keyring | None
) -> dict[str, Any]:
    """The body of a sealed message that this lock signed, by its key of now or of before;
    `{"unreadable": <why>}` for anything else.

    `keyring`: the cloud's own."""
    signers = device_keys.identities_ever(database, lock_id)
    if not signers or keyring is None or not isinstance(sealed, str):
        return {"unreadable": "malformed" if keyring else "unknown_key"}
    raw = sealed.encode()
    opener = Opener(lock_id, signers, keyring.sealing_named(named_key(raw)))
    message = opener.open(raw, stream, None)
    if isinstance(message, Refusal):
        return {"unreadable": message.reason}
    body = json.loads(bytes(message.body))
    return body if isinstance(body, dict) else {"unreadable": "malformed"}
