"""What the lock sends: journal rows in order until acknowledged, and nothing too large or too late."""

from agent.messages import Request, RowsWanted
from tests.uplink.cable import Cable
from tests.uplink.doors import EPOCH, CloudEnd, Door, answer, ask_again, reconnect


def test_a_journal_arrives_in_order_and_four_batches_at_a_time(door: Door, cloud_end: CloudEnd) -> None:
    door.uplink.start()
    door.uplink.journal_grew(320)
    for number in (1, 2, 3, 4):
        answer(door, number, 320)
    cloud_end.wait_for("events", 4)
    ask_again(door, cloud_end)
    assert [wanted.after_seq for wanted in door.all_of(RowsWanted)] == [0, 50, 100, 150]
    door.uplink.acked(200)
    for number in (5, 6, 7):
        answer(door, number, 320)
    cloud_end.wait_for("events", 7)
    assert cloud_end.seqs() == list(range(1, 321))
    assert {heard.body["journal_epoch"] for heard in cloud_end.all_of("events")} == {EPOCH}


def test_a_new_row_is_sent_at_once(door: Door, cloud_end: CloudEnd) -> None:
    door.uplink.start()
    door.wait_up()
    for last in (1, 2, 3):
        door.uplink.journal_grew(last)
        answer(door, last, last)
        cloud_end.wait_for("events", last)
        door.uplink.acked(last)
    assert cloud_end.seqs() == [1, 2, 3]


def test_rows_without_an_acknowledgement_are_sent_again_after_a_reconnection(
    door: Door, cloud_end: CloudEnd, cable: Cable
) -> None:
    door.uplink.start()
    door.uplink.journal_grew(60)
    answer(door, 1, 60)
    answer(door, 2, 60)
    cloud_end.wait_for("events", 2)
    door.uplink.acked(30)
    reconnect(door, cable)
    assert answer(door, 3, 60).after_seq == 30
    cloud_end.wait_for("events", 3)
    assert cloud_end.seqs() == [*range(1, 61), *range(31, 61)]


def test_large_rows_make_small_batches(door: Door, cloud_end: CloudEnd) -> None:
    door.uplink.start()
    door.uplink.journal_grew(8)
    for number in (1, 2, 3, 4):
        answer(door, number, 8, size=6000)
    cloud_end.wait_for("events", 4)
    assert [len(heard.body["rows"]) for heard in cloud_end.all_of("events")] == [2, 2, 2, 2]


def test_an_oversized_message_is_not_published_and_the_session_lives_on(
    door: Door, cloud_end: CloudEnd
) -> None:
    door.uplink.start()
    door.wait_up()
    door.uplink.request(Request(type="buckets", rev=1, need=list(range(20_000))))
    door.uplink.request(Request(type="time", nonce="n"))
    assert cloud_end.wait_for("request").body == {"type": "time", "nonce": "n"}
    assert len(door.changes(is_up=True)) == 1


def test_a_request_made_while_the_uplink_is_down_is_not_sent_late(door: Door, cloud_end: CloudEnd) -> None:
    door.uplink.request(Request(type="time", nonce="early"))
    door.uplink.start()
    door.wait_up()
    door.uplink.request(Request(type="time", nonce="now"))
    assert cloud_end.wait_for("request").body["nonce"] == "now"
