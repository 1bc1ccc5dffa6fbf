"""lockctl: what a technician asks the agent of a door, over its control socket.

Exit status: 0 fine, 1 a problem was found or the agent said no, 2 wrong usage, 3 no agent to be reached.
"""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from agent.cli.client import DEFAULT_SOCKET, TIMEOUT_S, AgentRefused, AgentUnreachable, Client
from agent.cli.event_words import event_line
from agent.cli.new_code import moment, new_digits
from agent.cli.offline_verbs import offline
from agent.cli.program import Program
from agent.cli.terminal import Terminal
from agent.cli.totp_verbs import totp
from agent.cli.words import Line, code_lines, instant, status_lines
from agent.core.modes import Mode

BAUDS = ("9600", "19200", "38400", "57600", "115200", "230400")
PROBLEM = 1
UNREACHABLE = 3


@dataclass(frozen=True, slots=True)
class Session:
    """Where to ask and how to answer, from the options of lockctl and of its verb."""

    path: Path
    terminal: Terminal


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    path = click.Path(path_type=Path)
    where = f"Socket of the agent [$LOCKCTL_SOCKET or {DEFAULT_SOCKET}]."
    at = click.option("--socket", "path", type=path, help=where)
    form = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")
    return at(form(command))


def _verb(command: Callable[..., None]) -> Callable[..., None]:
    """Takes the common options before or after the name of the verb, and turns faults into exit codes."""

    @functools.wraps(command)
    def run(*, path: Path | None, as_json: bool, **options: Any) -> None:
        before: dict[str, Any] = click.get_current_context().obj or {}
        terminal = Terminal(as_json=as_json or before.get("as_json", False))
        named = path or before.get("path") or os.environ.get("LOCKCTL_SOCKET")
        session = Session(Path(named or DEFAULT_SOCKET), terminal)
        try:
            command(session, **options)
        except AgentUnreachable as error:
            _fail(session, "unreachable", str(error), UNREACHABLE)
        except AgentRefused as error:
            _fail(session, error.code, str(error), PROBLEM)
        except KeyboardInterrupt:
            pass  # the way to end `watch`

    return _options(run)


def _fail(session: Session, code: str, message: str, status: int) -> None:
    if session.terminal.as_json:
        session.terminal.json_line({"error": {"code": code, "message": message}})
    click.echo(f"lockctl: {message}", err=True)
    sys.exit(status)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@_options
@click.version_option(package_name="lock-agent")
@click.pass_context
def main(context: click.Context, path: Path | None, *, as_json: bool) -> None:
    """Ask the agent of a door how it is, what it holds and what happened.

    Exit status: 0 fine, 1 a problem was found or the agent said no, 2 wrong usage, 3 no agent to be reached.
    """
    context.obj = {"path": path, "as_json": as_json}


@main.command()
@_verb
def status(session: Session) -> None:
    """Door, strike, links, uplink, clock, codes and journal, now."""
    with Client(session.path) as client:
        answer = client.ask("status")
    if session.terminal.as_json:
        session.terminal.document(answer)
    else:
        session.terminal.lines(status_lines(answer))


@main.command()
@_verb
def watch(session: Session) -> None:
    """Show what happens at the door as it happens, until Ctrl-C."""
    with Client(session.path) as client:
        events = client.stream("watch")
        next(events)
        session.terminal.hint("Watching the door; Ctrl-C ends it.")
        for event in events:
            _show_event(session.terminal, event)


@main.group(invoke_without_command=True)
@_verb
def codes(session: Session) -> None:
    """The access codes on this lock, never their digits."""
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        context.obj = {"path": session.path, "as_json": session.terminal.as_json}
        return
    with Client(session.path) as client:
        answer = client.ask("codes")
    if session.terminal.as_json:
        session.terminal.document(answer)
    else:
        session.terminal.lines(code_lines(answer["codes"]))


_TIME = "As 2026-12-24T18:00:00Z, or with another offset from UTC."


