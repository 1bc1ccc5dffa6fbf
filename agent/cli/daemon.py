"""`lock-agent`: runs the door, enrols it, checks its configuration."""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agent import __version__
from agent.cli.rotate_root import rotate_root
from agent.cli.streams import replace_closed_stdin
from agent.errors import ConfigFault, StateDirBusy, StorageFault
from agent.no_dumps import forbid_dumps
from agent.secrets import SecretFault, create_root_secret_file

log = logging.getLogger("lock-agent")

DEFAULT_CONFIG = Path("/etc/lock-agent/lock-agent.toml")
EX_CONFIG = 78
"""sysexits.h: the configuration or the set-up is wrong, and trying again will not help."""
EX_SOFTWARE = 70


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    options = _parser().parse_args(arguments)
    replace_closed_stdin()
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        forbid_dumps()
        return command(options)
    except (ConfigFault, SecretFault, StateDirBusy) as fault:
        print(f"lock-agent: {fault}", file=sys.stderr)
        return EX_CONFIG
    except StorageFault as fault:
        print(f"lock-agent: storage: {fault}", file=sys.stderr)
        return EX_SOFTWARE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lock-agent", description="The lock-side agent of one door.")
    parser.add_argument("--version", action="version", version=f"lock-agent {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _command(commands, "run", run, "run the door until SIGTERM")
    enrol = _command(commands, "enrol", enrol_lock, "enrol this lock; the invitation is read from stdin")
    enrol.add_argument("--again", action="store_true", help="replace an enrolment that exists")
    _command(commands, "wipe", wipe_lock, "leave nothing of this lock's owner; the lock's id confirms it")
    _command(commands, "make-safe", make_safe, "drive the pins of the strike to locked, while no agent runs")
    emergency = _command(commands, "emergency-code", emergency_code, "make the emergency code, shown once")
    emergency.add_argument("--again", action="store_true", help="another one, in place of the one there is")
    check = commands.add_parser("check", help="say what is wrong with a configuration file")
    check.add_argument("config", type=Path, metavar="FILE")
    check.set_defaults(command=check_config)
    rotate = _command(commands, "rotate-root", rotate_root, "make the next root secret, for the next start")
    rotate.add_argument("--finish", action="store_true", help="let it take the place of the one before")
    secret = commands.add_parser("new-root-secret", help="make the device root secret, once")
    secret.add_argument("file", type=Path, metavar="FILE")
    secret.set_defaults(command=new_root_secret)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    command: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text)
    where = f"configuration file; otherwise {DEFAULT_CONFIG}"
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=where)
    parser.set_defaults(command=command)
    return parser


# --- run --------------------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> int:
    """`lock-agent run`: the door."""
    from agent.assemble import assemble
    from agent.config import load_config
    from agent.control import ControlFault, ControlSocket
    from agent.controller import AnySignal, Stop
    from agent.enrolment import NotEnrolled
    from agent.inbox import Inbox
    from agent.state_dir import StateDirLock

    config = load_config(options.config)
    _log_to_stderr(config.log_level)
    # Blocked in every thread to come, so that one thread of ours takes them all, as a message.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    lock = StateDirLock(config.state_dir)
    inbox: Inbox[AnySignal] = Inbox()
    try:
        controller = assemble(config, options.config, inbox)
        control = ControlSocket(config.control_socket, config.control_group, inbox.post_later)
        control.start()
    except (NotEnrolled, ControlFault) as fault:
        raise ConfigFault(str(fault)) from fault
    _post_when_asked_to_end(lambda: inbox.post(Stop()))
    log.info("lock-agent %s for door %s", __version__, controller.settings.device_id)
    try:
        controller.run()
    except Exception:
        log.exception("stopping: the door is locked, and the service starts afresh")
        return EX_SOFTWARE
    finally:
        control.stop()
        lock.release()
    log.info("stopped, the door is locked")
    return 0


_ENDING = (signal.SIGTERM, signal.SIGINT)


def _post_when_asked_to_end(post: Callable[[], None]) -> None:
    def wait() -> None:
        signal.sigwait(_ENDING)
        post()

    threading.Thread(target=wait, name="signals", daemon=True).start()


