"""Settings that the cloud gives a door in place of its file: whole, kept, reported, never by hand."""

from pathlib import Path
from typing import Any

import pytest

from agent.changed_settings import canonical, digest_of
from agent.command_side import Permissions
from firmware_sim.site import Site
from tests.controller.test_commands import restarted
from tests.controller.test_mode_schedule import AFTERNOON, entry, fields


def test_a_release_time_of_the_cloud_counts_until_it_is_taken_back(site: Site, tmp_path: Path) -> None:
    site.command("config", release_s=20)
    again = restarted(site, tmp_path)
    again.type("493817#")
    again.wait(15)
    assert again.strike.is_released
    again.wait(6)
    again.command("config", release_s=None)
    again.type("493817#")
    again.wait(6)
    assert not again.strike.is_released


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ({"release_s": 61}, "bad_args"),
        ({"release_s": 2.5}, "bad_args"),
        ({"release_s": 20, "volume": 3}, "bad_args"),
        ({"release_s": 20, "mode_schedule": "office"}, "bad_args"),
        ({"release_s": 20, "mode_schedule": {}}, "mode_schedule_invalid"),
        (
            {
                "release_s": 20,
                "mode_schedule": fields(
                    entry("08:00", "12:00", "passage"), entry("11:00", "13:00", "normal")
                ),
            },
            "mode_schedule_invalid",
        ),
    ],
)
def test_settings_are_taken_whole_or_refused_whole(site: Site, args: dict[str, Any], reason: str) -> None:
    before = site.uplink.statuses[-1]
    site.command("config", **args)
    assert site.results() == [("config", "refused", reason)]
    assert (site.uplink.statuses[-1], site.journal("settings")) == (before, [])


def test_the_lock_reports_which_settings_it_has(site: Site) -> None:
    before = site.uplink.statuses[-1]
    site.command("config", mode_schedule=AFTERNOON, release_s=20)
    after = site.uplink.statuses[-1]
    assert (before["release_s"], after["release_s"]) == (5.0, 20)
    assert before["settings"] != after["settings"] != ""
    detail = {"changed": ["mode_schedule", "release_s"], "digest": after["settings"]}
    assert [row["detail"] for row in site.journal("settings")] == [detail]
    site.command("config", mode_schedule=None, release_s=None)
    assert site.uplink.statuses[-1]["settings"] == before["settings"]


def test_the_configuration_can_forbid_it(tmp_path: Path) -> None:
    site = Site(tmp_path, permissions=Permissions(remote=frozenset({"unlock"})))
    site.connect()
    site.command("config", release_s=20)
    assert site.results() == [("config", "refused", "forbidden")]
    site.close()


def test_settings_written_into_the_database_by_hand_do_not_count(site: Site, tmp_path: Path) -> None:
    site.command("config", release_s=20)
    with site.store.database.transaction() as db:
        db.execute("""UPDATE changed_settings SET settings='{"release_s":60}'""")
    again = restarted(site, tmp_path)
    assert (again.controller.door.release_s, again.uplink.statuses[-1]["settings"]) == (5.0, "")
    assert [row["detail"] for row in again.journal("fault")] == [{"what": "settings_changed_from_outside"}]


def test_a_schedule_in_a_zone_that_the_host_no_longer_knows_is_reported_and_opens_nothing(
    site: Site, tmp_path: Path
) -> None:
    always = fields(entry("00:00", "00:00", "passage")) | {"zone": "Europe/Nowhere"}
    with site.store.database.transaction() as db:
        site.store.modes.keep_settings(db, canonical({"mode_schedule": always, "release_s": 20}))
    again = restarted(site, tmp_path)
    assert (again.strike.releases, again.controller.door.release_s) == (0, 5.0)
    assert [row["detail"] for row in again.journal("fault")] == [{"what": "settings_not_understood"}]
    again.command("config", mode_schedule=None, release_s=20)
    assert again.uplink.statuses[-1]["settings"] == digest_of(canonical({"release_s": 20}))