@codes.command()
@click.option("--starts-at", type=moment, metavar="TIME", help=f"Not before then. {_TIME}")
@click.option("--ends-at", type=moment, metavar="TIME", help=f"Before then. {_TIME}")
@click.option("--one-time", is_flag=True, help="For one opening.")
@_verb
def add(session: Session, *, starts_at: int | None, ends_at: int | None, one_time: bool) -> None:
    """Make a code, where the lock allows that. Its digits are asked for, or are a line of stdin."""
    rules = {"starts_at": starts_at, "ends_at": ends_at, "max_uses": 1 if one_time else None}
    given = {name: value for name, value in rules.items() if value is not None}
    with Client(session.path) as client:
        answer = client.ask("code_add", {"code": new_digits(), **given})
    _tell(session, answer, f"added {answer['access_code_id']}")


@codes.command()
@click.argument("access_code_id", metavar="ID")
@_verb
def remove(session: Session, *, access_code_id: str) -> None:
    """Remove the code of that ID. Only where the lock allows that; one of the cloud may come back."""
    with Client(session.path) as client:
        answer = client.ask("code_remove", {"access_code_id": access_code_id})
    _tell(session, answer, f"removed {answer['access_code_id']}")


@main.group()
@_options
@click.pass_context
def readers(context: click.Context, path: Path | None, *, as_json: bool) -> None:
    """Give OSDP readers their keys. Change keys and addresses; all of it where the lock allows that."""
    before: dict[str, Any] = context.obj or {}
    context.obj = {"path": path or before.get("path"), "as_json": as_json or before.get("as_json", False)}


@readers.command()
@click.argument("name")
@click.option("--for-s", type=click.IntRange(1, 60), default=60, show_default=True, help="Seconds.")
@_verb
def install(session: Session, *, name: str, for_s: int) -> None:
    """Give the reader NAME its key. It has none yet, is waited for, and gets that of its key file."""
    _reader(session, "reader_install", {"reader": name, "for_s": for_s}, for_s, "has its key")


@readers.command()
@click.argument("name")
@_verb
def rekey(session: Session, *, name: str) -> None:
    """Change the key of the reader NAME to the one in KEY_FILE.next."""
    _reader(session, "reader_rekey", {"reader": name}, 0, "has its new key: rename KEY_FILE.next to KEY_FILE")


@readers.command()
@click.argument("name")
@click.option("--address", type=click.IntRange(0, 126), required=True, help="Its new address.")
@click.option("--baud", type=click.Choice(BAUDS), required=True, help="Its new baud rate.")
@_verb
def comset(session: Session, *, name: str, address: int, baud: str) -> None:
    """Change address and baud rate of the reader NAME. Change the configuration after that."""
    args = {"reader": name, "address": address, "baud": int(baud)}
    _reader(session, "reader_comset", args, 0, "has moved: change the configuration, restart the agent")


def _reader(session: Session, verb: str, args: dict[str, Any], for_s: int, words: str) -> None:
    with Client(session.path, TIMEOUT_S + for_s) as client:
        answer = client.ask(verb, args)
    _tell(session, answer, f"{answer['reader']} {words}")


@main.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many rows.")
@click.option("--after", type=click.IntRange(min=0), help="Rows after this number, instead of the newest.")
@click.option("--follow", is_flag=True, help="Go on with new rows as they are written, until Ctrl-C.")
@_verb
def journal(session: Session, *, limit: int, after: int | None, follow: bool) -> None:
    """What happened: who, when, why; newest last."""
    args = {"limit": limit} if after is None else {"limit": limit, "after": after}
    if follow:
        for row in _followed(session.path, args):
            _show_event(session.terminal, row)
        return
    with Client(session.path) as client:
        answer = client.ask("journal", args)
    if session.terminal.as_json:
        session.terminal.document(answer)
    else:
        session.terminal.lines(event_line(row) for row in answer["rows"])


