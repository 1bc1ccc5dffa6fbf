"""Offline and rolling codes under test: what an entry costs besides the table, with a code of every fate."""

import random

from agent.core.offline_code import IssuerKey, Meaning, OfflineFormat, OfflineKind, issue, q_of
from agent.core.offline_policy import AcceptedKey, FirstUse, OfflineVerifier
from agent.core.totp import Progress, Technician, Technicians, hotp, step_at
from benchmarks.leakcheck.decisions import NOW_S
from benchmarks.leakcheck.harness import CONTROL, REFERENCE, Instance

DAY_S = 86_400
STAY = Meaning(OfflineKind.TIMED, 48, 0)


def offline(rng: random.Random) -> Instance:
    """A lock with two issuers and two technicians, one of whom is revoked."""
    form, key = OfflineFormat("a-lock"), IssuerKey(1, 0, rng.randbytes(32))
    phone = IssuerKey(1, 7, rng.randbytes(32))
    slot = form.slot_at(NOW_S)
    denied = Meaning(OfflineKind.TIMED, 49, 0)
    verifier = OfflineVerifier(
        form,
        FirstUse(),
        [AcceptedKey(key), AcceptedKey(phone)],
        floors={(1, 7): slot + 1},
        denied=[(1, 0, slot, q_of(denied))],
    )
    verifier.keep(NOW_S)
    secret = rng.randbytes(20)
    known = {
        1: (Technician(slot=1, secret=secret), Progress()),
        2: (Technician(slot=2, secret=secret, is_revoked=True), Progress()),
        3: (Technician(slot=3, secret=secret), Progress(last_step=step_at(NOW_S) + 9)),
    }
    technicians = Technicians(known)
    rolling = f"{hotp(secret, step_at(NOW_S)):06d}"

    def look(entry: str) -> object:
        return verifier.look(entry, NOW_S), technicians.look(entry, NOW_S)

    return Instance(
        look,
        {
            REFERENCE: _unknown(rng, 10),
            CONTROL: _unknown(rng, 10),
            "offline, valid": issue(form, key, NOW_S, STAY),
            "offline, for one opening": issue(form, key, NOW_S, Meaning(OfflineKind.ONCE, 24, 0)),
            "offline, expired": issue(form, key, NOW_S - 9 * DAY_S, STAY),
            "offline, early": issue(form, key, NOW_S + DAY_S, STAY),
            "offline, denied": issue(form, key, NOW_S, denied),
            "offline, cancelled": issue(form, phone, NOW_S, STAY),
            "offline, of another issuer": issue(form, IssuerKey(1, 9, rng.randbytes(32)), NOW_S, STAY),
            "technician": f"001{rolling}",
            "technician, wrong": f"001{_unknown(rng, 6)}",
            "technician, revoked": f"002{rolling}",
            "technician, used": f"003{rolling}",
            "technician, unknown": f"999{_unknown(rng, 6)}",
            "unknown, 6 digits": _unknown(rng, 6),
        },
    )


def _unknown(rng: random.Random, digits: int) -> str:
    return f"{rng.randrange(10**digits):0{digits}d}"
