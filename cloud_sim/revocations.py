"""Keeps the list of revoked certificates that a broker reads: those of locks that were renewed or retired."""

from dataclasses import dataclass, field
from pathlib import Path

from cloud_sim.authority import Authority
from cloud_sim.database import Database
from cloud_sim.state_directory import write_private

LOOK_EVERY_S = 1


@dataclass(slots=True)
class Revocations:
    """The list in `file`; on the loop's thread."""

    database: Database
    authority: Authority
    file: Path
    _listed: int | None = field(default=None, init=False)

    def keep_up(self) -> None:
        """Write the list anew if there are more now. Raises OSError, or sqlite3.Error."""
        row = self.database.row("SELECT count(*) AS n FROM revoked_certificates")
        count = 0 if row is None else row["n"]
        if count == self._listed:
            return
        rows = self.database.rows("SELECT certificate, revoked_s FROM revoked_certificates")
        revoked = {row["certificate"]: row["revoked_s"] for row in rows}
        write_private(self.file, self.authority.revocation_list(revoked))
        self._listed = len(rows)
