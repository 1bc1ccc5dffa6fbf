"""A whole entry under test: all that is looked at for one, on a whole door with a real database.

The table of this door has a code of every fate, as its cloud would send it; one-time codes and a technician's
code have been typed, so that they are used.
"""

import base64
import json
import random
import tempfile
import uuid
from pathlib import Path
from typing import Any

from agent.core.offline_code import IssuerKey, Meaning, OfflineFormat, OfflineKind, issue, q_of
from agent.core.totp import hotp, step_at
from agent.messages import OfflineReceived
from benchmarks.leakcheck.decisions import PLACES, unknown_of
from benchmarks.leakcheck.harness import CONTROL, REFERENCE, Instance
from firmware_sim.enrolled import DEVICE_ID
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON

HOUR_S, DAY_S = 3_600, 86_400
CODES = 100
RULES: dict[str, dict[str, Any]] = {
    "expired": {"starts_at": NOON - 900, "ends_at": NOON - 600},
    "early": {"starts_at": NOON + DAY_S, "ends_at": NOON + 2 * DAY_S},
    "used up": {"max_uses": 1},
    "revoked": {},
    "disabled": {"enabled": False},
    "outside its hours": {"weekly": [{"days": [7], "from": "08:00", "to": "09:00"}], "zone": "UTC"},
}
"""Class -> rules of its code."""
FORM = OfflineFormat(DEVICE_ID)
STAY, ONE_OPENING = Meaning(OfflineKind.TIMED, 48, 0), Meaning(OfflineKind.ONCE, 24, 0)
DENIED = Meaning(OfflineKind.TIMED, 49, 0)
OTHER_LENGTHS = (4, 6, 8, 9)
"""Lengths of further unknown codes. That which all are compared with has ten digits, like offline codes."""


def whole_entry(rng: random.Random) -> Instance:
    """A door with keys of its own, which knows all classes of codes."""
    door = _Door(rng)
    with tempfile.TemporaryDirectory() as directory:
        site = Site(Path(directory))
        entries = door.set_up(site)
        site.close()  # an entry is looked at without the disk
    return Instance(lambda entry: site.controller.entries.look(entry, site.clock.now()), entries)


class _Door:
    """The digits and keys of one door."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._key, self._phone, self._other = (
            IssuerKey(1, issuer, rng.randbytes(32)) for issuer in (0, 7, 9)
        )
        self._secret = rng.randbytes(20)
        digits = [f"{number:06d}" for number in rng.sample(range(10**6), CODES)]
        ids = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in digits]
        fates = dict(zip(ids, RULES, strict=False))
        self._rows = {
            each: code_row(each, digits, **RULES.get(fates.get(each, ""), {}))
            for each, digits in zip(ids, digits, strict=True)
        }
        self._id_of = {name: each for each, name in fates.items()}

    def set_up(self, site: Site) -> dict[str, list[str]]:
        """Let everything happen that has happened at this door; the entries of each class."""
        site.connect()
        site.install(*self._rows.values())
        site.say(OfflineReceived(1, 1, json.dumps(self._setup(site)).encode(), 1))
        site.command("revoke", ids=[self._id_of["revoked"]])
        in_table, offline, technicians = self._in_table(site), self._offline(), self._technicians(site)
        used = (in_table["used up"], offline["offline, used"], technicians["technician, used"])
        for entry in used:
            site.type(f"{entry}#")
        if site.strike.releases != len(used):
            raise RuntimeError("a code that should be used did not open")
        # Few: steps taken often are faster for that alone, and an entry is long enough for it to show.
        unknown, *another = unknown_of(FORM.digits, self._rng, 3)
        known = {name: [entry] for name, entry in {**in_table, **offline, **technicians}.items()}
        others = {f"unknown, {length} digits": unknown_of(length, self._rng, 1) for length in OTHER_LENGTHS}
        return {REFERENCE: [unknown], CONTROL: another} | known | others

    def _in_table(self, site: Site) -> dict[str, str]:
        """Where a code stands follows from its id, so first, middle and last are of the plain ones."""
        ids = site.controller.codes.holding.table.ids[:-1]
        plain = [each for each in ids if each not in self._id_of.values()]
        named = dict(zip(PLACES, (plain[0], plain[len(plain) // 2], plain[-1]), strict=True)) | self._id_of
        return {name: self._rows[each]["code"] for name, each in named.items()}

    def _setup(self, site: Site) -> dict[str, Any]:
        slot = FORM.slot_at(NOON)
        secret = base64.b32encode(self._secret).decode()
        return {
            "device_id": DEVICE_ID,
            "journal_epoch": site.store.journal.epoch,
            "keys": [
                {"kid": 1, "issuer": self._key.issuer, "key": self._key.key.hex()},
                {
                    "kid": 1,
                    "issuer": self._phone.issuer,
                    "key": self._phone.key.hex(),
                    "cancelled_before_slot": slot + 1,
                },
            ],
            "denied": [{"kid": 1, "issuer": 0, "slot": slot, "q": q_of(DENIED)}],
            "technicians": [
                {"slot": 1, "secret": secret},
                {"slot": 2, "secret": secret, "is_revoked": True},
                {"slot": 3, "secret": secret},
            ],
        }

    def _offline(self) -> dict[str, str]:
        return {
            "offline, valid": issue(FORM, self._key, NOON, STAY),
            "offline, for one opening": issue(FORM, self._key, NOON, ONE_OPENING),
            "offline, used": issue(FORM, self._key, NOON - HOUR_S, ONE_OPENING),
            "offline, expired": issue(FORM, self._key, NOON - 9 * DAY_S, STAY),
            "offline, early": issue(FORM, self._key, NOON + DAY_S, STAY),
            "offline, denied": issue(FORM, self._key, NOON, DENIED),
            "offline, cancelled": issue(FORM, self._phone, NOON, STAY),
            "offline, of another issuer": issue(FORM, self._other, NOON, STAY),
        }

    def _technicians(self, site: Site) -> dict[str, str]:
        rolling = f"{hotp(self._secret, step_at(site.cloud_wall_s)):06d}"
        wrong, nobody = unknown_of(6, self._rng, 2)
        return {
            "technician": f"001{rolling}",
            "technician, wrong": f"001{wrong}",
            "technician, revoked": f"002{rolling}",
            "technician, used": f"003{rolling}",
            "technician, unknown": f"999{nobody}",
        }
