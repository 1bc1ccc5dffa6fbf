"""The pacing of journal rows on random lives, the order of acknowledgements, and the delays between tries."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.messages import EVENT_BATCH_ROWS, EVENT_BATCHES_IN_FLIGHT
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


def test_a_cloud_that_got_rows_twice_does_not_set_off_a_storm_of_repetitions() -> None:
    delivery = Delivery("epoch", 0, 1000)
    for _ in range(EVENT_BATCHES_IN_FLIGHT):
        wanted = delivery.wanted(0.0)
        assert wanted
        delivery.batch(wanted.after_seq, journal(1000)[wanted.after_seq :][:50])
    delivery.acknowledge(50, 0.1)
    delivery.acknowledge(50, 0.2)  # for the copy
    wanted = delivery.wanted(0.2)
    assert wanted
    assert wanted.after_seq == 200  # not 50


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
