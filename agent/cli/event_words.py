"""What a journal row says: a line for each kind that the agent writes, and any other as it is."""

from collections.abc import Callable, Mapping
from typing import Any

from agent.cli.words import Line, Style, instant, row_time, spaced, span

Detail = Mapping[str, Any]
Said = tuple[str, Style]


def event_line(event: Mapping[str, Any]) -> Line:
    """One event of `watch`, or one journal row; also one of another version of the agent."""
    detail = event["detail"]
    try:
        words, style = SAYINGS[event["kind"]](detail)
    except (KeyError, TypeError, ValueError):
        words, style = _as_it_is(event["kind"], detail), "plain"
    return Line(f"{row_time(event):<26}{words}", style)


def _as_it_is(kind: str, detail: Detail) -> str:
    pairs = [_pair(key, value) for key, value in detail.items() if value not in (None, [])]
    return spaced(kind) + (f": {', '.join(pairs)}" if pairs else "")


def _pair(key: str, value: object) -> str:
    if key == "access_code_id":
        return _code(value)
    if isinstance(value, bool):
        value = "yes" if value else "no"
    return f"{spaced(key)} {', '.join(map(str, value)) if isinstance(value, list) else value}"


def _always(template: str, style: Style = "plain") -> Callable[[Detail], Said]:
    """The same sentence for every row of a kind, with values of the row in it."""
    return lambda detail: (template.format_map(detail), style)


# --- entries ---------------------------------------------------------------------------------------


def _granted(detail: Detail) -> Said:
    if "technician" in detail:
        return f"access granted, technician {detail['technician']:03d}{_way(detail)}", "good"
    if detail.get("method") == "emergency_code":
        return f"access granted by the emergency code, which is used up{_way(detail)}", "bad"
    offline = "offline " if detail.get("method") == "offline_code" else ""
    return f"access granted, {offline}{_code(detail['access_code_id'])}{_way(detail)}", "good"


def _denied(detail: Detail) -> Said:
    named = f", {_code(detail['access_code_id'])}" if "access_code_id" in detail else ""
    return f"access denied: {spaced(detail['reason'])}{named}{_way(detail)}{_times(detail)}", "bad"


def _way(detail: Detail) -> str:
    """Which way somebody went, where the keypad says."""
    return f", going {detail['direction']}" if "direction" in detail else ""


def _code(access_code_id: object) -> str:
    """The first part of an id is enough for people: `lockctl codes` shows it whole."""
    return f"code {str(access_code_id)[:8]}"


def _times(detail: Detail) -> str:
    """Of what is counted: what a stranger can cause as often as he likes."""
    return f", {detail['count']} times" if detail.get("count", 1) > 1 else ""


# --- codes -----------------------------------------------------------------------------------------


def _added(detail: Detail) -> Said:
    times = [f"{word} {instant(detail[key])}" for key, word in _BOUNDS if key in detail]
    uses = [f"for {detail['max_uses']} uses"] if "max_uses" in detail else []
    rules = "".join(f", {part}" for part in (*times, *uses))
    return f"{_code(detail['access_code_id'])} added at the door, {_by(detail)}{rules}", "plain"


_BOUNDS = (("starts_at", "from"), ("ends_at", "until"))


def _removed(detail: Detail) -> Said:
    until = "" if detail["stays"] else ", until it is compared with the cloud"
    return f"{_code(detail['access_code_id'])} removed at the door, {_by(detail)}{until}", "plain"


def _restored(detail: Detail) -> Said:
    code = _code(detail["access_code_id"])
    return f"{code} restored: it was removed at the door, and the cloud keeps it", "plain"


def _programming_started(detail: Detail) -> Said:
    return f"programming started, {_code(detail['access_code_id'])}", "plain"


