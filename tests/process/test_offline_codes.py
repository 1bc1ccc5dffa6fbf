"""Offline and rolling codes on the real parts: keys over HTTP and sealed MQTT, digits at a real keypad."""

import time

import pyotp
import pytest

from agent.core.offline_code import IssuerKey, Meaning, OfflineFormat, OfflineKind, derive_key, issue
from firmware_sim.site_processes import Site
from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process

ROOT, SECRET = "5a" * 32, "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U"


def code_of(door: Door, kind: OfflineKind, hours: int = 24) -> str:
    key = IssuerKey(1, 0, derive_key(bytes.fromhex(ROOT), 1, 0))
    return issue(OfflineFormat(door.device_id), key, time.time(), Meaning(kind, hours, 0))


def test_codes_nobody_told_the_lock_of_open_it_and_used_ones_stay_used_when_it_is_killed(
    site: Site, door: Door
) -> None:
    path = f"/locks/{door.device_id}/offline_setup"
    setup = {"keys": [{"kid": 1, "root": ROOT}], "technicians": [{"slot": 42, "secret": SECRET}]}
    assert site.cloud.put(path, setup)["status"] == "pending"
    door.start()
    wait_for(lambda: site.cloud.get(path)["offline_setup"]["journal_epoch"], 20, "the cloud to know the lock")
    wait_for(lambda: site.cloud.get(path)["status"] == "applied", 20, "the lock to have its keys")
    once, timed = code_of(door, OfflineKind.ONCE), code_of(door, OfflineKind.TIMED, 48)
    rolling = f"042{pyotp.TOTP(SECRET).now()}"
    assert door.opens(once)
    assert door.opens(rolling)
    door.kill()
    door.start(network=False)
    assert not door.opens(once)
    assert not door.opens(rolling)
    assert door.opens(timed)
    assert door.opens(timed)
    reasons = [row["detail"]["reason"] for row in door.rows() if row["kind"] == "access_denied"]
    assert reasons == ["used_up", "used_up"]
    for digits in (once, timed, rolling, SECRET, ROOT):
        assert digits not in door.log
