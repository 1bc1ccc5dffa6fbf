"""A door with a key for offline codes, and who issues codes for it."""

import json
from pathlib import Path
from typing import Any

from agent.core.offline_code import IssuerKey, Meaning, OfflineFormat, OfflineKind, issue
from agent.messages import OfflineReceived
from firmware_sim.enrolled import DEVICE_ID
from firmware_sim.site import Site
from firmware_sim.virtual_parts import NOON

KEY = IssuerKey(1, 0, b"k" * 32)
PHONE = IssuerKey(1, 7, b"p" * 32)
FORM = OfflineFormat(DEVICE_ID)
HOUR_S, DAY_S = 3600, 86_400
ANNA = "11111111-1111-4111-8111-111111111111"


def key_part(key: IssuerKey, **fields: Any) -> dict[str, Any]:
    return {"kid": key.kid, "issuer": key.issuer, "key": key.key.hex()} | fields


def set_up(site: Site, rev: int = 1, set_epoch: int = 1, **fields: Any) -> None:
    """The cloud's setup reaches the lock; it knows the lock's journal unless told otherwise."""
    document = {
        "device_id": DEVICE_ID,
        "journal_epoch": site.store.journal.epoch,
        "keys": [key_part(KEY)],
    } | fields
    site.say(OfflineReceived(set_epoch, rev, json.dumps(document).encode(), 1000 + rev))


def timed(hours: int, serial: int = 0, start_s: float = NOON, key: IssuerKey = KEY) -> str:
    return issue(FORM, key, start_s, Meaning(OfflineKind.TIMED, hours, serial))


def once(serial: int = 0, start_s: float = NOON, key: IssuerKey = KEY) -> str:
    return issue(FORM, key, start_s, Meaning(OfflineKind.ONCE, 24, serial))


def cancel(start_s: float, key: IssuerKey = KEY) -> str:
    return issue(FORM, key, start_s, Meaning(OfflineKind.CANCEL, 24, 0))


def offline_door(directory: Path) -> Site:
    """One whose clock is trusted, with one key for offline codes."""
    door = Site(directory)
    door.connect()
    set_up(door)
    return door


def again(site: Site, tmp_path: Path) -> Site:
    """The same door after a restart of the agent."""
    site.close()
    door = Site(tmp_path, site.clock)
    door.connect()
    return door


def opens(site: Site, code: str) -> bool:
    """Type a code; whether the strike moved. The budget is no hindrance."""
    before = site.strike.releases
    site.wait(HOUR_S / 4)
    site.type(f"{code}#")
    return site.strike.releases > before
