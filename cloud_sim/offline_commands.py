"""The operator's commands for keys of offline codes."""

import argparse
import time
from pathlib import Path
from typing import Any

import msgspec

from agent.offline_setup import SetupFault, decode_setup, save_setup
from cloud_sim import restoration
from cloud_sim.api_offline_rotation import UNUSED, outcome
from cloud_sim.asking import NotServed, ask
from cloud_sim.database import open_database
from cloud_sim.offline_codes import CLOUD_ISSUER
from cloud_sim.restoration import Unused
from cloud_sim.state_directory import StateDirectory


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> list[argparse.ArgumentParser]:
    """The parsers of `rotate-offline-key` and `restored`."""
    rotate = commands.add_parser(
        "rotate-offline-key", help="replace the root of a lock's offline codes, from a future hour on or now"
    )
    rotate.add_argument("device_id", help="the id of the lock")
    rotate.add_argument(
        "--issuer", type=int, default=CLOUD_ISSUER, metavar="N", help="whose key; 0 (default): this cloud's"
    )
    rotate.add_argument(
        "--at", metavar="TIME", help="from when on, ISO 8601; by default as soon as no code dies of it"
    )
    rotate.add_argument(
        "--now", action="store_true", help="the old key may be in other hands: unused codes die"
    )
    rotate.add_argument("--revoke-used", action="store_true", help="with --now: codes in use end as well")
    rotate.add_argument(
        "--out", type=Path, metavar="FILE", help="for an issuer elsewhere: the new file with its new key"
    )
    restored = commands.add_parser(
        "restored", help="this cloud came back from a backup: issue no offline code a second time"
    )
    restored.add_argument(
        "--unused",
        choices=UNUSED,
        default=UNUSED[0],
        help="whether offline codes nobody used yet stay good (default: %(default)s)",
    )
    return [rotate, restored]


def run(state: StateDirectory, given: argparse.Namespace) -> str:
    """Do what was asked; what to show. Raises OSError with the cloud's words, SetupFault for the file."""
    return _restored(state, given) if given.command == "restored" else _rotate(state, given)


def _rotate(state: StateDirectory, given: argparse.Namespace) -> str:
    out: Path | None = given.out
    if (given.issuer != CLOUD_ISSUER) != (out is not None):
        raise SetupFault("--out FILE is needed for the key of an issuer elsewhere, and for no other")
    if out is not None and out.exists():
        raise SetupFault(f"{out} exists; name a new file for the new key")
    wanted = {"issuer": given.issuer, "when": "now" if given.now else "scheduled"}
    wanted |= {"at": given.at, "revoke_used": given.revoke_used}
    said = ask(state, f"/locks/{given.device_id}/offline_rotations", wanted)
    if out is not None:
        save_setup(out, decode_setup(msgspec.json.encode(said["issuer_file"])), replace=False)
    return "".join(f"{line}\n" for line in _rotated(said, out))


def _rotated(said: dict[str, Any], out: Path | None) -> list[str]:
    former = ", ".join(map(str, said["former_kids"]))
    lines = [
        f"{said['lock_id']}: issuer {said['issuer']} has kid {said['kid']} for what starts from"
        f" {said['starts_from']} on, instead of kid {former}"
    ]
    if said["ended_access_code_ids"]:
        lines.append(f"{len(said['ended_access_code_ids'])} codes are over; they need others:")
        lines += said["ended_access_code_ids"]
    if out is not None:
        lines.append(f"made {out} with the new key, readable by its owner only")
    lines.append(
        f"a guess opens with a chance of {said['guess_chance']:.2e}, at the worst moment from now on"
    )
    if not said["is_guess_bound_met"]:
        lines.append("that is more than 1e-5: allow less in the policies, or end the overlap of two keys")
    lines.append("the lock is told now, or when it is there; until then it takes what it took before")
    return lines


def _of_stopped(state: StateDirectory, unused: Unused) -> dict[str, Any]:
    """The same of a cloud that does not run: what it is to tell its locks, it tells when it starts."""
    database = open_database(state.database)
    try:
        return outcome(restoration.of_all(database, unused, time.time()))
    finally:
        database.close()


def _restored(state: StateDirectory, given: argparse.Namespace) -> str:
    try:
        said = ask(state, "/restorations", {"unused": given.unused})
    except NotServed:
        said = _of_stopped(state, given.unused)
    lines = [
        f"{one['lock_id']}: codes are issued with kid {one['kid']} from now on"
        if one["message"] is None
        else f"{one['lock_id']}: NO OFFLINE CODES ARE ISSUED: {one['message']}"
        for one in said["locks"]
    ]
    if any(one["message"] is None for one in said["locks"]) and given.unused == "keep":
        lines.append(
            "while old and new key are for the same starts a guess is twice as likely; end that with"
            " rotate-offline-key DEVICE_ID --at TIME, after the last start that must stay good"
        )
    return "".join(f"{line}\n" for line in lines or ["no lock has a key of this cloud for offline codes"])
