"""The keys of tags from before the root secret was replaced, sealed: without them no code is found."""

from sqlite3 import Connection
from typing import Any

from agent.core.tag_keys import TagKeys
from agent.database import Database
from agent.errors import StateDamaged
from agent.secrets import SecretFault, seal, unseal


class TagKeyRows:
    """The table `former_tag_key`. Controller thread only; may raise StorageFault."""

    def __init__(self, database: Database, store_key: bytes) -> None:
        """Read them. `store_key`: 32 bytes, seals them. Raises StateDamaged: under another one no code is
        ever found."""
        rows: list[Any] = database.read("SELECT number, sealed FROM former_tag_key ORDER BY number")
        try:
            self._former = [unseal(store_key, sealed, _name(number)) for number, sealed in rows]
        except SecretFault as fault:
            raise StateDamaged(str(fault)) from None

    def with_newest(self, tag_key: bytes) -> TagKeys:
        """What makes the tags of this database; `tag_key`, 32 bytes, is the newest key."""
        first, *wraps = (*self._former, tag_key)
        return TagKeys(first, tuple(wraps))

    @staticmethod
    def keep(db: Connection, store_key: bytes, keys: TagKeys) -> None:
        """Keep all of `keys` as former ones, inside a transaction, for whoever has `store_key`."""
        for number, key in enumerate((keys.first, *keys.wraps), 1):
            sealed = seal(store_key, key, _name(number))
            db.execute("INSERT OR REPLACE INTO former_tag_key VALUES (?, ?)", (number, sealed))


def _name(number: int) -> str:
    return f"former_tag_key|{number}"
