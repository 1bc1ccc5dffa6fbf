"""Cuts long lists into pages that follow each other."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from cloud_sim.seam.dispatch import Call
from cloud_sim.seam.errors import invalid_input


def page(
    call: Call, items: Sequence[dict[str, Any]], key: str, default_limit: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(the page that `limit` and `page_cursor` ask for, the `pagination` object). `key` names the items' ids.

    A cursor is the id of the last item seen: what is added or deleted meanwhile moves nothing."""
    first = _after(items, key, call.given.get("page_cursor"))
    limit = call.given.get("limit") or default_limit
    shown = list(items[first : first + limit])
    is_last = first + limit >= len(items)
    cursor = None if is_last else base64.urlsafe_b64encode(str(shown[-1][key]).encode()).decode()
    return shown, {
        "next_page_cursor": cursor,
        "has_next_page": not is_last,
        "next_page_url": None if cursor is None else _url(call, cursor),
    }


def _after(items: Sequence[dict[str, Any]], key: str, cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        last = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, ValueError):
        last = ""
    for index, item in enumerate(items):
        if item[key] == last:
            return index + 1
    message = "Invalid page_cursor: its item is gone or it was not made here; begin without one"
    raise invalid_input({"page_cursor": message})


def _url(call: Call, cursor: str) -> str:
    plain = {name: value for name, value in call.given.items() if isinstance(value, str | int | list)}
    return f"{call.url}?{urlencode({**plain, 'page_cursor': cursor}, doseq=True)}"