def _followed(path: Path, args: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of the journal and then of the stream; the stream is opened first, so that none falls between."""
    with Client(path) as live, Client(path) as client:
        events = live.stream("watch")
        next(events)
        last_seq = args.get("after", 0)
        for row in client.ask("journal", args)["rows"]:
            last_seq = row["seq"]
            yield row
        yield from (event for event in events if event.get("seq", 0) > last_seq)


def _show_event(terminal: Terminal, event: dict[str, Any]) -> None:
    if terminal.as_json:
        terminal.json_line(event)
    else:
        terminal.lines([event_line(event)])


@main.command()
@click.argument("name", required=False, type=click.Choice([mode.value for mode in Mode]))
@_verb
def mode(session: Session, *, name: str | None) -> None:
    """Show the operating mode, or change it to NAME. Changed only where the lock allows that."""
    if name is not None:
        _command(session, "mode", {"mode": name})
        return
    with Client(session.path) as client:
        now = client.ask("status")["mode"]
    _tell(session, {"mode": now}, f"mode {now}")


@main.group()
@_options
@click.pass_context
def clock(context: click.Context, path: Path | None, *, as_json: bool) -> None:
    """The clock of the lock; `lockctl status` shows it."""
    before: dict[str, Any] = context.obj or {}
    context.obj = {"path": path or before.get("path"), "as_json": as_json or before.get("as_json", False)}


@clock.command(name="set")
@click.argument("time", type=moment, metavar="TIME")
@_verb
def set_clock(session: Session, *, time: int) -> None:
    """Tell the lock that it is TIME now. Only where it does not know, and allows that. TIME is like
    2026-12-24T18:00:00Z, or with another offset from UTC."""
    with Client(session.path) as client:
        answer = client.ask("clock_set", {"wall_s": time})
    _tell(session, answer, f"the clock is set to {instant(answer['wall_s'])}")


@main.command()
@click.option("--for-s", type=click.FloatRange(1, 60), help="Seconds; without it as long as for a code.")
@_verb
def unlock(session: Session, *, for_s: float | None) -> None:
    """Release the strike once, where the lock allows that."""
    _command(session, "unlock", {} if for_s is None else {"for_s": for_s})


@main.command()
@_verb
def lock(session: Session) -> None:
    """End a release, where the lock allows that."""
    _command(session, "lock", {})


@main.command()
@_verb
def acknowledge(session: Session) -> None:
    """Count failed guesses from zero; a forced door is seen.

    Only where the lock allows that. The alarm of the door ends once it is closed; no guess is given back."""
    _command(session, "acknowledge", {})


@main.command()
@_verb
def identify(session: Session) -> None:
    """Let the keypad blink and beep for ten seconds. Only where the lock allows that."""
    _command(session, "identify", {})


def _command(session: Session, kind: str, args: dict[str, Any]) -> None:
    with Client(session.path) as client:
        answer = client.ask("command", {"type": kind, "args": args})
    _tell(session, answer, f"{kind} done, mode {answer['mode']}")


def _tell(session: Session, answer: dict[str, Any], words: str) -> None:
    if session.terminal.as_json:
        session.terminal.document(answer)
    else:
        session.terminal.lines([Line(words)])


@main.command()
@click.option("--config", type=click.Path(path_type=Path), help="Also check this configuration file.")
@_verb
def doctor(session: Session, *, config: Path | None) -> None:
    """Look for problems and say how to mend them. Works in part without a running agent, too."""
    from agent.cli.diagnosis import diagnose, finding_lines  # loads the configuration's types

    report = diagnose(session.path, config)
    if session.terminal.as_json:
        session.terminal.document(asdict(report))
    else:
        session.terminal.lines(finding_lines(report))
    if not report.is_reachable:
        sys.exit(UNREACHABLE)
    if any(finding.level == "fail" for finding in report.findings):
        sys.exit(PROBLEM)


main.add_command(offline)
main.add_command(totp)


if __name__ == "__main__":
    main()
