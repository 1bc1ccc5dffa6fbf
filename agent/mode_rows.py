"""The operating mode and the changed settings on disk, each one row under a MAC: a word written by hand into
a file must not open a door."""

import hmac
import json
from collections.abc import Mapping
from sqlite3 import Connection
from typing import Any

from agent.core.mode_schedule import Standing
from agent.core.modes import Mode
from agent.database import Database
from agent.row_mac import MAC_BYTES, NO_MAC


class ModeRows:
    """Two tables: `operating_mode`, `changed_settings`. Controller thread; may raise StorageFault."""

    def __init__(self, database: Database, row_key: bytes) -> None:
        """`row_key`: 32 bytes, the key of the MACs."""
        self._database = database
        self._row_key = row_key

    def standing(self) -> Standing | None:
        """The mode the door was in, and why; None if that row was changed from outside."""
        rows: list[Any] = self._database.read(
            "SELECT mode, set_by, schedule, boundary_s, mac FROM operating_mode"
        )
        if not rows:
            return Standing()
        *values, mac = rows[0]
        if not hmac.compare_digest(mac, self._mode_mac(*values)):
            return None
        mode, set_by, schedule, boundary_s = values
        return Standing(mode=Mode(mode), by=set_by or "", schedule=schedule or "", boundary_s=boundary_s)

    def keep_standing(self, db: Connection, standing: Standing) -> None:
        """Remember the mode, inside a transaction."""
        values = (standing.mode.value, standing.by, standing.schedule, standing.boundary_s)
        db.execute(
            "INSERT OR REPLACE INTO operating_mode (id, mode, set_by, schedule, boundary_s, mac)"
            " VALUES (1, ?, ?, ?, ?, ?)",
            (*values, self._mode_mac(*values)),
        )

    def _mode_mac(self, mode: str, set_by: str | None, schedule: str | None, boundary_s: int | None) -> bytes:
        if set_by is None:  # version 3 knew no more than the mode
            return self._mac(f"operating_mode|{mode}")
        return self._mac("operating_mode/2|" + json.dumps([mode, set_by, schedule, boundary_s]))

    def move(self, db: Connection, new: "ModeRows") -> int:
        """See `CodeRows.move`."""
        modes = db.execute("SELECT mode, set_by, schedule, boundary_s, mac FROM operating_mode").fetchall()
        for *values, mac in modes:
            genuine = hmac.compare_digest(mac, self._mode_mac(*values))
            db.execute("UPDATE operating_mode SET mac=?", (new._mode_mac(*values) if genuine else NO_MAC,))
        settings = db.execute("SELECT settings, mac FROM changed_settings").fetchall()
        for text, mac in settings:
            genuine = hmac.compare_digest(mac, self._settings_mac(text))
            db.execute("UPDATE changed_settings SET mac=?", (new._settings_mac(text) if genuine else NO_MAC,))
        return len(modes) + len(settings)

    def settings(self) -> Mapping[str, Any] | None:
        """What counts instead of the configuration file; None if that row was changed from outside."""
        rows: list[Any] = self._database.read("SELECT settings, mac FROM changed_settings")
        if not rows:
            return {}
        text, mac = rows[0]
        if not hmac.compare_digest(mac, self._settings_mac(text)):
            return None
        settings: Mapping[str, Any] = json.loads(text)
        return settings

    def keep_settings(self, db: Connection, text: str) -> None:
        """Remember these settings, in canonical JSON, inside a transaction."""
        values = (text, self._settings_mac(text))
        db.execute("INSERT OR REPLACE INTO changed_settings VALUES (1, ?, ?)", values)

    def _settings_mac(self, text: str) -> bytes:
        return self._mac(f"changed_settings|{text}")

    def _mac(self, text: str) -> bytes:
        return hmac.digest(self._row_key, text.encode(), "sha256")[:MAC_BYTES]
