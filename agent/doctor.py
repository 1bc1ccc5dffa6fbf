"""What is wrong with this lock, and how to mend it: independent checks over the facts of a running agent.

A check is a function from facts to one finding. It may assume that its facts are there: what it raises
becomes a finding of its own, so one bad check never hides the others. To add one, append it to `CHECKS`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["ok", "warn", "fail"]
Facts = Mapping[str, Any]
"""The result of the verb `facts` (docs/lockctl.md)."""
Check = Callable[[Facts], "Finding"]

END = "End of diagnostics."
"""Last line of every report: one without it was cut short."""

LOW_DISK_BYTES = 200 * 1024 * 1024
NO_DISK_BYTES = 20 * 1024 * 1024
BACKLOG_ROWS = 1000
SCARCE_GUESSES = 1.0
CERTIFICATE_DAYS = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. `mend` says what to do; empty when there is nothing to do."""

    name: str
    level: Level
    text: str
    mend: str = ""


def examine(facts: Facts, checks: Sequence[Check] | None = None) -> list[Finding]:
    """The findings of all checks, in order; it never raises for what a check does."""
    return [_guarded(check, facts) for check in (CHECKS if checks is None else checks)]


def check_name(check: Check) -> str:
    """What a check is called where there are no facts for it."""
    return getattr(check, "__name__", "check").removeprefix("check_").replace("_", " ")


def _guarded(check: Check, facts: Facts) -> Finding:
    try:
        return check(facts)
    except Exception as error:  # noqa: BLE001 - whatever a check does wrong, the others must still report
        text = f"this check itself failed with {type(error).__name__}"
        return Finding(
            check_name(check), "fail", text, "are lockctl and the agent of the same version? if so, report it"
        )


def check_links(facts: Facts) -> Finding:
    """Every unit on the serial lines answers."""
    silent = sorted(unit for unit, is_up in facts["links"].items() if not is_up)
    if not facts["links"]:
        return Finding(
            "links", "warn", "no unit is configured", "add [readers] and [devices] to the configuration"
        )
    if silent:
        mend = "check the cable and power of the unit, its address, its baud rate and its key file"
        return Finding("links", "fail", f"no answer from: {', '.join(silent)}", mend)
    return Finding("links", "ok", f"all units answer: {', '.join(sorted(facts['links']))}")


def check_readers(facts: Facts) -> Finding:
    """Every reader is the one it was, and steady."""
    refused, following = facts["readers"]["key_refused"], facts["readers"]["next_key"]
    if refused:
        text = "; ".join(f"{unit}: {reason}" for unit, reason in sorted(refused.items()))
        mend = "go and look; if it was replaced or reset, `lockctl readers install` gives it its key"
        return Finding("readers", "fail", text, mend)
    unsteady = [alarm.removeprefix("unsteady_") for alarm in facts["alarms"] if alarm.startswith("unsteady_")]
    if unsteady:
        text = f"{', '.join(unsteady)}: the session is lost again and again"
        mend = "look at the cable and its shield, its ends and the power; and whether somebody is at it"
        return Finding("readers", "warn", text, mend)
    if following:
        text = f"{', '.join(following)}: it has the key in KEY_FILE.next, and the configured one is over"
        return Finding("readers", "warn", text, "rename KEY_FILE.next to KEY_FILE, and restart the agent")
    who = "all" if all(facts["links"].values()) else "those that answer"
    return Finding("readers", "ok", f"{who} with the key they should have")


LEGACY_DRIVERS = ("wiegand-keypad", "ascii-keypad")


def check_keypads(facts: Facts) -> Finding:
    """Nobody can read codes off the wires of the keypad."""
    legacy = [driver for driver in facts["drivers"] if driver in LEGACY_DRIVERS]
    if not legacy:
        return Finding("keypads", "ok", "none of a legacy kind")
    text = f"{', '.join(legacy)}: codes travel in clear, and who holds the wires can play them back"
    mend = "use an OSDP keypad; until then keep the cable on the secure side and wire its tamper switch"
    return Finding("keypads", "warn", text, mend)


def check_alarms(facts: Facts) -> Finding:
    """Nothing about the door is alarming now."""
    if facts["alarms"]:
        return Finding("alarms", "fail", f"standing: {', '.join(facts['alarms'])}", "look at the door")
    return Finding("alarms", "ok", "none")


def check_mode(facts: Facts) -> Finding:
    """Codes and commands do what people expect of them."""
    mode = facts["mode"]
    if mode == "normal":
        return Finding("mode", "ok", "normal")
    if facts.get("mode_by") == "schedule":
        return Finding("mode", "ok", f"{mode}, as the mode schedule says")
    mend = "docs/commands.md says who may open in it; `lockctl mode normal` or the cloud ends it"
    return Finding("mode", "warn", f"{mode}: the door does not work as usual", mend)


