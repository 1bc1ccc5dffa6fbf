"""Which rows go out, and when they go out again."""

from typing import Any

from agent.messages import EVENT_BATCH_BYTES, EVENT_BATCH_ROWS, EVENT_BATCHES_IN_FLIGHT, RowsWanted
from agent.uplink.delivery import Delivery


def rows(first: int, last: int, size: int = 1) -> list[dict[str, Any]]:
    """Journal rows with these numbers."""
    return [{"seq": seq, "detail": "x" * size} for seq in range(first, last + 1)]


def send(delivery: Delivery, now: float = 0.0) -> list[int]:
    """One batch as the controller would answer; the numbers that go out."""
    wanted = delivery.wanted(now)
    if wanted is None:
        return []
    after = wanted.after_seq
    return [
        row["seq"] for row in delivery.batch(after, rows(after + 1, min(after + wanted.limit, delivery.last)))
    ]


def test_rows_go_out_in_order_and_in_batches_of_fifty() -> None:
    delivery = Delivery("epoch", acked=0, last=120)
    assert [send(delivery)[-1] for _ in range(3)] == [50, 100, 120]
    assert EVENT_BATCH_ROWS == 50


def test_no_more_than_four_batches_are_on_their_way() -> None:
    delivery = Delivery("epoch", acked=0, last=1000)
    sent = [send(delivery) for _ in range(6)]
    assert sum(bool(batch) for batch in sent) == EVENT_BATCHES_IN_FLIGHT


def test_an_acknowledgement_makes_room() -> None:
    delivery = Delivery("epoch", acked=0, last=1000)
    for _ in range(4):
        send(delivery)
    delivery.acknowledge(50, 1.0)
    assert send(delivery)[0] == 201


def test_what_was_acknowledged_is_not_sent_again_after_a_new_start() -> None:
    delivery = Delivery("epoch", acked=0, last=100)
    send(delivery)
    delivery.acknowledge(30, 1.0)
    delivery.restart(2.0)
    assert delivery.wanted(2.0) == RowsWanted(after_seq=30, limit=50)


def test_a_cloud_that_repeats_itself_was_away_and_is_sent_the_rest_at_once() -> None:
    delivery = Delivery("epoch", acked=10, last=30)
    send(delivery)
    delivery.acknowledge(10, 1.0)
    assert send(delivery, 1.0)[0] == 11


def test_an_older_acknowledgement_changes_nothing() -> None:
    delivery = Delivery("epoch", acked=10, last=30)
    send(delivery)
    delivery.acknowledge(5, 1.0)
    assert (delivery.acked, send(delivery)) == (10, [])


def test_without_progress_for_ten_seconds_it_is_time_to_start_again() -> None:
    delivery = Delivery("epoch", acked=0, last=10)
    send(delivery, now=5.0)
    assert delivery.deadline() == 15.0


def test_big_rows_make_small_batches_and_one_huge_row_still_goes() -> None:
    delivery = Delivery("epoch", acked=0, last=10)
    delivery.wanted(0.0)
    assert len(delivery.batch(0, rows(1, 10, size=EVENT_BATCH_BYTES // 3))) == 2
    delivery.wanted(0.0)
    assert len(delivery.batch(2, rows(3, 10, size=EVENT_BATCH_BYTES * 2))) == 1


def test_the_answer_to_an_older_question_is_dropped() -> None:
    delivery = Delivery("epoch", acked=0, last=10)
    delivery.wanted(0.0)
    delivery.restart(1.0)
    assert delivery.batch(0, rows(1, 10)) == []
