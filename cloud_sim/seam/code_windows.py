"""The time frames that requests ask for, as the whole seconds that a lock counts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cloud_sim.seam.errors import invalid_input
from cloud_sim.seam.parameters import EPOCH

Window = tuple[int | None, int | None]
"""(starts_at, ends_at), half-open, Unix seconds."""

_SECOND = timedelta(seconds=1)


def new_window(given: Mapping[str, Any], wall: float) -> Window:
    """The window of a new code: both ends or neither. It is widened to whole seconds."""
    window = _start(given.get("starts_at")), _end(given.get("ends_at"))
    _check(window, wall)
    return window


def changed_window(row: Mapping[str, Any], given: Mapping[str, Any], wall: float) -> Window:
    """The window of a code (its row) after an update: what is left out stays, null is none, and
    `type: ongoing` drops both ends."""
    old = row["starts_at"], row["ends_at"]
    if given.get("type") == "ongoing":
        if given.get("starts_at") is not None or given.get("ends_at") is not None:
            raise invalid_input({"type": "An ongoing code has no starts_at and no ends_at"})
        return None, None
    window = (
        _start(given["starts_at"]) if "starts_at" in given else old[0],
        _end(given["ends_at"]) if "ends_at" in given else old[1],
    )
    if given.get("type") == "time_bound" and window == (None, None):
        raise invalid_input({"type": "A time_bound code needs starts_at and ends_at"})
    if window != old:
        _check(window, wall)
    return window


def _check(window: Window, wall: float) -> None:
    starts_at, ends_at = window
    if (starts_at is None) != (ends_at is None):
        missing = "starts_at" if starts_at is None else "ends_at"
        raise invalid_input({missing: "Give both starts_at and ends_at, or neither for an ongoing code"})
    if starts_at is None or ends_at is None:
        return
    if ends_at <= starts_at:
        raise invalid_input({"ends_at": "ends_at must be after starts_at"})
    if ends_at <= wall:
        raise invalid_input({"ends_at": "ends_at must be a time in the future"})


def _start(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // _SECOND


def _end(moment: datetime | None) -> int | None:
    return None if moment is None else -((EPOCH - moment) // _SECOND)