def check_clock(facts: Facts) -> Finding:
    """Codes with a time rule can be judged."""
    clock = facts["clock"]
    if clock["trust"] == "unknown":
        text = "the time is unknown: codes with a time rule are refused"
        mend = "connect the uplink: the cloud tells the time within a minute; or `lockctl clock set`"
        return Finding("clock", "fail", text, mend)
    text = f"{clock['trust']}, at most {clock['bound_s']:.1f} s off"
    if clock["rtc_fault"]:
        mend = "let no other program set it; see its battery, and `rtc_device` in [clock]"
        return Finding("clock", "warn", f"{text}; the hardware clock: {clock['rtc_fault']}", mend)
    if clock["trust"] == "holdover":
        return Finding("clock", "warn", text, "it stays usable for a while; see the uplink")
    return Finding("clock", "ok", text)


def check_uplink(facts: Facts) -> Finding:
    """The cloud can be reached."""
    uplink = facts["uplink"]
    if uplink["is_stale"]:
        text = f"nothing fresh was heard of the cloud for {uplink['silent_s'] / 3600:.0f} h"
        mend = "mend the way to the cloud; if it says connected, somebody holds its messages back"
        return Finding("uplink", "fail", text, mend)
    if uplink["connected"]:
        return Finding("uplink", "ok", f"connected for {uplink['since_s']:.0f} s")
    text = f"not connected for {uplink['since_s']:.0f} s: {uplink['reason'] or 'not tried yet'}"
    mend = "codes on the lock go on working; check network, name resolution, and the certificates' dates"
    return Finding("uplink", "warn", text, mend)


def check_code_set(facts: Facts) -> Finding:
    """The lock holds the codes the cloud wants it to hold."""
    code_set = facts["code_set"]
    applied, head = code_set["applied_rev"], code_set["head_rev"]
    if code_set["withheld_rev"] is not None:
        text = f"the cloud has revision {code_set['withheld_rev']} and this lock was never given it"
        mend = "look at the broker: its rules must let this lock read, and somebody may hold changes back"
        return Finding("code set", "fail", text, mend)
    if applied < head or code_set["syncing"]:
        text = f"revision {applied} is in force, {head} is on its way"
        return Finding("code set", "warn", text, "it finishes by itself while the uplink is connected")
    return Finding("code set", "ok", f"{code_set['count']} codes at revision {applied}")


def check_keys(facts: Facts) -> Finding:
    """Which keys of the cloud are believed, to be compared with what the cloud shows; and whether the lock's
    own certificate, without which the broker lets it not in, ends before somebody comes by."""
    keys, wall_s = facts["keys"], facts["clock"]["wall_s"]
    ends_s = keys["certificate_ends_s"]
    if ends_s is not None and wall_s is not None and ends_s - wall_s < CERTIFICATE_DAYS * 86400:
        days = math.floor((ends_s - wall_s) / 86400)
        mend = "have the cloud renew the keys of this lock: it gets a new certificate (docs/operate.md)"
        if days < 0:
            mend = "invite this lock again and enrol with --again: it gets new keys and a new certificate"
        return Finding("keys", "warn", f"the certificate of this lock ends in {days} days", mend)
    older = f", and {len(keys['cloud_retiring'])} older for a while" if keys["cloud_retiring"] else ""
    own = ", being renewed" if keys["is_renewing"] else ""
    cloud = f"the cloud's signing key {keys['cloud_signing']}{older}"
    return Finding("keys", "ok", f"{cloud}; the lock's identity {keys['identity']}{own}")


def check_journal(facts: Facts) -> Finding:
    """The cloud holds the journal, or not much of it is waiting."""
    journal = facts["journal"]
    waiting = journal["last_seq"] - journal["acked_seq"]
    if waiting >= BACKLOG_ROWS:
        return Finding("journal", "warn", f"{waiting} rows wait for the cloud", "see the uplink")
    where = f"{waiting} of them not yet at the cloud" if waiting else "all at the cloud"
    return Finding("journal", "ok", f"{journal['last_seq']} rows, {where}")


def check_database(facts: Facts) -> Finding:
    """The database is sound."""
    sqlite = facts["sqlite"]
    if sqlite["quick_check"] != "ok":
        mend = "replace the storage card; keep the database file for whoever analyses it"
        return Finding("database", "fail", f"damaged: {sqlite['quick_check']}", mend)
    if facts["changed_codes"]:
        text = (
            f"another hand or a fault of the storage changed {facts['changed_codes']} codes; they are refused"
        )
        return Finding("database", "fail", text, "`lockctl codes` names them; the cloud sends them again")
    if facts["set_aside"]:
        text = f"a damaged or changed one was set aside: {', '.join(facts['set_aside'])}"
        mend = "give it to whoever looks into it, then delete it; the codes came again from the cloud"
        return Finding("database", "warn", text, mend)
    return Finding("database", "ok", f"sound (SQLite {sqlite['version']})")