class _JournaldPriorities(logging.Formatter):
    """`<6>text`: journald reads the priority off the front; anyone else sees a plain line."""

    _LEVELS = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if "JOURNAL_STREAM" not in os.environ:
            return f"{time.strftime('%H:%M:%S')} {text}"
        priority = next((number for level, number in self._LEVELS if record.levelno >= level), 7)
        return f"<{priority}>{text}"


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_JournaldPriorities("%(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])


# --- the rest ---------------------------------------------------------------------------------------


def enrol_lock(options: argparse.Namespace) -> int:
    """`lock-agent enrol`: keys are born here, and pinned on both sides."""
    from agent.assemble import root_secret
    from agent.config import load_config
    from agent.enrol import enrol
    from agent.enrol_exchange import EnrolmentFault
    from agent.state_dir import StateDirLock

    config = load_config(options.config)
    lock = StateDirLock(config.state_dir)
    if sys.stdin.isatty():
        print("Paste the invitation that the cloud printed, then Enter:", file=sys.stderr)
    try:
        done = enrol(
            config.state_dir, root_secret(config), sys.stdin.readline(), int(time.time()), again=options.again
        )
    except EnrolmentFault as fault:
        print(f"lock-agent: {fault}", file=sys.stderr)
        return 1
    finally:
        lock.release()
    print(f"enrolled as {done.device_id}")
    print(f"identity key {done.identity_kid}\nsealing key  {done.sealing_kid}")
    print("The cloud must show the same two keys for this lock.")
    return 0


def wipe_lock(options: argparse.Namespace) -> int:
    """`lock-agent wipe`: for good, so the id of the lock must be typed."""
    from agent.assemble import root_secret
    from agent.config import load_config
    from agent.enrolment import NotEnrolled, load_enrolment
    from agent.state_dir import StateDirLock
    from agent.wipe import WipeFault, tell_cloud, wipe

    config = load_config(options.config)
    lock = StateDirLock(config.state_dir)
    try:
        try:
            enrolment = load_enrolment(config.state_dir, root_secret(config))
        except (NotEnrolled, SecretFault) as fault:
            print(f"The cloud cannot be told: {fault}", file=sys.stderr)
            enrolment = None
        word = enrolment.device_id if enrolment else "wipe"
        print(
            f"All codes, keys and journal rows of this lock go for good. Type {word} to do it:",
            file=sys.stderr,
        )
        if sys.stdin.readline().strip() != word:
            print("lock-agent: not confirmed, nothing was changed", file=sys.stderr)
            return 1
        is_told = enrolment is not None and config.uplink.enabled and tell_cloud(enrolment)
        wipe(config.state_dir, config.root_secret_file)
    except WipeFault as fault:
        print(f"lock-agent: {fault}", file=sys.stderr)
        return 1
    finally:
        lock.release()
    print("wiped")
    if not is_told:
        print("The cloud does not know: retire this lock there, or its keys still count (docs/operate.md).")
    return 0


def emergency_code(options: argparse.Namespace) -> int:
    """`lock-agent emergency-code`: shown here, and nowhere ever again."""
    from agent.assemble import root_secret
    from agent.config import load_config
    from agent.emergency_code import FILE_NAME, make_emergency_code
    from agent.state_dir import StateDirLock

    config = load_config(options.config)
    lock = StateDirLock(config.state_dir)
    try:
        key = root_secret(config).derive("emergency")
        path, keys = config.state_dir / FILE_NAME, config.codes.digits
        digits = make_emergency_code(path, key, again=options.again, keys=keys)
    finally:
        lock.release()
    print(digits)
    print(
        "That opens this door once, at any time. Seal it in an envelope, away from the door.", file=sys.stderr
    )
    if not config.emergency.enabled:
        print("It is switched off: [emergency] enabled = true in the configuration.", file=sys.stderr)
    return 0


def check_config(options: argparse.Namespace) -> int:
    """`lock-agent check FILE`: works on any machine; opens nothing."""
    from agent.config import load_config

    config = load_config(options.config)
    print(f"{options.config} is fine: {len(config.devices)} devices on {len(config.readers)} readers")
    return 0


def make_safe(options: argparse.Namespace) -> int:
    """`lock-agent make-safe`: for the service manager, after an agent that ended in whatever way."""
    from agent.assemble import make_safe as drive
    from agent.config import load_config

    names = drive(load_config(options.config))
    print(f"locked: {', '.join(names)}" if names else "no strike hangs on a pin of this computer")
    return 0


def new_root_secret(options: argparse.Namespace) -> int:
    """`lock-agent new-root-secret FILE`."""
    create_root_secret_file(options.file)
    print(f"made {options.file}, readable by its owner only; whoever has it and the database has the codes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