def _programming_refused(detail: Detail) -> Said:
    reason = spaced(detail["reason"])
    if "source" in detail:
        return f"programming refused: {detail['action']}, {reason}, {_by(detail)}", "bad"
    return f"programming refused: {reason}, {detail['stream']}{_times(detail)}", "bad"


def _by(detail: Detail) -> str:
    return "by lockctl" if detail["by"] is None else f"with {_code(detail['by'])}"


def _code_set(detail: Detail) -> Said:
    text = f"code set applied: revision {detail['rev']} of set {detail['set_epoch']}, root"
    return f"{text} {detail['root'][:8]}", "plain"  # of 64 digits, of which people compare the first


def _code_state(detail: Detail) -> Said:
    errors = ", ".join(map(spaced, detail["errors"]))
    text = f"{_code(detail['access_code_id'])} {spaced(detail['state'])}"
    return (f"{text}: {errors}", "bad") if errors else (text, "plain")


# --- what somebody wanted ---------------------------------------------------------------------------


def _mode(detail: Detail) -> Said:
    why = _WHY_MODE.get(detail["why"], f"by {detail['why']}")
    return f"mode {spaced(detail['mode'])}, {why}", "plain"


_WHY_MODE = {
    "start": "as before the start",
    "kept": "kept over a boundary of the schedule",
    "clock_unknown": "as nobody knows the time",
    "too_late": "as before: a change became durable too late",
}
"""Where nobody chose the mode; otherwise `by` somebody or something."""


def _command(detail: Detail) -> Said:
    why = f": {spaced(detail['reason'])}" if "reason" in detail else ""
    source = "lockctl" if detail.get("source") == "local" else "the cloud"
    again = ", asked again" if detail.get("duplicate") else ""
    style: Style = "good" if detail["result"] == "done" else "bad"
    return f"command {detail['type']} of {source} {detail['result']}{why}{again}", style


def _settings(detail: Detail) -> Said:
    changed = ", ".join(map(spaced, detail["changed"])) or "none"
    return f"settings of the cloud: {changed}; digest {detail['digest'][:8] or 'none'}", "plain"


def _message_refused(detail: Detail) -> Said:
    return f"message refused: {detail['stream']}, {spaced(detail['reason'])}{_times(detail)}", "bad"


def _reader_setup(detail: Detail) -> Said:
    why = f": {detail['reason']}" if "reason" in detail else ""
    style: Style = "bad" if detail["result"] == "failed" else "plain"
    return f"reader {detail['unit']}: {spaced(detail['action'])} {detail['result']}{why}", style


# --- the door and its units -------------------------------------------------------------------------


def _relocked(detail: Detail) -> Said:
    return f"relocked, {_WHY_RELOCKED.get(detail['why'], spaced(detail['why']))}", "plain"


_WHY_RELOCKED = {
    "closed": "the door closed",
    "opened": "the door opened",
    "time": "the release was over",
    "mode": "passage ended",
    "fire": "the fire alarm is over",
    "battery_low": "the battery is low",
    "command": "by command",
}


def _tamper(detail: Detail) -> Said:
    if detail["is_tampered"]:
        return f"tamper: the case of {detail['unit']} is open", "bad"
    return f"tamper over: the case of {detail['unit']} is closed", "plain"


def _fire_alarm(detail: Detail) -> Said:
    if not detail["is_on"]:
        return "fire alarm over", "plain"
    return "fire alarm, " + ("the door is free" if detail["releases"] else "the door stays as it is"), "bad"


def _unit_fault(detail: Detail) -> Said:
    if detail["is_faulty"]:
        return f"unit fault: {detail['unit']}, {detail['what']}", "bad"
    return f"unit fault over: {detail['unit']}, {detail['what']}", "plain"


# --- how the lock is --------------------------------------------------------------------------------


def _fault(detail: Detail) -> Said:
    besides = [_pair(key, value) for key, value in detail.items() if key != "what" and value]
    return f"fault: {spaced(detail['what'])}" + "".join(f", {each}" for each in besides), "bad"


