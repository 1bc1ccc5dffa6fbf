"""The pacing of journal rows on random lives, the order of acknowledgements, and the delays between tries."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.messages import EVENT_BATCH_BYTES, EVENT_BATCH_ROWS, EVENT_BATCHES_IN_FLIGHT
from agent.uplink.backoff import Backoff
from agent.uplink.delivery import Delivery
from agent.uplink.settling import Settling


def journal(last: int) -> list[dict[str, Any]]:
    return [{"seq": seq} for seq in range(1, last + 1)]


@given(st.lists(st.sampled_from(["grow", "ask", "ack", "lose", "late"]), max_size=200), st.integers(1, 60))
def test_whatever_happens_the_cloud_can_have_every_row_in_order(life: list[str], growth: int) -> None:
    delivery = Delivery("epoch", 0, 0)
    stored = last = 0
    for step, event in enumerate(life + ["grow", *["ask", "ack"] * 200]):
        now = float(step)
        if event == "grow":
            last += growth
            delivery.grew(last)
        elif event == "ask" and (wanted := delivery.wanted(now)):
            sent = delivery.batch(wanted.after_seq, journal(last)[wanted.after_seq :][: wanted.limit])
            assert 0 < len(sent) <= EVENT_BATCH_ROWS
            assert sent[0]["seq"] <= stored + 1 + EVENT_BATCHES_IN_FLIGHT * EVENT_BATCH_ROWS
            if sent[0]["seq"] <= stored + 1:  # the cloud stores what is contiguous
                stored = max(stored, sent[-1]["seq"])
        elif event == "ack":
            delivery.acknowledge(stored, now)
        elif event == "lose":
            delivery.restart(now)
        elif event == "late":
            assert delivery.batch(-1, journal(last)) == []
    assert stored == last


def test_no_more_than_four_batches_are_under_way() -> None:
    delivery = Delivery("epoch", 0, 1000)
    sent = 0
    while wanted := delivery.wanted(0.0):
        delivery.batch(wanted.after_seq, journal(1000)[wanted.after_seq :][:50])
        sent += 1
    assert sent == EVENT_BATCHES_IN_FLIGHT


def test_a_batch_keeps_to_its_bytes_but_a_huge_row_still_goes_alone() -> None:
    huge: list[dict[str, Any]] = [{"seq": 1, "detail": "x" * EVENT_BATCH_BYTES * 2}, {"seq": 2}]
    delivery = Delivery("epoch", 0, 2)
    delivery.wanted(0.0)
    assert [row["seq"] for row in delivery.batch(0, huge)] == [1]


def test_rows_that_turn_out_not_to_exist_are_not_asked_for_again() -> None:
    delivery = Delivery("epoch", 5, 9)
    assert delivery.wanted(0.0)
    assert delivery.batch(5, []) == []
    assert delivery.wanted(0.0) is None
    delivery.grew(10)
    assert delivery.wanted(0.0)


@given(st.permutations(range(6)))
def test_messages_are_acknowledged_in_order_whatever_order_they_are_settled_in(order: list[int]) -> None:
    settling = Settling()
    tokens = [settling.arrived(mid) for mid in range(10, 16)]
    ready = [mid for index in order for mid in settling.settle(tokens[index])]
    assert ready == [10, 11, 12, 13, 14, 15]


def test_tokens_of_an_older_connection_acknowledge_nothing() -> None:
    settling = Settling()
    old = settling.arrived(1)
    settling.restart()
    new = settling.arrived(1)
    assert settling.settle(old) == []
    assert settling.settle(new) == [1]
    assert settling.settle(new) == []


@pytest.mark.parametrize("failures", [1, 2, 8, 9, 1000])
def test_a_delay_is_never_nothing_and_never_over_the_cap(failures: int) -> None:
    backoff = Backoff(first_s=0.5, cap_s=120)
    delays = [backoff.delay_s(failures) for _ in range(200)]
    assert min(delays) >= 0.05
    assert max(delays) <= min(120, 0.5 * 2 ** min(failures - 1, 30))
