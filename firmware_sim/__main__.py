"""lock-sim: a whole site on this machine, as the processes it really is.

Exit status: 0 stopped as asked (demo: all went as told), 1 something went wrong, 2 wrong usage.
"""

import json
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from cloud_sim.rate_limits import BadLimits
from cloud_sim.rate_limits import parse as parse_limits
from cloud_sim.retention import DEFAULT_DAYS, MOST_DAYS
from cloud_sim.seam.connections import DISCONNECTED_AFTER_S
from firmware_sim.board_client import ask_board
from firmware_sim.board_requests import REQUESTS, BadRequest, in_words
from firmware_sim.demo import play
from firmware_sim.faults import SimFault
from firmware_sim.printout import instructions
from firmware_sim.shell_file import shell_file, write_shell_file
from firmware_sim.site_directory import SiteDirectory, write_whole
from firmware_sim.site_processes import Site, SiteOptions, running_file

DEFAULT_STATE_DIR = Path(".lock-sim")
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class RunByDefault(click.Group):
    """`lock-sim --doors 3` means `lock-sim run --doors 3`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the verb in where only its options are given."""
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help", "--version")):
            args = ["run", *args]
        return super().parse_args(ctx, args)


OWN_BROKERS = ("builtin", "mosquitto")


def _broker(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value in OWN_BROKERS:
        return value
    if not value.startswith("mqtts://"):
        raise click.BadParameter(f"{value!r} is not builtin, mosquitto or an mqtts:// URL")
    with suppress(ValueError):  # a port that is no number
        if urlsplit(value).hostname and urlsplit(value).port:
            return value.rstrip("/")
    raise click.BadParameter(f"{value!r} needs a host and a port: mqtts://HOST:PORT")


def _limits(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    try:
        parse_limits(value or "")
    except BadLimits as bad:
        raise click.BadParameter(str(bad)) from None
    return value


state_dir_option = click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_STATE_DIR,
    show_default=True,
    help="Everything the site keeps; may be thrown away.",
)


@click.group(cls=RunByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lock-agent")
def cli() -> None:
    """Run a whole site on this machine: broker, cloud, and for each door a virtual board and an agent.

    Without a verb, `run` is meant.
    """


@cli.command()
@click.option("--doors", type=click.IntRange(1, 50), default=2, show_default=True, help="How many doors.")
@state_dir_option
@click.option(
    "--broker",
    default="builtin",
    show_default=True,
    callback=_broker,
    metavar="builtin|mosquitto|mqtts://HOST:PORT",
    help="The MQTT broker.",
)
@click.option("--ready-file", type=click.Path(path_type=Path), help="Write a JSON document once all answers.")
@click.option(
    "--http-port", type=click.IntRange(0, 65535), default=0, help="Port of the cloud's HTTP API; 0 is any."
)
@click.option(
    "--keep-events-days",
    type=click.IntRange(1, MOST_DAYS),
    default=DEFAULT_DAYS,
    show_default=True,
    help="The cloud forgets events after so many days.",
)
@click.option(
    "--rate-limits",
    is_flag=False,
    flag_value="",
    callback=_limits,
    metavar="[creates=N,...]",
    help="Keep clients of the Seam API to so many requests a minute and device; alone: to Seam's numbers.",
)
@click.option(
    "--disconnected-after",
    type=click.FloatRange(min=1),
    default=DISCONNECTED_AFTER_S,
    show_default=True,
    metavar="SECONDS",
    help="How long a lock may be away before the Seam API says so.",
)
def run(
    doors: int,
    state_dir: Path,
    broker: str,
    ready_file: Path | None,
    http_port: int,
    keep_events_days: int,
    rate_limits: str | None,
    disconnected_after: float,
) -> None:
    """Start everything and run until Ctrl-C."""
    options = SiteOptions(
        doors=doors,
        broker=broker,
        http_port=http_port,
        keep_events_days=keep_events_days,
        rate_limits=rate_limits,
        disconnected_after_s=disconnected_after,
    )
    with suppress(KeyboardInterrupt), _promise(ready_file), _site(state_dir, options) as site:
        click.echo(f"Starting {doors} door(s) in {site.directory.root} ...")
        site.start()
        write_shell_file(site)
        for line in instructions(site, is_default_directory=state_dir == DEFAULT_STATE_DIR):
            click.echo(line)
        if ready_file is not None:
            write_whole(ready_file, site.ready_document())
        site.wait_until_one_ends()
    click.echo("Stopped.")


@cli.command()
@click.option(
    "--state-dir", type=click.Path(path_type=Path, file_okay=False), help="Kept; without it, thrown away."
)
@click.option(
    "--broker",
    type=click.Choice(OWN_BROKERS),
    default="builtin",
    show_default=True,
    help="The MQTT broker; the visit kills it and starts it again.",
)
def demo(state_dir: Path | None, broker: str) -> None:
    """Play a scripted visit at one door and tell what happens."""
    with _directory(state_dir) as directory, _site(directory, SiteOptions(doors=1, broker=broker)) as site:
        play(site)


@contextmanager
def _directory(state_dir: Path | None) -> Iterator[Path]:
    if state_dir is not None:
        yield state_dir
        return
    with tempfile.TemporaryDirectory(prefix="lock-sim-") as directory:
        yield Path(directory)


@contextmanager
def _site(state_dir: Path, options: SiteOptions) -> Iterator[Site]:
    """A site that is stopped whatever happens, also when SIGTERM or Ctrl-C comes while it starts."""
    for number in ENDING:
        # Also SIGINT: a shell that starts us in the background has it ignored.
        signal.signal(number, signal.default_int_handler)
    directory = SiteDirectory(state_dir).acquire()
    try:
        site = Site(directory, options)
        try:
            yield site
        finally:
            for number in (
                signal.SIGINT,
                signal.SIGTERM,
            ):  # stopping takes a moment and must not be cut short
                signal.signal(number, signal.SIG_IGN)
            site.stop()
            shell_file(directory).unlink(missing_ok=True)
    finally:
        directory.release()


@contextmanager
def _promise(ready_file: Path | None) -> Iterator[None]:
    """The ready file is there only while the site is."""
    if ready_file is not None and not ready_file.parent.is_dir():
        raise SimFault(f"--ready-file: there is no directory {ready_file.parent}")
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    try:
        yield
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)


def _at_door(command: Callable[..., None]) -> Callable[..., None]:
    return state_dir_option(click.argument("door", type=click.IntRange(min=1))(command))


def _ask(state_dir: Path, door: int, request: dict[str, Any]) -> dict[str, Any]:
    """The answer of the board of a door of the site that runs on `state_dir`."""
    path = running_file(SiteDirectory(state_dir))
    try:
        doors = json.loads(path.read_text())["doors"]
    except FileNotFoundError:
        raise SimFault(f"no lock-sim runs on {state_dir}: start it, or name its --state-dir") from None
    if door > len(doors):
        raise SimFault(f"there is no door {door}: this site has doors 1 to {len(doors)}")
    return ask_board(doors[door - 1]["board"], request)


@cli.command("type")
@_at_door
@click.argument("keys")
def type_keys(state_dir: Path, door: int, keys: str) -> None:
    """Press KEYS at the keypad of DOOR. 0-9, * clears, # enters; DOOR 1 is the first."""
    if not keys or set(keys) - set("0123456789*#"):
        raise click.BadParameter(f"{keys!r} has keys that no keypad has; there are 0 to 9, * and #")
    _ask(state_dir, door, {"type": "keys", "keys": keys})


@cli.command("door")
@_at_door
@click.argument("move", type=click.Choice(["open", "close"]))
def move_door(state_dir: Path, door: int, move: str) -> None:
    """Open or close DOOR."""
    answer = _ask(state_dir, door, {"type": "door", "open": move == "open"})
    if answer.get("forced"):
        click.echo("it was locked: the door was forced")


@cli.command("do")
@_at_door
@click.argument("what", type=click.Choice([kind for kind in REQUESTS if kind != "watch"]))
@click.argument("fields", nargs=-1, metavar="[FIELD=VALUE]...")
def do(state_dir: Path, door: int, what: str, fields: tuple[str, ...]) -> None:
    """Do anything to the board of DOOR. WHAT there is says docs/board.md, like: do 1 jam jammed=true."""
    pairs = [field.partition("=") for field in fields]
    if strange := [name for name, sign, _ in pairs if not sign]:
        raise click.BadParameter(f"{strange[0]!r} is not of the form FIELD=VALUE")
    try:
        request = in_words(what, {name: value for name, _, value in pairs})
    except BadRequest as error:
        raise click.BadParameter(f"{what}: {error}; see docs/board.md") from None
    answer = _ask(state_dir, door, request)
    if len(answer) > 1:
        click.echo(json.dumps(answer, indent=2))


@cli.command()
@_at_door
def state(state_dir: Path, door: int) -> None:
    """Show what the board of DOOR physically does, as JSON."""
    click.echo(json.dumps(_ask(state_dir, door, {"type": "state"}), indent=2))


def main() -> None:
    """The command `lock-sim`."""
    try:
        cli(standalone_mode=False)
    except (SimFault, OSError) as fault:
        click.echo(f"lock-sim: {fault}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("lock-sim: stopped before the end", err=True)
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
