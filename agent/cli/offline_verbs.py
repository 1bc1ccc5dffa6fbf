"""`lockctl offline` and `lockctl totp`: keys, offline codes and technicians on a bench, without an agent.

Codes are typed at a prompt or come from standard input; keys and secrets come from a file that only its owner
can read. Neither is ever an argument, which others see in the list of processes.
"""

import secrets
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.bench import PROBLEM, bench_verb, moment_option, show
from agent.cli.terminal import Terminal
from agent.cli.words import Line, Style, instant

if TYPE_CHECKING:
    from agent.core.offline_code import Meaning
    from agent.offline_bench import Explanation
    from agent.offline_setup import KeyPart, OfflineSetup

"""The chance of one guess that the specification asks to stay under."""

_PHASES = ("0", "900", "1800", "2700")
_file = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def offline() -> None:
    """Offline codes on a bench, from a file of keys. Needs no agent."""


@offline.command()
@_file
@click.option("--device-id", required=True, help="The lock's, as `lockctl status` shows it.")
@click.option("--digits", type=click.IntRange(8, 10), default=10, show_default=True, help="Of every code.")
@click.option("--phase-s", type=click.Choice(_PHASES), default="0", help="Shift of its hours.")
@click.option("--kid", type=click.IntRange(0, 255), default=1, show_default=True, help="Number of the root.")
@bench_verb
def new(terminal: Terminal, *, file: Path, device_id: str, digits: int, phase_s: str, kid: int) -> None:
    """Make FILE with a new root key for one lock. Never replaces one."""
    from agent.core.offline_code import ROOT_BYTES
    from agent.offline_setup import KeyPart, OfflineSetup, PolicyPart, save_setup

    policy = PolicyPart(serials=3)  # with all four, a guess would open a little more often than 1e-5
    key = KeyPart(kid=kid, root=secrets.token_hex(ROOT_BYTES), policy=policy)
    setup = OfflineSetup(device_id=device_id, digits=digits, phase_s=int(phase_s), keys=(key,))
    save_setup(file, setup, replace=False)
    show(terminal, {"file": str(file)}, [Line(f"made {file}, readable by its owner only")])


@offline.command()
@_file
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--kid", type=click.IntRange(0, 255), required=True, help="Of a root in FILE.")
@click.option("--issuer", type=click.IntRange(0, 255), required=True, help="Whose key to write.")
@bench_verb
def export(terminal: Terminal, *, file: Path, out: Path, kid: int, issuer: int) -> None:
    """Write the key of one issuer of FILE to a new file OUT. It is for a phone, without the root."""
    from agent.offline_setup import KeyPart, OfflineSetup, SetupFault, load_setup, save_setup

    setup = load_setup(file)
    roots = [key for key in setup.keys if key.kid == kid and key.root is not None]
    if not roots:
        raise SetupFault(f"{file} has no root of kid {kid}; it has {_names(setup)}")
    listed = next((key for key in setup.keys if (key.kid, key.issuer) == (kid, issuer)), roots[0])
    key = KeyPart(
        kid=kid,
        issuer=issuer,
        key=roots[0].issuer_key(issuer).key.hex(),
        first_slot=listed.first_slot,
        last_slot=listed.last_slot,
        policy=listed.policy,
    )
    handed = OfflineSetup(
        device_id=setup.device_id,
        digits=setup.digits,
        phase_s=setup.phase_s,
        first_use_within_h=setup.first_use_within_h,
        tolerance_s=setup.tolerance_s,
        keys=(key,),
    )
    save_setup(out, handed, replace=False)
    words = f"made {out} with the key of issuer {issuer} alone, readable by its owner only"
    show(terminal, {"file": str(out), "kid": kid, "issuer": issuer}, [Line(words)])


@offline.command()
@_file
@moment_option("--start", "When it begins, like 2026-06-01T15:00Z; otherwise now.")
@click.option("--hours", type=click.IntRange(1, 8808), help="How long a code for several openings lasts.")
@click.option("--once", is_flag=True, help="A code for one opening within 24 hours.")
@click.option("--cancel", is_flag=True, help="A code that ends all codes which start before it.")
@click.option(
    "--serial",
    type=click.IntRange(0, 47),
    default=0,
    show_default=True,
    help="Another one of the same start.",
)
@click.option("--issuer", type=click.IntRange(0, 255), help="Whose key to use, if FILE has several.")
@bench_verb
def issue(
    terminal: Terminal,
    *,
    file: Path,
    start: float | None,
    hours: int | None,
    once: bool,
    cancel: bool,
    serial: int,
    issuer: int | None,
) -> None:
    """Issue a code with a key of FILE. Give one of --hours, --once and --cancel."""
    from agent.core.offline_code import issue as issued
    from agent.offline_bench import allows
    from agent.offline_setup import SetupFault, load_setup

    if [hours is not None, once, cancel].count(True) != 1:
        raise click.UsageError("give one of --hours N, --once and --cancel")
    setup = load_setup(file)
    start_s = time.time() if start is None else start
    slot = setup.format().slot_at(start_s)
    meaning = _meaning(hours, serial, is_once=once)
    key = _key_for(setup, slot, issuer)
    if not allows(key.accepted(), slot, meaning):
        raise SetupFault(
            f"the policy or the slots of kid {key.kid}, issuer {key.issuer} in {file} do not allow that code"
        )
    code = issued(setup.format(), key.issuer_key(), start_s, meaning)
    starts_s = setup.format().start_of(slot)
    document = {
        "code": code,
        "kind": meaning.kind.value,
        "starts_at": starts_s,
        "ends_at": starts_s + meaning.hours * 3600,
        "serial": meaning.serial,
        "kid": key.kid,
        "issuer": key.issuer,
    }
    show(terminal, document, [Line(code)])