def _clock_set(detail: Detail) -> Said:
    return f"clock set to {instant(detail['wall_s'])} by {detail['source']}", "plain"


def _stale(detail: Detail) -> Said:
    text = f"stale: nothing fresh was heard of the cloud for {span(detail['silent_s'])}"
    return text + ("; no code opens" if detail["refuses_codes"] else ""), "bad"


def _fresh(detail: Detail) -> Said:
    return f"fresh: the cloud is heard again, after {span(detail['silent_s'])}", "plain"


def _gap(detail: Detail) -> Said:
    counts = ", ".join(f"{count} {spaced(kind)}" for kind, count in detail["counts"].items())
    return f"gap: rows {detail['from']} to {detail['to']} are gone: {counts}", "bad"


SAYINGS: Mapping[str, Callable[[Detail], Said]] = {
    "access_denied": _denied,
    "access_granted": _granted,
    "access_not_taken": _always("access not taken: nobody opened the door"),
    "battery_low": _always("battery low", "bad"),
    "battery_restored": _always("battery restored"),
    "bolt_free": _always("bolt free again"),
    "bolt_jammed": _always("bolt jammed while {why}", "bad"),
    "bolt_withdrawn": _always("bolt withdrawn, {why}", "bad"),
    "boot": _always("boot: agent {version} started"),
    "changes_withheld": _always(
        "changes withheld: the cloud has revision {head_rev}, this lock was given {rev}", "bad"
    ),
    "clock_set": _clock_set,
    "code_added_at_door": _added,
    "code_removed_at_door": _removed,
    "code_restored": _restored,
    "code_set_applied": _code_set,
    "code_state": _code_state,
    "command_result": _command,
    "door_closed": _always("door closed"),
    "door_forced": _always("door forced", "bad"),
    "door_held": _always("door held open", "bad"),
    "door_held_over": _always("door no longer held open"),
    "door_forced_over": _always("forced door acknowledged"),
    "door_opened": _always("door opened"),
    "fault": _fault,
    "fire_alarm": _fire_alarm,
    "fresh": _fresh,
    "gap": _gap,
    "keys_changed": _always("keys of the cloud changed: revision {rev}, it signs with {cloud_signing}"),
    "link_lost": _always("link lost: {unit}, {reason}", "bad"),
    "link_restored": _always("link restored: {unit}"),
    "link_steady": _always("link steady again: {unit}"),
    "link_unsteady": _always("link unsteady: {unit} was lost {losses} times", "bad"),
    "mains_failed": _always("mains failed", "bad"),
    "mains_restored": _always("mains restored"),
    "message_refused": _message_refused,
    "mode": _mode,
    "offline_codes_cancelled": _always(
        "offline codes cancelled at the keypad: key {kid}, issuer {issuer}, those before slot {slot}"
    ),
    "offline_setup": _always("offline keys: revision {rev}, {keys} keys, {technicians} technicians"),
    "own_keys_changed": _always("keys of this lock changed: it signs with {identity}"),
    "programming_refused": _programming_refused,
    "programming_started": _programming_started,
    "reader_key_changed": _always("reader {unit} has the key in its KEY_FILE.next"),
    "reader_key_refused": _always("reader key refused: {unit}, {reason}", "bad"),
    "reader_setup": _reader_setup,
    "relocked": _relocked,
    "rex": _always("exit by REX"),
    "root_secret_changed": _always("root secret changed: {rows} rows are under another one"),
    "set_epoch_raised": _always("set epoch raised from {from} to {to}: every older code set is void"),
    "settings": _settings,
    "stale": _stale,
    "strike_failed": _always("strike failed: {reason}", "bad"),
    "tamper": _tamper,
    "throttle_alarm": _always("throttle alarm: {failures} wrong {length_class} codes", "bad"),
    "unit_fault": _unit_fault,
}
"""A row of a kind that is not here is told as it is."""
