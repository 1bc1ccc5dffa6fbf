"""Codes that change on the disk under a lock that runs: found within a day or after a fault, and repaired."""

from pathlib import Path
from typing import Any

from firmware_sim.site import Site
from tests.controller.test_code_sets import many

DAY_S = 86_400.0


def tampered(site: Site, row: dict[str, Any]) -> None:
    """One row on the disk says something else than the lock wrote."""
    with site.store.database.transaction() as db:
        changed = db.execute(
            "UPDATE access_code SET definition = replace(definition, ?, ?) WHERE access_code_id = ?",
            ("standard", "duress", row["access_code_id"]),
        )
    assert changed.rowcount == 1


def drifted(site: Site) -> list[list[int]]:
    """The buckets that were found to be other than they were, each time."""
    faults = [row["detail"] for row in site.journal("fault")]
    return [detail["buckets"] for detail in faults if detail["what"] == "code_set_drifted"]


def test_a_row_that_changed_under_a_running_lock_is_found_within_a_day_and_repaired(site: Site) -> None:
    rows = many(600)
    site.install(*rows)
    root = site.controller.codes.root
    tampered(site, rows[7])
    site.wait(DAY_S - 60)
    assert drifted(site) == []
    site.uplink.requests.clear()
    site.wait(120.0)
    assert [len(buckets) for buckets in drifted(site)] == [1]
    assert site.controller.codes.root != root, "what the lock holds is not what was wanted"
    assert [(each.type, each.rev) for each in site.uplink.requests if each.type == "buckets"] == [
        ("buckets", 0)
    ]
    site.offer(rows, rev=site.controller.codes.revision.applied_rev)
    site.deliver(rows)
    assert site.controller.codes.root == root
    site.wait(2 * DAY_S)
    assert len(drifted(site)) == 1, "and it stays repaired"


def test_a_row_that_is_gone_is_found_as_well(site: Site) -> None:
    rows = many(40)
    site.install(*rows)
    with site.store.database.transaction() as db:
        db.execute("DELETE FROM access_code WHERE access_code_id = ?", (rows[3]["access_code_id"],))
    site.wait(DAY_S + 60)
    assert [len(buckets) for buckets in drifted(site)] == [1]


def test_after_a_fault_of_the_storage_all_is_read_again_within_minutes(site: Site) -> None:
    rows = many(40)
    site.install(*rows)
    tampered(site, rows[0])
    with site.store.database.transaction() as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END")
    site.type("493817#")
    with site.store.database.transaction() as db:
        db.execute("DROP TRIGGER full")
    site.wait(180.0)
    assert [len(buckets) for buckets in drifted(site)] == [1]


def test_keys_are_served_while_the_codes_are_read(site: Site) -> None:
    rows = many(600)
    site.install(*rows)
    site.clock.now_s += DAY_S + 60
    site.clock.wall_s += DAY_S + 60
    site.cloud_wall_s += DAY_S + 60
    for key in rows[5]["code"] + "#":  # a turn each: less than it takes to read all codes
        site.type(key)
    assert site.strike.releases == 1
    site.wait(60.0)
    assert drifted(site) == []


def test_a_set_that_arrives_goes_first_and_is_not_taken_for_drift(site: Site) -> None:
    rows = many(600)
    site.install(*rows)
    site.wait(DAY_S - 30)
    site.offer(rows[:300], buckets=256)
    site.wait(300.0)
    site.deliver(rows[:300], buckets=256)
    site.wait(DAY_S)
    assert (drifted(site), len(site.controller.codes.holding)) == ([], 300)


def test_a_lock_without_codes_has_nothing_to_read(tmp_path: Path) -> None:
    empty = Site(tmp_path)
    empty.wait(3 * DAY_S)
    assert drifted(empty) == []
    empty.close()
