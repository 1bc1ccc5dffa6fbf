"""Topic names and topic filters (section 4.7)."""

SHARED_PREFIX = "$share/"


def is_topic_name(text: str) -> bool:
    """Whether a message can be published to it."""
    return bool(text) and "+" not in text and "#" not in text


def is_topic_filter(text: str) -> bool:
    """Whether it can be subscribed to: wildcards are whole levels, `#` only the last."""
    *parents, last = text.split("/")
    if not text or any("#" in level or _has_partial_plus(level) for level in parents):
        return False
    return last == "#" or ("#" not in last and not _has_partial_plus(last))


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a message on `topic` belongs to `topic_filter`."""
    if topic.startswith("$") and topic_filter[0] in "+#":
        return False
    return covers(topic_filter, topic)


def covers(wide: str, narrow: str) -> bool:
    """Whether every topic of the filter `narrow` is one of the filter `wide`."""
    wide_levels, narrow_levels = wide.split("/"), narrow.split("/")
    for place, level in enumerate(wide_levels):
        if level == "#":
            return True
        if place == len(narrow_levels):
            return False
        there = narrow_levels[place]
        if there == "#" or level not in ("+", there):
            return False
    return _ends_together(wide_levels, narrow_levels)


def _ends_together(wide_levels: list[str], narrow_levels: list[str]) -> bool:
    return len(wide_levels) == len(narrow_levels)


def _has_partial_plus(level: str) -> bool:
    return "+" in level and level != "+"