def check_disk_space(facts: Facts) -> Finding:
    """There is room to make outcomes durable; without it nobody is let in."""
    free = facts["disk_free_bytes"]
    text = f"{free / 2**20:.0f} MiB free"
    if free < NO_DISK_BYTES:
        return Finding(
            "disk space", "fail", text, "free space now: with a full disk this door opens for nobody"
        )
    if free < LOW_DISK_BYTES:
        return Finding("disk space", "warn", text, "free space before the door stops opening")
    return Finding("disk space", "ok", text)


def check_root_secret(facts: Facts) -> Finding:
    """Where the secret lives that protects the codes at rest, and what a stolen card means."""
    where = str(facts["secrets_source"])
    if facts["root_secret_stage"] == "unused":
        mend = "restart the agent: it moves everything under the next one"
        return Finding("root secret", "warn", f"{where}; a next one lies beside it, unused", mend)
    if facts["root_secret_stage"] == "failed":
        mend = "`journalctl -u lock-agent` says why; mend or remove the next one, and restart the agent"
        return Finding("root secret", "warn", f"{where}; the next one could not be used", mend)
    if facts["root_secret_stage"] == "unfinished":
        text = f"{where}; everything is under it, and the one of before is still there"
        return Finding("root secret", "warn", text, "`lock-agent rotate-root --finish` says what to do")
    if facts["secrets_off_disk"]:
        return Finding("root secret", "ok", where)
    mend = "if it is stolen, delete its codes and revoke it; a credential sealed by a TPM2 avoids that"
    return Finding("root secret", "warn", where, mend)


_EMERGENCY: Mapping[str, tuple[Level, str, str]] = {
    "off": ("ok", "switched off", ""),
    "ready": ("ok", "one is ready, for one opening", ""),
    "none": (
        "warn",
        "switched on, and there is none: not made, or used",
        "make one with `lock-agent emergency-code` while the agent is stopped, or switch it off",
    ),
    "changed": (
        "fail",
        "another hand has changed its file; it opens nothing",
        "find out who; `lock-agent emergency-code --again` makes another one",
    ),
}


def check_emergency_code(facts: Facts) -> Finding:
    """Where an emergency code is wanted, there is one."""
    return Finding("emergency code", *_EMERGENCY[facts["emergency_code"]])


def check_guesses_left(facts: Facts) -> Finding:
    """Honest people have guesses left at the keypad."""
    if facts["is_offline_off"]:
        text = (
            "offline and rolling codes are off: more than a hundred wrong long codes since an acknowledgement"
        )
        mend = "look at the journal for who tries them, then `lockctl acknowledge` or the cloud's acknowledge"
        return Finding("guesses left", "fail", text, mend)
    budgets = {name: facts["throttle"][name] for name in ("short", "long")}
    text = ", ".join(f"{one['tokens']:.1f} for {name} codes" for name, one in budgets.items())
    scarce = any(one["tokens"] < SCARCE_GUESSES for one in budgets.values())
    if scarce:
        failures = sum(one["failures"] for one in budgets.values())
        mend = "it recovers by itself; look at the journal for who tries codes at this door"
        return Finding("guesses left", "warn", f"{text}; {failures} failed entries", mend)
    return Finding("guesses left", "ok", text)


def check_guessing_risk(facts: Facts) -> Finding:
    """The chance that somebody guesses a code within a year stays under the configured bound."""
    risks = facts["throttle_risk"]
    text = ", ".join(_risk(name, risk) for name, risk in risks.items())
    if all(risk["is_bound_met"] for risk in risks.values()):
        return Finding("guessing risk", "ok", text)
    if not risks["long"]["is_bound_met"]:
        # Nobody guesses for a year undisturbed: after a hundred wrong ones a person has to look.
        text += f"; {facts['long_chance_until_off']:.2%} until a hundred wrong ones turn long codes off"
    return Finding("guessing risk", "warn", f"NOT MET: {text}", _lower(facts))


def _risk(name: str, risk: Mapping[str, Any]) -> str:
    return f"{name} codes {risk['yearly_chance']:.2%} a year (bound {risk['allowed_per_year']:.2%})"


def _lower(facts: Facts) -> str:
    """What brings the chance of guessing in under the bound."""
    allow = "allow more by risk_per_year in [throttle]"
    if facts["throttle_risk"]["short"]["is_bound_met"]:
        return f"narrow what the keys for offline codes allow (docs/offline-codes.md), or {allow}"
    if (length := facts["length_that_meets"]) is None:
        return f"have fewer codes: for so many no length of up to 8 digits is enough; or {allow}"
    return f"give every code {length} digits, or have fewer of them, or {allow}"


CHECKS: tuple[Check, ...] = (
    check_links,
    check_readers,
    check_keypads,
    check_alarms,
    check_mode,
    check_clock,
    check_uplink,
    check_code_set,
    check_keys,
    check_journal,
    check_database,
    check_disk_space,
    check_root_secret,
    check_emergency_code,
    check_guesses_left,
    check_guessing_risk,
)
