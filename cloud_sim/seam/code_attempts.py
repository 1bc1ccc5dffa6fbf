"""What was asked of access codes, as action attempts; how each went follows from what the lock reports."""

import uuid
from typing import Any

from cloud_sim import access_codes, code_sets, code_updates, offline_codes, reported, unmanaged_codes
from cloud_sim.database import Database
from cloud_sim.seam import code_issues, code_view

KEPT_MS = 7 * 86_400_000

CREATE, UPDATE, DELETE = "CREATE_ACCESS_CODE", "UPDATE_ACCESS_CODE", "DELETE_ACCESS_CODE"
CONVERT = "CONVERT_ACCESS_CODE_TO_MANAGED"


def start(database: Database, action_type: str, row: dict[str, Any], wall: float) -> str:
    """Note what was asked of a code (its row), inside the transaction that does it; the attempt's id."""
    now_ms, attempt_id = int(wall * 1000), str(uuid.uuid4())
    database.run("DELETE FROM code_attempts WHERE created_ms < ?", now_ms - KEPT_MS)
    database.run(
        "INSERT INTO code_attempts VALUES (?, ?, ?, ?, ?, ?)",
        attempt_id,
        action_type,
        row["lock_id"],
        row["access_code_id"],
        code_sets.head(database, row["lock_id"])[1] if action_type == DELETE else row.get("changed_rev", 0),
        now_ms,
    )
    return attempt_id


def shown(database: Database, attempt_id: str, wall: float) -> dict[str, Any] | None:
    """The attempt as the API shows it; None for one that is not of a code."""
    attempt = database.row("SELECT * FROM code_attempts WHERE action_attempt_id = ?", attempt_id)
    if attempt is None:
        return None
    issued = offline_codes.find(database, attempt["access_code_id"])
    row = issued or access_codes.find(database, attempt["access_code_id"])
    status, result, error = _outcome(database, attempt, row, wall)
    return {
        "action_attempt_id": attempt_id,
        "action_type": attempt["action_type"],
        "status": status,
        "result": result,
        "error": error,
    }


def _outcome(
    database: Database, attempt: dict[str, Any], row: dict[str, Any] | None, wall: float
) -> tuple[str, dict[str, Any] | None, dict[str, str] | None]:
    """(status, result, error)."""
    if row is not None and code_view.is_offline(row):  # the lock has nothing to do for it
        return "success", {"access_code": code_view.access_code(database, row, wall)}, None
    if row is not None and attempt["action_type"] == DELETE:
        return _of_deletion(database, row)
    confirmed_rev = reported.evidence(database, attempt["lock_id"], wall).confirmed_rev
    if row is None and attempt["action_type"] == DELETE:
        return "success", {}, None
    if row is None:
        message = "the code was deleted before the lock held it, or since; create it again"
        return "error", None, {"type": "access_code_not_found", "message": message}
    if confirmed_rev < attempt["rev"]:
        return "pending", None, None
    view = code_view.access_code(database, row, wall)
    refused = [error for error in view["errors"] if error.get("is_access_code_error")]
    if refused and not code_updates.is_held(row, confirmed_rev):
        return "error", None, {"type": refused[0]["error_code"], "message": refused[0]["message"]}
    return "success", {"access_code": view}, None


def _of_deletion(
    database: Database, row: dict[str, Any]
) -> tuple[str, dict[str, Any] | None, dict[str, str] | None]:
    """The row goes when the lock holds the code no more."""
    why_not = unmanaged_codes.why_not_forgotten(database, row["lock_id"]) if row["is_at_door"] else None
    if why_not is None:
        return "pending", None, None
    error_type, message = code_issues.NOT_FORGOTTEN
    return "error", None, {"type": error_type, "message": f"{message} ({why_not})"}
