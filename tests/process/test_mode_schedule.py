"""Mode schedules on a real strike: from HTTP to a lock that was away, and over boundaries as time passes."""

import struct
import time
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware_sim.site_processes import Site
from tests.process.doors import Door
from tests.process.test_modes import is_released
from tests.waiting import wait_for

pytestmark = pytest.mark.process

ALWAYS_FREE = {
    "zone": "UTC",
    "weekly": [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "00:00", "mode": "passage"}],
}


def settings_of(site: Site, door: Door) -> str:
    return str(site.cloud.get(f"/locks/{door.device_id}")["settings"]["status"])


def test_a_schedule_over_http_reaches_a_lock_that_was_away_and_frees_its_strike_until_it_is_taken_back(
    site: Site, door: Door
) -> None:
    path = f"/locks/{door.device_id}/mode_schedule"
    assert site.cloud.put(path, ALWAYS_FREE)["status"] == "pending"
    door.start()
    wait_for(lambda: settings_of(site, door) == "applied", 20, "the lock to have the schedule")
    wait_for(lambda: is_released(door), what="the door to be free")
    door.kill()
    door.start()
    wait_for(lambda: is_released(door), 20, "the door to be free again")
    site.cloud.delete(path)
    wait_for(lambda: not is_released(door), what="the strike to lock")
    wait_for(lambda: settings_of(site, door) == "applied", what="the cloud to hear of it")


def begins_in(seconds: int, zones: Path) -> datetime:
    """Write a zone, `Test/Soon`, whose clocks show a full minute in so many seconds; that minute."""
    soon = datetime.now(UTC).replace(microsecond=0, tzinfo=None) + timedelta(seconds=seconds)
    offset_s = -soon.second
    header = struct.pack(">4sc15x6I", b"TZif", b"\0", 0, 0, 0, 0, 1, 5)
    (zones / "Test").mkdir(parents=True, exist_ok=True)
    (zones / "Test" / "Soon").write_bytes(header + struct.pack(">iBB", offset_s, 0, 0) + b"SOON\0")
    return soon + timedelta(seconds=offset_s)


def follow(door: Door, begins: datetime, ends: datetime) -> None:
    """Give the door's configuration one entry, passage every day."""
    text = door.files.config.read_text().partition("\n[modes]")[0]
    entry = f'from = "{begins:%H:%M}", to = "{ends:%H:%M}", mode = "passage"'
    schedule = f'[modes]\nzone = "Test/Soon"\nweekly = [{{days = [1, 2, 3, 4, 5, 6, 7], {entry}}}]\n'
    door.files.config.write_text(f"{text}\n{schedule}")


def changes(door: Door) -> list[tuple[str, str, float]]:
    rows = [row for row in door.rows() if row["kind"] == "mode"]
    return [(row["detail"]["mode"], row["detail"]["why"], row["wall_ms"] / 1000) for row in rows]


def test_a_boundary_frees_the_strike_and_another_locks_it_with_nobody_doing_anything(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONTZPATH", ":".join([str(tmp_path), *zoneinfo.TZPATH]))
    opens = begins_in(5, tmp_path)
    opens_s = time.time() + 5
    follow(door, opens, opens + timedelta(hours=1))
    door.start()
    wait_for(lambda: is_released(door), 30, "the boundary to free the strike")
    mode, why, at_s = changes(door)[-1]
    assert ((mode, why), at_s >= opens_s - 2) == (("passage", "schedule"), True)
    door.stop()
    closes = begins_in(5, tmp_path)
    closes_s = time.time() + 5
    follow(door, closes - timedelta(hours=1), closes)
    door.start()
    wait_for(lambda: changes(door)[-1][0] == "normal", 30, "the boundary to lock the strike")
    wait_for(lambda: not is_released(door), what="the strike to lock")
    assert (changes(door)[-1][1], changes(door)[-1][2] >= closes_s - 2) == ("schedule", True)
