"""The public keys of locks: whose word counts, and what is sealed to whom."""

import json

from joserfc.jwk import OKPKey

from agent.jose import kid_of
from cloud_sim.database import Database

_IDENTITIES = (
    "SELECT identity FROM device_keys WHERE lock_id = ?1 UNION ALL"
    " SELECT identity FROM key_renewals WHERE lock_id = ?1 AND identity IS NOT NULL"
)
_SEALING = (
    "SELECT coalesce(key_renewals.sealing, device_keys.sealing) AS sealing FROM device_keys"
    " LEFT JOIN key_renewals USING (lock_id) WHERE device_keys.lock_id = ?"
)
_USED = "SELECT 1 FROM {table} WHERE json_extract({column}, '$.x') = ?"
_PLACES = (
    ("device_keys", "identity"),
    ("device_keys", "sealing"),
    ("key_renewals", "identity"),
    ("key_renewals", "sealing"),
    ("former_identities", "identity"),
)


def identities(database: Database, lock_id: str) -> dict[str, OKPKey]:
    """By name, the keys whose messages are believed: one, two while they are renewed, none of a stranger."""
    return _by_name(database, _IDENTITIES, lock_id)


def identities_ever(database: Database, lock_id: str) -> dict[str, OKPKey]:
    """The same, with those before: what they signed may still come inside of a message that is believed."""
    former = "SELECT identity FROM former_identities WHERE lock_id = ?1"
    return _by_name(database, f"{_IDENTITIES} UNION ALL {former}", lock_id)


def sealing(database: Database, lock_id: str) -> OKPKey | None:
    """The key to seal to; while keys are renewed the new one, which the lock has before it proposes it."""
    row = database.row(_SEALING, lock_id)
    return None if row is None else OKPKey.import_key(json.loads(row["sealing"]))


def is_known(database: Database, key: OKPKey) -> bool:
    """Whether any lock has, or had, this key."""
    x = str(key.as_dict(private=False)["x"])
    return any(
        database.row(_USED.format(table=table, column=column), x) is not None for table, column in _PLACES
    )


def name_of(jwk: str) -> str:
    """The thumbprint of a key that is kept as JSON."""
    return kid_of(OKPKey.import_key(json.loads(jwk)))


def _by_name(database: Database, sql: str, lock_id: str) -> dict[str, OKPKey]:
    keys = [OKPKey.import_key(json.loads(row["identity"])) for row in database.rows(sql, lock_id)]
    return {kid_of(key): key for key in keys}
