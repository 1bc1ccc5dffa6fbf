"""Old events go, in every list and to the last byte; what is exactly once stays exactly once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.messages import Events
from cloud_sim import duress, events, journal, retention
from cloud_sim.seam import webhooks
from tests.cloud.device import EPOCH, journal_rows
from tests.seam.silent_cloud import Cloud

DAY = 86_400


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path / "cloud.db")
    yield made
    made.database.close()


def forget(cloud: Cloud, keep_days: int = 30) -> int:
    """What `serve` does, to the end."""
    count = 0
    while some := retention.forget_some(cloud.database, keep_days, cloud.now):
        count += some
    cloud.database.empty_log()
    return count


def denied(number: int) -> list[tuple[str, dict[str, Any]]]:
    return [("access_denied", {"reason": "unknown_code", "keypad": "outside"})] * number


def sequences(cloud: Cloud) -> list[int]:
    return [event["sequence"] for event in events.events_after(cloud.database, cloud.lock_id, 0, 10_000)]


def test_events_are_kept_for_as_long_as_was_said_and_no_longer(cloud: Cloud) -> None:
    cloud.report(*denied(2))
    cloud.told()
    cloud.wait(29 * DAY)
    cloud.report(*denied(3))
    cloud.told()
    assert forget(cloud) == 0
    cloud.wait(2 * DAY)
    assert forget(cloud) == 4, "two of the lock, and two that clients were told"
    assert sequences(cloud) == [3]
    assert [event["event_type"] for event in cloud.events()] == ["lock.access_denied"]


def test_digits_and_names_in_old_events_are_in_no_byte_of_the_files(cloud: Cloud) -> None:
    code = cloud.create(code="90817263", name="Grace Brewster Hopper")
    cloud.confirm()
    cloud.told()
    cloud.delete(code)
    cloud.confirm()
    cloud.told()
    files = list(cloud.path.parent.glob("cloud.db*"))
    assert any(b"90817263" in file.read_bytes() for file in files)
    cloud.wait(31 * DAY)
    forget(cloud)
    assert not any(b"90817263" in file.read_bytes() or b"Hopper" in file.read_bytes() for file in files)


def test_numbers_go_on_where_they_were_when_all_events_are_forgotten(cloud: Cloud) -> None:
    cloud.report(*denied(3))
    cloud.told()
    cloud.wait(31 * DAY)
    forget(cloud)
    assert sequences(cloud) == []
    cloud.restart()
    cloud.report(*denied(5))
    assert sequences(cloud) == [4, 5]


def test_a_row_whose_event_is_forgotten_and_that_comes_again_makes_no_new_one(cloud: Cloud) -> None:
    cloud.report(*denied(2))
    cloud.told()
    cloud.wait(31 * DAY)
    forget(cloud)
    cloud.report(*denied(2))
    cloud.told()
    assert (sequences(cloud), cloud.events()) == ([], [])


def test_what_nobody_was_told_of_yet_is_told_first(cloud: Cloud) -> None:
    cloud.report(*denied(1))
    cloud.wait(0)
    cloud.report(*denied(2))
    cloud.now += 31 * DAY
    forget(cloud)
    assert sequences(cloud) == [2]
    assert cloud.told() == ["lock.access_denied"]


def test_the_audit_of_the_locks_stays(cloud: Cloud) -> None:
    cloud.report(*denied(3))
    cloud.told()
    before = [cloud.database.rows(f"SELECT * FROM {table}") for table in ("journal_rows", "journals")]
    cloud.wait(31 * DAY)
    forget(cloud)
    after = [cloud.database.rows(f"SELECT * FROM {table}") for table in ("journal_rows", "journals")]
    assert after == before


def test_an_endpoint_that_was_away_for_so_long_gets_the_rest_and_the_miss_is_counted(cloud: Cloud) -> None:
    webhook = webhooks.create(cloud.database, "http://127.0.0.1:9/", ["lock.access_denied"], cloud.now)
    cloud.create()
    cloud.report(*denied(2))
    cloud.told()
    cloud.wait(31 * DAY)
    cloud.report(*denied(3))
    cloud.told()
    assert forget(cloud) > 0
    row = cloud.database.row("SELECT given_up FROM webhooks WHERE webhook_id = ?", webhook)
    assert row == {"given_up": 2}
    (delivery,) = webhooks.due(cloud.database, cloud.now)
    assert delivery.sequence == max(each["sequence"] for each in _all(cloud))


def _all(cloud: Cloud) -> list[dict[str, Any]]:
    return cloud.database.rows("SELECT sequence FROM seam_events")


def test_alarms_of_duress_go_too_and_keep_their_numbers(cloud: Cloud) -> None:
    for number in (1, 2):
        rows = journal_rows(*[("duress", {"sealed": "x"})] * number)
        journal.store(cloud.database, cloud.lock_id, Events(journal_epoch=EPOCH, rows=rows), cloud.now)
        cloud.wait(31 * DAY)
        alarms = duress.events_after(cloud.database, cloud.lock_id, 0, 10)
        assert [alarm["sequence"] for alarm in alarms] == [number]
        forget(cloud)
        assert duress.events_after(cloud.database, cloud.lock_id, 0, 10) == []


def test_many_old_events_go_a_few_at_a_time(cloud: Cloud) -> None:
    cloud.report(*denied(50))
    cloud.told()
    cloud.wait(31 * DAY)
    some = retention.forget_some(cloud.database, 30, cloud.now)
    assert 0 < some <= 2 * retention.AT_ONCE
    assert forget(cloud) + some == 100
