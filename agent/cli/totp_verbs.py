"""`lockctl totp`: technicians who open with an authenticator app, in a file on a bench."""

import io
from pathlib import Path
from urllib.parse import quote

import click

from agent.cli.bench import bench_verb, moment_option, show
from agent.cli.terminal import Terminal
from agent.cli.words import Line, Style, instant

ISSUER = "Keypad"
_file = click.argument("file", type=click.Path(path_type=Path))
_slot = click.IntRange(0, 999)


@click.group()
def totp() -> None:
    """Technicians with an authenticator app. Needs a file of `lockctl offline new`, and no agent."""


@totp.command()
@_file
@click.option("--name", required=True, help="Shown in the app, like tech-042@site7.")
@click.option("--slot", type=_slot, help="Typed before the six digits; otherwise the lowest that is free.")
@moment_option("--start", "Valid from, like 2026-06-01T15:00Z; otherwise at once.")
@moment_option("--end", "Valid until; otherwise until revoked.")
@bench_verb
def add(
    terminal: Terminal, *, file: Path, name: str, slot: int | None, start: float | None, end: float | None
) -> None:
    """Add a technician to FILE. The secret is shown once, as a QR code for any authenticator app."""
    from msgspec.structs import replace

    from agent.offline_setup import SetupFault, TechnicianPart, load_setup, new_secret, save_setup

    setup = load_setup(file)
    taken = {one.slot for one in setup.technicians}
    free = next((one for one in range(1000) if one not in taken), None) if slot is None else slot
    if free is None:
        raise SetupFault(f"all slots of {file} are taken: revoked technicians can be taken out of it")
    if free in taken:
        raise SetupFault(f"slot {free:03d} is taken; without --slot the lowest free one is used")
    technician = TechnicianPart(
        slot=free,
        secret=new_secret(),
        name=name,
        starts_at=None if start is None else int(start),
        ends_at=None if end is None else int(end),
    )
    uri = f"otpauth://totp/{ISSUER}:{quote(name, safe='')}?secret={technician.secret}&issuer={ISSUER}"
    code = _qr_code(uri)
    save_setup(file, replace(setup, technicians=(*setup.technicians, technician)), replace=True)
    words = f"{name} types {free:03d} and then the six digits of the app. The code above is not shown again."
    show(terminal, {"slot": free, "name": name, "uri": uri}, [Line(code), Line(words)])


def _qr_code(uri: str) -> str:
    from agent.offline_setup import SetupFault

    try:
        import segno  # behind an extra: the agent at a door has no use for it
    except ImportError:
        raise SetupFault("the QR code needs the package segno: pip install segno") from None
    drawn = io.StringIO()
    segno.make_qr(uri, error="m").terminal(drawn, compact=True)
    return drawn.getvalue()


@totp.command()
@_file
@click.option("--slot", type=_slot, required=True, help="Whose.")
@bench_verb
def revoke(terminal: Terminal, *, file: Path, slot: int) -> None:
    """Mark a technician in FILE as revoked; the slot stays taken."""
    from msgspec.structs import replace

    from agent.offline_setup import SetupFault, load_setup, save_setup

    setup = load_setup(file)
    if slot not in {one.slot for one in setup.technicians}:
        raise SetupFault(f"{file} has no technician of slot {slot:03d}")
    technicians = tuple(
        replace(one, is_revoked=one.is_revoked or one.slot == slot) for one in setup.technicians
    )
    save_setup(file, replace(setup, technicians=technicians), replace=True)
    show(terminal, {"slot": slot, "is_revoked": True}, [Line(f"slot {slot:03d} is revoked in {file}")])


@totp.command("list")
@_file
@bench_verb
def technicians(terminal: Terminal, *, file: Path) -> None:
    """The technicians in FILE, without their secrets."""
    from agent.offline_setup import load_setup

    listed = load_setup(file).technicians
    rows = [
        {
            "slot": one.slot,
            "name": one.name,
            "starts_at": one.starts_at,
            "ends_at": one.ends_at,
            "is_revoked": one.is_revoked,
        }
        for one in listed
    ]
    lines = []
    for one in listed:
        style: Style = "dim" if one.is_revoked else "plain"
        state = "revoked" if one.is_revoked else f"from {instant(one.starts_at)} until {instant(one.ends_at)}"
        lines.append(Line(f"{one.slot:03d}  {one.name}: {state}", style))
    show(terminal, {"technicians": rows}, lines or [Line("no technicians", "dim")])
