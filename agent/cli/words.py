"""What the agent reports, in lines a technician reads: one event or one fact a line, 80 columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from agent.cli.rule_words import rule_texts

Style = Literal["plain", "good", "bad", "dim"]
LABEL_WIDTH = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One line for people; `style` is what a terminal may show besides."""

    text: str
    style: Style = "plain"


def span(seconds: float) -> str:
    """A duration in its two largest useful units: `3 d 4 h`, `12 min 3 s`, `0.4 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    rest, parts = int(seconds), []
    for name, size in units:
        if rest >= size:
            parts.append(f"{rest // size} {name}")
            rest %= size
        elif parts:
            break
    return " ".join(parts[:2])


def instant(unix_s: float | None) -> str:
    """A moment in UTC to the second, or `-`."""
    return "-" if unix_s is None else datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def row_time(row: Mapping[str, Any]) -> str:
    """When a journal row was written, to the millisecond; since boot when the clock was unknown."""
    if row.get("clock") == "unknown" or not row.get("wall_ms"):
        return f"boot+{row['boottime_ms'] / 1000:.3f} s"
    moment = datetime.fromtimestamp(row["wall_ms"] / 1000, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def status_lines(status: Mapping[str, Any]) -> list[Line]:
    """The verb `status`."""
    up = span(status["uptime_s"])
    return [
        _fact("lock", f"{status['device_id']} (agent {status['agent_version']}, up {up})"),
        _fact("door", f"{status['door']}, strike {status['strike']}"),
        _mode(status),
        _fact("alarms", ", ".join(status["alarms"]) or "none", "bad" if status["alarms"] else "plain"),
        _links(status["links"]),
        _uplink(status["uplink"]),
        _clock(status["clock"]),
        _code_set(status["code_set"]),
        _fact("guesses", ", ".join(_budget(name, status["throttle"][name]) for name in ("short", "long"))),
        _journal(status["journal"]),
    ]


def _fact(label: str, text: str, style: Style = "plain") -> Line:
    return Line(f"{label:<{LABEL_WIDTH}}{text}", style)


def _mode(status: Mapping[str, Any]) -> Line:
    text, by, until_s = (status.get(key) for key in ("mode", "mode_by", "mode_until_s"))
    why = f", by {by}" if by else ""
    until = f" until {instant(until_s)}" if until_s else ""
    return _fact("mode", f"{spaced(str(text or 'normal'))}{why}{until}")


def _links(links: Mapping[str, bool]) -> Line:
    text = ", ".join(f"{unit} {'up' if is_up else 'DOWN'}" for unit, is_up in sorted(links.items()))
    return _fact("links", text or "none", "plain" if all(links.values()) else "bad")


def _uplink(uplink: Mapping[str, Any]) -> Line:
    for_s = span(uplink["since_s"])
    if uplink["connected"]:
        return _fact("uplink", f"connected for {for_s}", "good")
    return _fact("uplink", f"not connected for {for_s}: {uplink['reason'] or 'not tried yet'}", "bad")


def _clock(clock: Mapping[str, Any]) -> Line:
    if clock["trust"] == "unknown":
        return _fact("clock", f"unknown; later than {instant(clock['floor_s'])}", "bad")
    return _fact(
        "clock", f"{clock['trust']}: {instant(clock['wall_s'])}, give or take {span(clock['bound_s'])}"
    )


def _code_set(code_set: Mapping[str, Any]) -> Line:
    applied, head = code_set["applied_rev"], code_set["head_rev"]
    local = f", and {code_set['local']} made at the door" if code_set.get("local") else ""
    withheld = code_set.get("withheld_rev")
    text = f"{code_set['count']} at revision {applied} of set {code_set['set_epoch']}{local}"
    if withheld is not None:
        return _fact("codes", f"{text}; revision {withheld} is held back on its way", "bad")
    if code_set["syncing"] or applied < head:
        return _fact("codes", f"{text}; revision {head} is on its way")
    return _fact("codes", f"{text}, in sync")


def _budget(name: str, budget: Mapping[str, Any]) -> str:
    return f"{budget['tokens']:.1f} for {name} codes ({budget['failures']} failed)"


def _journal(journal: Mapping[str, Any]) -> Line:
    waiting = journal["last_seq"] - journal["acked_seq"]
    text = f"{journal['last_seq']} rows, " + (
        f"{waiting} not yet at the cloud" if waiting else "all at the cloud"
    )
    return _fact("journal", text)


def code_lines(codes: Sequence[Mapping[str, Any]]) -> list[Line]:
    """The verb `codes`: two lines a code and one for each further rule, never its digits."""
    if not codes:
        return [Line("This lock holds no access codes.")]
    return [line for code in codes for line in _code(code)]


def _code(code: Mapping[str, Any]) -> list[Line]:
    reason = code["reason_now"]
    now = "opens now" if reason is None else f"refused now: {spaced(reason)}"
    origin = None if code.get("is_managed", True) else "unmanaged"
    parts = (code.get("kind"), origin, code["state"], *code.get("errors", ()))
    head = ", ".join(part for part in parts if part)
    rules = f"; {_window(code)}; {_uses(code)}" if "uses" in code else ""
    return [
        Line(f"{code['access_code_id']}  {spaced(head)}"),
        Line(f"    {now}{rules}", "good" if reason is None else "plain"),
        *(Line(f"    {rule}") for rule in rule_texts(code)),
    ]


def _window(code: Mapping[str, Any]) -> str:
    starts_at, ends_at = code["starts_at"], code["ends_at"]
    if starts_at is None and ends_at is None:
        return "always"
    return f"{instant(starts_at)} to {instant(ends_at)}"


def _uses(code: Mapping[str, Any]) -> str:
    return f"{code['uses']} of {code['max_uses']} uses" if code["max_uses"] else f"{code['uses']} uses"


def spaced(word: str) -> str:
    """`door_forced` -> `door forced`."""
    return word.replace("_", " ")
