"""Setups for offline codes at a whole virtual door: taken, refused, lost, changed by another hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.core.offline_code import IssuerKey, Meaning, OfflineFormat, OfflineKind, issue
from firmware_sim.enrolled import DEVICE_ID
from firmware_sim.site import Site
from firmware_sim.virtual_parts import NOON
from tests.controller.offline import (
    HOUR_S,
    KEY,
    again,
    cancel,
    key_part,
    offline_door,
    once,
    opens,
    set_up,
    timed,
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A door whose clock is trusted, with one key for offline codes."""
    door = offline_door(tmp_path)
    yield door
    door.close()


def refusals(site: Site) -> list[str]:
    return [row["detail"]["reason"] for row in site.journal("message_refused")]


def test_a_setup_is_taken_whole_told_of_and_kept_over_a_restart(site: Site, tmp_path: Path) -> None:
    assert [row["detail"] for row in site.journal("offline_setup")] == [
        {"rev": 1, "keys": 1, "technicians": 0}
    ]
    assert site.uplink.statuses[-1]["offline_rev"] == 1
    site = again(site, tmp_path)
    assert site.uplink.statuses[-1]["offline_rev"] == 1
    assert opens(site, timed(48))


def test_an_older_setup_is_refused_and_the_same_is_silent(site: Site) -> None:
    set_up(site, 5, keys=[])
    set_up(site, 5, keys=[])
    set_up(site, 4)
    set_up(site, 5)
    set_up(site, 6, set_epoch=2)
    assert refusals(site) == ["stale_revision", "conflicting_revision", "other_set_epoch"]
    assert not opens(site, timed(48))
    assert len(site.journal("offline_setup")) == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"keys": [{"kid": 1}]}, "offline_setup_invalid"),
        ({"colour": "red"}, "offline_setup_invalid"),
        ({"keys": [key_part(IssuerKey(kid, 0, bytes(32))) for kid in range(4)]}, "offline_setup_invalid"),
        ({"device_id": "another"}, "wrong_device"),
        ({"digits": 8}, "offline_lengths_collide"),
        ({"digits": 9, "technicians": [{"slot": 1, "secret": "A" * 32}]}, "offline_lengths_collide"),
    ],
)
def test_a_setup_that_cannot_be_is_refused_and_the_old_one_stays(
    site: Site, fields: dict[str, Any], reason: str
) -> None:
    set_up(site, 2, **fields)
    assert refusals(site) == [reason]
    assert opens(site, timed(48))


def test_nine_digits_are_taken_where_no_technician_has_them(site: Site) -> None:
    set_up(site, 2, digits=9)
    form = OfflineFormat(DEVICE_ID, 9)
    assert opens(site, issue(form, KEY, NOON, Meaning(OfflineKind.TIMED, 48, 0)))
    assert not opens(site, timed(48, 1))


def test_after_a_new_database_codes_from_before_it_are_refused_until_the_cloud_knows_of_it(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    site.connect()
    set_up(site, journal_epoch="that of the lost one")
    assert not opens(site, once())
    site.wait(2 * HOUR_S)
    later_s = site.cloud_wall_s
    assert opens(site, once(start_s=later_s))
    set_up(site, 2)
    assert opens(site, once(1))
    site.close()


def test_a_setup_that_came_without_the_time_begins_when_the_time_is_known(tmp_path: Path) -> None:
    site = Site(tmp_path)
    set_up(site, journal_epoch="that of the lost one")
    site.wait(HOUR_S)
    site.connect()
    assert not opens(site, once(start_s=site.cloud_wall_s))
    assert opens(site, once(start_s=site.cloud_wall_s + 2 * HOUR_S)) is False
    site.wait(2 * HOUR_S)
    assert opens(site, once(start_s=site.cloud_wall_s))
    site.close()


def test_codes_from_before_a_new_database_stay_refused_when_its_beginning_cannot_be_noted_at_once(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    set_up(site, journal_epoch="that of the lost one")
    with site.store.database.transaction() as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON offline_setup BEGIN SELECT RAISE(ABORT, ''); END")
    site.connect()
    assert not opens(site, once())
    with site.store.database.transaction() as db:
        db.execute("DROP TRIGGER full")
    assert not opens(site, once())
    site.wait(2 * HOUR_S)
    assert opens(site, once(start_s=site.cloud_wall_s))
    site.close()


def test_keys_and_digits_are_nowhere_in_the_database_or_the_journal(site: Site, tmp_path: Path) -> None:
    code = timed(48)
    assert opens(site, code)
    site.type("1234509876#")
    text = json.dumps(site.journal())
    site.store.database.checkpoint()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    for secret in (code, "1234509876", KEY.key.hex()):
        assert secret not in text
        assert secret.encode() not in raw
    assert KEY.key not in raw


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE offline_setup SET rev = 9",
        "UPDATE offline_setup SET sealed = zeroblob(200)",
        "UPDATE offline_setup SET began_s = 1",
    ],
)
def test_a_setup_changed_by_hand_counts_no_more_and_is_reported(
    site: Site, tmp_path: Path, statement: str
) -> None:
    with site.store.database.transaction() as db:
        db.execute(statement)
    site = again(site, tmp_path)
    assert not opens(site, timed(48))
    assert {"what": "offline_setup_changed_from_outside"} in [row["detail"] for row in site.journal("fault")]
    assert site.uplink.statuses[-1]["offline_rev"] == 0
    set_up(site, 10)
    assert opens(site, timed(48))


@pytest.mark.parametrize(
    "statement",
    ["UPDATE offline_code SET ends_at = ends_at + 999999", "UPDATE offline_code SET max_uses = 9"],
)
def test_a_used_code_changed_by_hand_does_not_open(site: Site, tmp_path: Path, statement: str) -> None:
    assert opens(site, once())
    with site.store.database.transaction() as db:
        db.execute(statement)
    site = again(site, tmp_path)
    assert not opens(site, once())
    assert [row["detail"]["what"] for row in site.journal("fault")] == ["offline_codes_changed_from_outside"]


def test_a_floor_lowered_by_hand_closes_the_key(site: Site, tmp_path: Path) -> None:
    site.type(f"{cancel(NOON)}#")
    with site.store.database.transaction() as db:
        db.execute("UPDATE offline_floor SET slot = 0")
    site = again(site, tmp_path)
    assert not opens(site, timed(48))
    assert len(site.journal("fault")) == 1