def _meaning(hours: int | None, serial: int, *, is_once: bool) -> "Meaning":
    from agent.core.offline_code import DAY_H, Meaning, OfflineKind, rounded_up

    if hours is not None:
        return Meaning(OfflineKind.TIMED, rounded_up(hours), serial)
    return Meaning(OfflineKind.ONCE, DAY_H, serial) if is_once else Meaning(OfflineKind.CANCEL, DAY_H, 0)


def _key_for(setup: "OfflineSetup", slot: int, issuer: int | None) -> "KeyPart":
    """The key of the slot: there is one for each issuer at any time, or during a rotation the older."""
    from agent.offline_setup import SetupFault

    for key in setup.keys:
        if (issuer is None or key.issuer == issuer) and key.first_slot <= slot <= key.last_slot:
            return key
    raise SetupFault(f"no key of the file is for that start and issuer; it has {_names(setup)}")


def _names(setup: "OfflineSetup") -> str:
    return ", ".join(f"kid {key.kid} issuer {key.issuer}" for key in setup.keys) or "no keys"


@offline.command()
@_file
@moment_option("--at", "As if it were this time, like 2026-06-01T15:00Z.")
@bench_verb
def explain(terminal: Terminal, *, file: Path, at: float | None) -> None:
    """Say what a code is, with the keys of FILE. It is typed at a prompt, or read from standard input."""
    from agent.offline_bench import explain as explained
    from agent.offline_setup import load_setup

    setup = load_setup(file)
    is_typed = sys.stdin.isatty()
    digits = click.prompt("Code", hide_input=True, err=True) if is_typed else sys.stdin.readline()
    found = explained(setup, digits.strip(), time.time() if at is None else at)
    lines = [Line(_words(one), "good" if one.state == "live" else "plain") for one in found]
    nothing = Line("no code of these keys that starts within two years: mistyped, or of another lock", "bad")
    show(terminal, {"readings": [asdict(one) for one in found]}, lines or [nothing])
    if not found:
        sys.exit(PROBLEM)


STATES = {
    "live": "may be used first now",
    "future": "not yet",
    "running": "too late for a first use; opens if it was used in time",
    "expired": "over",
    "cancelled": "cancelled",
    "denied": "revoked before its first use",
    "not_allowed": "not allowed by the policy or the slots of its key",
    "other_issuer": "of another issuer, who is not in this file (or by chance)",
}


def _words(one: "Explanation") -> str:
    times = f"from {instant(one.starts_s)}"
    if one.kind == "timed":
        times += f" for {one.hours} h, first use before {instant(one.first_use_by_s)}"
    else:
        times += f", to be used before {instant(one.first_use_by_s)}"
    who = f"serial {one.serial}, kid {one.kid}, issuer {one.issuer}"
    return f"{one.kind}: {STATES[one.state]}; {times}; {who}"


@offline.command()
@_file
@bench_verb
def keys(terminal: Terminal, *, file: Path) -> None:
    """What keys FILE has, and how likely a guess opens. Also whom they are for; shows no key."""
    from agent.core.offline_chance import GUESS_BOUND, guess_chance, most_live
    from agent.core.offline_policy import LATEST_SLOT
    from agent.offline_setup import load_setup

    setup = load_setup(file)
    form, first_use = setup.format(), setup.first_use()
    rows: list[dict[str, Any]] = [
        {
            "kid": key.kid,
            "issuer": key.issuer,
            "holds": "root" if key.root is not None else "key",
            "from_s": form.start_of(key.first_slot),
            "until_s": None if key.last_slot == LATEST_SLOT else form.start_of(key.last_slot + 1),
            "live_codes": most_live(key.policy.policy(), first_use),
        }
        for key in setup.keys
    ]
    chance = guess_chance(form, first_use, [key.accepted() for key in setup.keys])
    is_met = chance <= GUESS_BOUND
    lines = [Line(f"lock      {setup.device_id}, {setup.digits} digits, phase {setup.phase_s} s")]
    lines += [
        Line(
            f"kid {row['kid']}, issuer {row['issuer']}: {row['holds']}, starts from {instant(row['from_s'])} "
            f"until {instant(row['until_s'])}, at most {row['live_codes']} codes to be used first at a time"
        )
        for row in rows
    ]
    style: Style = "plain" if is_met else "bad"
    lines.append(
        Line(
            f"a guess opens with a chance of {chance:.2e}, at the worst moment",
            style,
        )
    )
    if not is_met:
        lines.append(Line("that is more than 1e-5: allow less in the policies, or use more digits", "bad"))
    show(terminal, {"keys": rows, "chance_per_guess": chance, "is_bound_met": is_met}, lines)


@offline.command()
@_file
@bench_verb
def vectors(terminal: Terminal, *, file: Path) -> None:
    """Issue and read every vector of FILE, say how many agree. Its form is that of issuer/vectors.json."""
    from agent.offline_bench import check_vectors
    from agent.offline_setup import SetupFault

    try:
        document = file.read_bytes()
    except OSError as error:
        raise SetupFault(f"cannot read {file}: {error.strerror}") from None
    report = check_vectors(document)
    agree = report.total - len(report.wrong)
    lines = [Line(text, "bad") for text in report.wrong]
    lines.append(Line(f"{agree} of {report.total} vectors agree", "bad" if report.wrong else "good"))
    show(terminal, {"total": report.total, "agree": agree, "wrong": report.wrong}, lines)
    if report.wrong or not report.total:
        sys.exit(PROBLEM)
