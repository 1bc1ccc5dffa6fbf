"""Webhooks against a real endpoint: signed, in order, again until it takes them, across restarts."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from svix.webhooks import WebhookVerificationError

from cloud_sim.database import Database, open_database
from cloud_sim.seam import event_log, webhooks
from cloud_sim.seam.deliveries import RETRY_AFTER_S, Deliveries
from cloud_sim.seam.event_log import NewEvent
from cloud_sim.seam.signing import new_secret
from tests.seam.receiver import Receiver, listening

NO_WAIT = (0.0,) * len(RETRY_AFTER_S)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "cloud.db")
    yield opened
    opened.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as one:
        yield one


def happen(database: Database, *event_types: str) -> list[str]:
    """Events, in this order; their ids."""
    made = [NewEvent(event_type=kind, lock_id="lock", occurred_ms=1) for kind in event_types]
    for event in made:
        event_log.record(database, event, time.time())
    return [event.event_id for event in made]


def deliver(deliveries: Deliveries, until: Callable[[], bool]) -> None:
    """Run the worker until something is so."""

    async def work() -> None:
        worker = asyncio.create_task(deliveries.run())
        async with asyncio.timeout(20):
            while not until():
                await asyncio.sleep(0.01)
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker

    asyncio.run(work())


def is_idle(database: Database) -> bool:
    rows = database.rows("SELECT upto FROM webhooks")
    return all(row["upto"] == event_log.last_sequence(database) for row in rows)


def deliver_all(database: Database, retry_after_s: tuple[float, ...] = NO_WAIT) -> None:
    deliver(Deliveries(database, time.time, retry_after_s), lambda: is_idle(database))


def secret_of(database: Database) -> str:
    return str(webhooks.every(database)[0]["secret"])


def test_the_real_sdk_verifies_and_reads_what_is_delivered(database: Database, receiver: Receiver) -> None:
    webhooks.create(database, receiver.url, ["*"], time.time())
    ids = happen(database, "lock.unlocked")
    deliver_all(database)
    (event,) = receiver.verified(secret_of(database))
    assert (event.event_id, event.event_type, event.device_id) == (ids[0], "lock.unlocked", "lock")


def test_the_sdk_refuses_it_with_another_secret(database: Database, receiver: Receiver) -> None:
    webhooks.create(database, receiver.url, ["*"], time.time())
    happen(database, "lock.unlocked")
    deliver_all(database)
    with pytest.raises(WebhookVerificationError):
        receiver.verified(new_secret())


def test_events_arrive_in_order_and_each_once(database: Database, receiver: Receiver) -> None:
    webhooks.create(database, receiver.url, ["*"], time.time())
    ids = happen(database, *["lock.unlocked", "lock.locked"] * 20)
    deliver_all(database)
    assert receiver.ids == ids


def test_an_event_that_is_not_taken_is_sent_again_before_the_next_one(database: Database) -> None:
    with listening(500, 404, 302) as receiver:
        webhooks.create(database, receiver.url, ["*"], time.time())
        first, second = happen(database, "lock.unlocked", "lock.locked")
        deliver_all(database)
        assert receiver.ids == [first, first, first, first, second]
        bodies = [body for _, body in receiver.requests]
        assert bodies[0] == bodies[3]


def test_no_redirect_is_followed(database: Database) -> None:
    with listening(307) as receiver:
        webhooks.create(database, receiver.url, ["*"], time.time())
        happen(database, "lock.unlocked")
        deliver_all(database)
        assert len(receiver.requests) == 2


def test_the_waits_are_those_that_are_documented() -> None:
    minute, hour = 60, 3600
    assert (0, *RETRY_AFTER_S) == (
        *(0, 5, 5 * minute, 30 * minute),
        *(2 * hour, 5 * hour, 10 * hour, 10 * hour),
    )


def test_the_next_try_waits_as_long_as_it_should(database: Database) -> None:
    now = [1000.0]
    with listening(503) as receiver:
        webhooks.create(database, receiver.url, ["*"], now[0])
        happen(database, "lock.unlocked")
        worker = Deliveries(database, lambda: now[0])
        deliver(worker, lambda: len(webhooks.due(database, now[0])) == 0)
        assert (len(webhooks.due(database, 1004.9)), len(webhooks.due(database, 1005.0))) == (0, 1)
        now[0] = 1005.0
        deliver(worker, lambda: is_idle(database))
        assert len(receiver.requests) == 2


def test_after_eight_failures_an_event_is_given_up_and_the_next_one_tried(database: Database) -> None:
    with listening(*[500] * 8) as receiver:
        webhooks.create(database, receiver.url, ["*"], time.time())
        first, second = happen(database, "lock.unlocked", "lock.locked")
        deliver_all(database)
        assert receiver.ids == [first] * 8 + [second]
        assert database.row("SELECT given_up FROM webhooks") == {"given_up": 1}


def test_each_event_has_all_its_tries(database: Database) -> None:
    with listening(*[500] * 4, 200, *[500] * 7) as receiver:
        webhooks.create(database, receiver.url, ["*"], time.time())
        first, second = happen(database, "lock.unlocked", "lock.locked")
        deliver_all(database)
        assert receiver.ids == [first] * 5 + [second] * 8
        assert database.row("SELECT given_up FROM webhooks") == {"given_up": 0}


def test_what_was_not_delivered_is_delivered_after_a_restart(tmp_path: Path) -> None:
    before = open_database(tmp_path / "cloud.db")
    with listening() as receiver:
        webhooks.create(before, receiver.url, ["*"], time.time())
        ids = happen(before, "lock.unlocked", "lock.locked")
        before.close()
        after = open_database(tmp_path / "cloud.db")
        deliver_all(after)
        after.close()
        assert receiver.ids == ids


def test_an_endpoint_that_died_with_its_answer_is_sent_the_same_event_again(database: Database) -> None:
    with listening() as receiver:
        webhooks.create(database, receiver.url, ["*"], time.time())
        ids = happen(database, "lock.unlocked")
        worker = Deliveries(database, time.time)
        # We are killed after the endpoint took it and before we noted that.
        deliver(worker, lambda: len(receiver.requests) == 1)
        database.run("UPDATE webhooks SET upto = 0")
        deliver_all(database)
        assert receiver.ids == ids * 2


def test_an_endpoint_that_nobody_answers_does_not_hold_up_another(
    database: Database, receiver: Receiver
) -> None:
    webhooks.create(database, "http://127.0.0.1:9/nobody", ["*"], time.time())
    webhooks.create(database, receiver.url, ["*"], time.time())
    ids = happen(database, "lock.unlocked", "lock.locked")
    deliver(Deliveries(database, time.time), lambda: len(receiver.requests) == 2)
    assert receiver.ids == ids


def test_an_endpoint_gets_only_the_types_it_asked_for(database: Database, receiver: Receiver) -> None:
    webhooks.create(database, receiver.url, ["lock.locked"], time.time())
    ids = happen(database, *["lock.unlocked"] * 300, "lock.locked", "lock.unlocked")
    deliver_all(database)
    assert receiver.ids == [ids[300]]


def test_a_new_webhook_is_not_told_the_past(database: Database, receiver: Receiver) -> None:
    happen(database, "lock.unlocked")
    webhooks.create(database, receiver.url, ["*"], time.time())
    ids = happen(database, "lock.locked")
    deliver_all(database)
    assert receiver.ids == ids
