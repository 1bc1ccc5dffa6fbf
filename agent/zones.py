"""Time zones by their IANA names, from the host's data or, where it has none, from the package tzdata."""

import re
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Not `right/...` and `posix/...`, which count leap seconds or repeat others, nor files that are no zones.
_NAME = re.compile(r"[A-Z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,31}){0,2}")


def zone_named(name: str) -> tzinfo | None:
    """The rules of a zone, or None if there is none of that name. Reads a file at the first asking."""
    if _NAME.fullmatch(name) is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last: a directory, like "Europe"
        return None
