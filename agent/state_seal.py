"""A seal over everything in the database that decides: a row that another hand added, took away or brought
back breaks it.

The MAC of a row shows that the row was edited; it cannot show that a row is missing, and a missing use,
revocation or lockdown opens a door. So the sum of a keyed digest of every row is kept while the agent runs
(MSet-Add-Hash: Clarke et al., ASIACRYPT 2003), and each transaction ends by writing a MAC of that sum, of
which the file tells nothing. Temporary triggers keep the sum, so that no statement can forget to.

What it cannot show: a whole file, or the end of its write-ahead log, put back as it once was.
"""

import hmac
from sqlite3 import Connection, OperationalError

UNSEALED = ("command", "journal", "state_seal")
"""Commands are bound to session and moment beside their ids. Of the journal the newest row is sealed, and its
hash covers all before it."""
_SUM_BYTES = 32
_SIGNS = {"INSERT": ("+NEW",), "DELETE": ("-OLD",), "UPDATE": ("-OLD", "+NEW")}


class StateSeal:
    """The seal of one connection: `count` or `is_intact`, then `lay`; each transaction ends with `write`."""

    def __init__(self, row_key: bytes) -> None:
        """`row_key`: 32 bytes, the key of the MACs of rows."""
        self._key = row_key
        self._sum = 0

    def count(self, connection: Connection) -> None:
        """Go on from the rows that are there: every one that decides is read, some 5 us each."""
        self._sum = 0
        for table in _tables(connection):
            for row in connection.execute(f"SELECT {', '.join(_columns(connection, table))} FROM {table}"):
                self._add(table, *row)

    def is_intact(self, connection: Connection) -> bool:
        """Whether the rows are those that were sealed; goes on from them."""
        kept = connection.execute("SELECT seal FROM state_seal").fetchall()
        self.count(connection)
        return len(kept) == 1 and hmac.compare_digest(kept[0][0], self._of_now(connection))

    def lay(self, connection: Connection) -> None:
        """Follow every change from now on. The tables are those of the newest schema."""
        connection.create_function("seal_add", -1, self._add)
        connection.create_function("seal_take", -1, self._take)
        for table in _tables(connection):
            for event in _SIGNS:
                connection.execute(_trigger(table, event, _columns(connection, table)))

    def lift(self, connection: Connection) -> None:
        """Take back `lay`: all rows are about to change, and are counted afterwards."""
        for table in _tables(connection):
            for event in _SIGNS:
                connection.execute(f"DROP TRIGGER temp.{_trigger_name(table, event)}")

    def change_key(self, connection: Connection, row_key: bytes) -> None:
        """Go on from the rows that are there, under another key."""
        self._key = row_key
        self.count(connection)

    def write(self, connection: Connection) -> None:
        """Seal what is there now, in the transaction that changed it."""
        connection.execute("INSERT OR REPLACE INTO state_seal VALUES (1, ?)", (self._of_now(connection),))

    def _of_now(self, connection: Connection) -> bytes:
        newest = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        return self._digest("state_seal", self._sum.to_bytes(_SUM_BYTES, "big"), newest)

    def _add(self, table: str, *values: object) -> None:
        self._sum = (self._sum + self._number(table, values)) % 2 ** (8 * _SUM_BYTES)

    def _take(self, table: str, *values: object) -> None:
        self._sum = (self._sum - self._number(table, values)) % 2 ** (8 * _SUM_BYTES)

    def _number(self, table: str, values: tuple[object, ...]) -> int:
        # A trigger may see 5 where the column holds 5.0.
        plain = (int(each) if isinstance(each, float) and each.is_integer() else each for each in values)
        return int.from_bytes(self._digest("state_row", table, *plain))

    def _digest(self, *values: object) -> bytes:
        return hmac.digest(self._key, repr(values).encode(), "sha256")


def _tables(connection: Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")
    return [name for (name,) in found.fetchall() if name not in UNSEALED and not name.startswith("sqlite_")]


def _columns(connection: Connection, table: str) -> list[str]:
    """What the seal covers: everything; of rows with a MAC their key and that MAC, so that a row which is
    damaged in itself costs nobody but its owner."""
    found = connection.execute(f"PRAGMA table_info({table})").fetchall()
    if not found:
        raise OperationalError(f"the table {table} has no columns")
    names = [name for _, name, *_ in found]
    keys = [name for _, name, _, _, _, place in found if place]
    return [*keys, "mac"] if "mac" in names else names


def _trigger_name(table: str, event: str) -> str:
    return f"seal_{table}_{event.lower()}"


def _trigger(table: str, event: str, columns: list[str]) -> str:
    return (
        f"CREATE TEMP TRIGGER {_trigger_name(table, event)} AFTER {event} ON main.{table} BEGIN "
        + " ".join(_call(sign, table, columns) for sign in _SIGNS[event])
        + " END"
    )


def _call(sign: str, table: str, columns: list[str]) -> str:
    function = "seal_add" if sign[0] == "+" else "seal_take"
    return f"SELECT {function}('{table}', {', '.join(f'{sign[1:]}.{name}' for name in columns)});"
