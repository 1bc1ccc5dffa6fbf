"""`python -m cloud_sim init|serve|invite|...`: make a cloud, run it, invite a lock, replace keys."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

from agent.offline_setup import SetupFault
from cloud_sim import api_keys, authority, offline_commands, rate_limits
from cloud_sim.asking import ask
from cloud_sim.mqtt_link import BadAddress
from cloud_sim.rate_limits import BadLimits
from cloud_sim.retention import DEFAULT_DAYS, MOST_DAYS
from cloud_sim.seam import connections
from cloud_sim.serving import ServeOptions, serve
from cloud_sim.state_directory import NotInitialised, StateDirectory


def main() -> int:
    """Run one command; the exit status."""
    given = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    state = StateDirectory(given.state.resolve())
    try:
        match given.command:
            case "init":
                authority.initialise(state)
                sys.stdout.write(f"initialised {state.root}; the API token is in {state.api_token}\n")
            case "serve":
                asyncio.run(serve(_serve_options(given, state)))
            case "invite":
                wanted = {"name": given.name, "device_id": given.device_id}
                sys.stdout.write(ask(state, "/invitations", wanted)["invitation"] + "\n")
            case "rotate-key":
                sys.stdout.write(_keys(ask(state, "/keys/rotations", {"key": given.key})))
            case "retire" | "renew-keys" | "void-sets":
                sys.stdout.write(f"{given.device_id}: {_of_lock(state, given.command, given.device_id)}\n")
            case "rotate-offline-key" | "restored":
                sys.stdout.write(offline_commands.run(state, given))
            case "revoke-key":
                sys.stdout.write(_keys(ask(state, "/keys/revocations", {"kid": given.kid})))
    except (NotInitialised, BadAddress, BadLimits, SetupFault, OSError) as error:
        sys.stderr.write(f"cloud_sim {given.command}: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cloud_sim", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init", help="make keys, certificates and the API token; harmless again")
    run = commands.add_parser("serve", help="serve the HTTP API and the locks until SIGTERM")
    invite = commands.add_parser("invite", help="print an invitation for a lock; worth an enrolment")
    rotate = commands.add_parser("rotate-key", help="replace a key of the running cloud; locks are told")
    revoke = commands.add_parser("revoke-key", help="have locks drop a former signing key before its time")
    retire = commands.add_parser("retire", help="take a lock out of service; its keys count no more")
    renew = commands.add_parser("renew-keys", help="have a lock replace its own keys, over its connection")
    void = commands.add_parser(
        "void-sets", help="void every code set ever signed for a lock, and tell it anew"
    )
    offline = offline_commands.add(commands)
    for command in (init, run, invite, rotate, revoke, retire, renew, void, *offline):
        command.add_argument("--state", type=Path, required=True, help="the directory of this cloud")
    run.add_argument("--http-port", type=int, default=0, help="on 127.0.0.1; 0 (default): any free one")
    run.add_argument("--mqtt", required=True, metavar="URL", help="the broker: mqtts://host:port")
    run.add_argument("--token-file", type=Path, help="the bearer token; default: api-token in the state")
    run.add_argument("--public-url", help="where locks reach this cloud, if a proxy stands in front")
    run.add_argument(
        "--keep-events-days",
        type=_days,
        default=DEFAULT_DAYS,
        metavar="N",
        help=f"forget events after so many days; {DEFAULT_DAYS} by default",
    )
    run.add_argument(
        "--disconnected-after",
        type=float,
        default=connections.DISCONNECTED_AFTER_S,
        metavar="SECONDS",
        help="how long a lock may be away before the Seam API says so (default: %(default)g)",
    )
    run.add_argument(
        "--rate-limits",
        nargs="?",
        const="",
        metavar="creates=N,...",
        help="keep clients of the Seam API to so many requests a minute and device; alone: to Seam's numbers",
    )
    rotate.add_argument("key", choices=api_keys.PURPOSES, help="what the key is for")
    for command in (retire, renew, void):
        command.add_argument("device_id", help="the id of the lock")
    revoke.add_argument("kid", help="the name of the former signing key, as rotate-key showed it")
    invite.add_argument("--name", help="what people call the door")
    invite.add_argument("--device-id", help="invite a lock that is known already to enrol again")
    return parser


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {MOST_DAYS}")
    return int(text)


def _serve_options(given: argparse.Namespace, state: StateDirectory) -> ServeOptions:
    return ServeOptions(
        state=state,
        http_port=given.http_port,
        mqtt_url=given.mqtt,
        token_file=given.token_file,
        public_url=given.public_url,
        keep_events_days=given.keep_events_days,
        disconnected_after_s=given.disconnected_after,
        rate_limits=None if given.rate_limits is None else rate_limits.parse(given.rate_limits),
    )


def _keys(shown: dict[str, Any]) -> str:
    lines = [f"signing {shown['signing']}", f"sealing {shown['sealing']}"]
    for each in shown["former_signing"]:
        end = "revoked" if each["is_revoked"] else f"until {each['until']}"
        lines.append(f"former signing {each['kid']}, {end}")
    waiting = shown["locks_with_an_older_key"]
    lines.append(f"{waiting} locks have not taken the newest signing key yet")
    return "".join(f"{line}\n" for line in lines)


def _of_lock(state: StateDirectory, command: str, lock_id: str) -> str:
    """What the cloud has done about the keys or sets of one lock."""
    if command == "retire":
        said = ask(state, f"/locks/{lock_id}/retirement", {})
        return "its keys count no more" if said["had_keys"] else "it had no keys"
    if command == "void-sets":
        said = ask(state, f"/locks/{lock_id}/set_epoch", {})
        return f"set epoch {said['set_epoch']}, revision {said['rev']}"
    said = ask(state, f"/locks/{lock_id}/key_renewal", {})
    renewal = said["key_renewal"]
    why = f", {renewal['reason']}" if renewal["reason"] else ""
    return f"renewal {renewal['status']}{why}; identity {said['keys']['identity']}"


if __name__ == "__main__":
    sys.exit(main())
