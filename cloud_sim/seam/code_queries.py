"""Shows access codes to Seam clients: one, or page by page the many that fit."""

import base64
import binascii
from typing import Any
from urllib.parse import urlencode

from cloud_sim import access_codes, offline_codes
from cloud_sim.seam import code_lookup, code_view
from cloud_sim.seam.dispatch import Call
from cloud_sim.seam.errors import invalid_input

_FILTERS = ("device_id", "access_code_ids", "search")
_NOBODYS = (
    "access_grant_id", "access_grant_key", "access_method_id", "customer_key", "user_identifier_key",
)  # fmt: skip
"""Filters by things that no code of this cloud belongs to: nothing fits them."""


def get(call: Call) -> dict[str, Any]:
    """`/access_codes/get`."""
    row = code_lookup.asked_for(call, is_managed=True)
    return {"access_code": code_view.access_code(call.database, row, call.wall)}


def get_unmanaged(call: Call) -> dict[str, Any]:
    """`/access_codes/unmanaged/get`."""
    row = code_lookup.asked_for(call, is_managed=False)
    return {"access_code": code_view.access_code(call.database, row, call.wall)}


def list_managed(call: Call) -> dict[str, Any]:
    """`/access_codes/list`."""
    if all(call.given.get(name) is None for name in (*_FILTERS, *_NOBODYS)):
        names = ", ".join((*_FILTERS, *_NOBODYS))
        raise invalid_input({"": f"Give at least one of {names}"})
    return _listed(
        call, "is_managed = 1 AND (is_backup = 0 OR is_pulled = 1)", 55_000, (offline_codes.ROWS, "1")
    )


def list_unmanaged(call: Call) -> dict[str, Any]:
    """`/access_codes/unmanaged/list`."""
    return _listed(call, "is_managed = 0", 300_000)


def _listed(call: Call, which: str, default_limit: int, *offline: tuple[str, str]) -> dict[str, Any]:
    """`offline`: another table to list besides, and which of its rows."""
    device_id = call.given.get("device_id")
    if device_id is not None:
        code_lookup.existing_device(call.database, device_id)
    limit = call.given.get("limit") or default_limit
    where, values = _conditions(call)
    rows = [
        row
        for select, condition in ((access_codes.WITH_REPORT, which), *offline)
        for row in call.database.rows(
            f"{select} WHERE {' AND '.join([condition, *where])} ORDER BY created_ms, access_code_id LIMIT ?",
            *values,
            limit + 1,
        )
    ]
    rows.sort(key=lambda row: (row["created_ms"], row["access_code_id"]))
    cursor = _cursor(rows[limit - 1]) if len(rows) > limit else None
    return {
        "access_codes": code_view.access_codes(call.database, rows[:limit], call.wall),
        "pagination": {
            "next_page_cursor": cursor,
            "has_next_page": cursor is not None,
            "next_page_url": None if cursor is None else _next_url(call, cursor),
        },
    }


def _conditions(call: Call) -> tuple[list[str], list[object]]:
    given, where, values = call.given, list[str](), list[object]()
    if given.get("device_id") is not None:
        where.append("lock_id = ?")
        values.append(given["device_id"])
    if given.get("access_code_ids") is not None:
        marks = ", ".join("?" * len(given["access_code_ids"]))
        where.append(f"access_code_id IN ({marks})")
        values += given["access_code_ids"]
    if given.get("search") is not None:
        texts = "coalesce(name, '') || char(10) || code || char(10) || access_code_id"
        where.append(f"instr(lower({texts}), lower(?)) > 0")
        values.append(given["search"])
    if any(given.get(name) is not None for name in _NOBODYS):
        where.append("0")
    if given.get("page_cursor") is not None:
        where.append("(created_ms, access_code_id) > (?, ?)")
        values += _position(given["page_cursor"])
    return where, values


def _cursor(last: dict[str, Any]) -> str:
    """Where a page ended: the next begins after it, whatever is created or deleted meanwhile."""
    return base64.urlsafe_b64encode(f"{last['created_ms']}/{last['access_code_id']}".encode()).decode()


def _position(cursor: str) -> tuple[int, str]:
    try:
        created_ms, access_code_id = base64.urlsafe_b64decode(cursor.encode()).decode().split("/")
        return int(created_ms), access_code_id
    except (binascii.Error, ValueError):
        message = "Invalid page_cursor: give next_page_cursor of an earlier page as it was"
        raise invalid_input({"page_cursor": message}) from None


def _next_url(call: Call, cursor: str) -> str:
    asked = {name: value for name, value in call.given.items() if value is not None}
    return f"{call.url}?{urlencode({**asked, 'page_cursor': cursor}, doseq=True)}"
