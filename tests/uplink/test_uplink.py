"""The uplink against real brokers, ours and mosquitto: up, down, and what must not be lost in between."""

from collections.abc import Callable

from agent.messages import (
    AckReceived,
    BucketReceived,
    Codes,
    HeartbeatReceived,
    ManifestReceived,
    MessageRefused,
    UplinkChanged,
    UplinkSignal,
)
from agent.uplink import UplinkClock
from tests.uplink.cable import Cable
from tests.uplink.conftest import Brokers
from tests.uplink.doors import EPOCH, CloudEnd, Door, ask_again, reconnect
from tests.waiting import wait_for

MANIFEST = {"count": 0, "buckets": "", "root": ""}
CODES = Codes(set_epoch=1, rev=7, root="r", count=0, capacity=10, constraints={})


def say_ack(cloud_end: CloudEnd, upto: int) -> None:
    cloud_end.say("ack", {"journal_epoch": EPOCH, "upto": upto})


def uptos(door: Door) -> list[int]:
    return [received.ack.upto for received in door.all_of(AckReceived)]


# --- birth, will, state --------------------------------------------------------------------------------


def test_a_lock_says_it_is_online_and_its_will_names_the_same_session(
    door: Door, cloud_end: CloudEnd
) -> None:
    door.uplink.start()
    sid = door.wait_up().sid
    birth = cloud_end.wait_for("status")
    assert (birth.body["online"], birth.body["sid"], birth.message.sid) == (True, sid, sid)
    assert (birth.body["clock"], birth.body["agent_version"]) == ("trusted", "1")
    door.uplink.stop()
    will = cloud_end.wait_for("status", 2)
    assert (will.body, will.message.sid) == ({"online": False, "sid": sid}, sid)


def test_a_cut_cable_makes_the_broker_publish_the_will_and_each_session_has_its_own_sid(
    door: Door, cloud_end: CloudEnd, cable: Cable
) -> None:
    door.uplink.start()
    door.wait_up()
    reconnect(door, cable)
    cloud_end.wait_for("status", 2)
    wait_for(lambda: cloud_end.all_of("status")[-1].body["sid"] == door.wait_up(2).sid)
    assert door.wait_up(1).sid != door.wait_up(2).sid
    ends = [heard.body["sid"] for heard in cloud_end.all_of("status") if not heard.body["online"]]
    assert door.wait_up(2).sid not in ends


def test_of_many_states_in_a_row_the_newest_is_what_the_broker_keeps(door: Door, cloud_end: CloudEnd) -> None:
    door.uplink.codes(CODES)
    door.uplink.start()
    door.wait_up()
    for number in range(50):
        door.uplink.status({"applied_rev": number})
    wait_for(lambda: 49 in [heard.body.get("applied_rev") for heard in cloud_end.all_of("status")])
    cloud_end.wait_for("codes")
    kept = cloud_end.kept_by_the_broker()
    assert {heard.stream: heard.body.get("applied_rev") for heard in kept} == {"status": 49, "codes": None}


def test_a_field_that_status_does_not_have_is_refused_where_it_is_said(door: Door) -> None:
    try:
        door.uplink.status({"digits": "4711"})
    except TypeError as error:
        assert "digits" in str(error)
    else:
        raise AssertionError("accepted")


# --- in ------------------------------------------------------------------------------------------------


def test_every_kind_of_message_arrives_opened_and_typed(door: Door, cloud_end: CloudEnd) -> None:
    door.uplink.start()
    door.wait_up()
    cloud_end.say("desired", MANIFEST, retain=True, id=None, set_epoch=1, rev=7)
    cloud_end.say_bucket([{"code": "4711"}], rev=7)
    say_ack(cloud_end, 3)
    cloud_end.say("heartbeat", {"head_rev": 7, "time": 99, "nonce": "n"}, exp=160)
    manifest, bucket = door.wait_for(ManifestReceived), door.wait_for(BucketReceived)
    assert (manifest.set_epoch, manifest.rev) == (1, 7)
    assert (bucket.rev, bucket.bucket.rows) == (7, [{"code": "4711"}])
    assert door.wait_for(AckReceived).ack.upto == 3
    heartbeat = door.wait_for(HeartbeatReceived)
    assert (heartbeat.heartbeat.nonce, heartbeat.exp) == ("n", 160)
    assert door.all_of(MessageRefused) == []


def test_the_manifest_the_broker_keeps_comes_at_every_connection(
    door: Door, cloud_end: CloudEnd, cable: Cable
) -> None:
    cloud_end.say("desired", MANIFEST, retain=True, id=None, set_epoch=1, rev=7)
    door.uplink.start()
    door.uplink.settle(door.wait_for(ManifestReceived).token)
    reconnect(door, cable)
    assert door.wait_for(ManifestReceived, 2).rev == 7


def test_what_is_not_believed_is_posted_and_does_not_come_again(
    door: Door, cloud_end: CloudEnd, cable: Cable
) -> None:
    door.uplink.start()
    door.wait_up()
    cloud_end.send("ack", b"nonsense")
    cloud_end.send("desired", b"x" * (32 * 1024 + 1))
    cloud_end.say("heartbeat", {"head_rev": 1, "time": 1})
    cloud_end.send("bucket", cloud_end.signer.sign("ack", {}, iat=1, id="x"))
    door.wait_for(MessageRefused, 4)
    ask_again(door, cloud_end)
    reconnect(door, cable)
    say_ack(cloud_end, 1)
    door.wait_for(AckReceived)
    assert [(refused.stream, refused.reason) for refused in door.all_of(MessageRefused)] == [
        ("ack", "malformed"),
        ("desired", "oversized"),
        ("heartbeat", "malformed"),
        ("bucket", "not_sealed"),
    ]


def test_a_message_that_was_kept_is_refused_where_only_fresh_ones_are_taken(
    door: Door, cloud_end: CloudEnd
) -> None:
    door.uplink.start()
    door.wait_up()
    ack = cloud_end.signer.sign("ack", {"journal_epoch": EPOCH, "upto": 1}, iat=1, id="x")
    cloud_end.send("ack", ack, retain=True)
    assert door.wait_for(MessageRefused) == MessageRefused("ack", "retained")
    cloud_end.send("ack", b"", retain=True)


def test_an_expired_message_is_refused_only_while_the_clock_is_trusted(
    new_door: Callable[..., Door], brokers: Brokers
) -> None:
    door = new_door(brokers.url, clock=UplinkClock(wall=lambda: 1000.0, is_trusted=lambda: True))
    cloud_end = CloudEnd(door, brokers.url)
    cloud_end.connect()
    door.uplink.start()
    door.wait_up()
    cloud_end.say("ack", {"journal_epoch": EPOCH, "upto": 1}, exp=1000)
    cloud_end.say("heartbeat", {"head_rev": 1, "time": 1}, exp=1000)
    assert door.wait_for(HeartbeatReceived).exp == 1000
    assert door.all_of(MessageRefused) == [MessageRefused("ack", "expired")]
    cloud_end.close()


def test_what_was_not_settled_comes_again_and_what_was_does_not(
    door: Door, cloud_end: CloudEnd, cable: Cable
) -> None:
    door.uplink.start()
    door.wait_up()
    for upto in (1, 2, 3):
        say_ack(cloud_end, upto)
    door.wait_for(AckReceived, 3)
    tokens = [received.token for received in door.all_of(AckReceived)]
    door.uplink.settle(tokens[0])
    door.uplink.settle(tokens[2])  # waits for the second: the broker must not hear of it first
    ask_again(door, cloud_end)
    reconnect(door, cable)
    door.wait_for(AckReceived, 5)
    assert uptos(door) == [1, 2, 3, 2, 3]
    door.uplink.settle(tokens[1])  # a token of the old session: nothing happens
    for received in door.all_of(AckReceived)[3:]:
        door.uplink.settle(received.token)
    say_ack(cloud_end, 4)
    door.wait_for(AckReceived, 6)
    assert uptos(door)[-1] == 4


def test_the_broker_holds_back_after_ten_unsettled_messages_and_loses_none(
    door: Door, cloud_end: CloudEnd
) -> None:
    door.uplink.start()
    door.wait_up()
    for upto in range(1, 31):
        say_ack(cloud_end, upto)
    door.wait_for(AckReceived, 10)
    ask_again(door, cloud_end)
    assert uptos(door) == list(range(1, 11))
    for number in range(30):
        door.uplink.settle(door.wait_for(AckReceived, number + 1).token)
    assert uptos(door) == list(range(1, 31))


# --- staying up --------------------------------------------------------------------------------------


def test_the_uplink_comes_back_when_the_broker_does(door: Door, brokers: Brokers) -> None:
    door.uplink.start()
    door.wait_up()
    brokers.stop()
    assert door.wait_down().reason
    assert not door.uplink.snapshot().is_up
    brokers.start()
    door.wait_up(2)
    assert door.uplink.snapshot().is_up


def test_a_broker_that_is_absent_at_the_start_is_waited_for(door: Door, brokers: Brokers) -> None:
    brokers.stop()
    door.uplink.start()
    wait_for(lambda: door.uplink.snapshot().attempts > 2)
    assert door.uplink.snapshot().reason
    brokers.start()
    door.wait_up()


def test_a_fault_of_whoever_is_told_costs_the_session_and_not_the_uplink(
    new_door: Callable[..., Door], brokers: Brokers
) -> None:
    heard: list[UplinkSignal] = []

    def post(signal: UplinkSignal) -> None:
        heard.append(signal)
        if len(heard) == 1:
            raise RuntimeError("a bug")

    door = new_door(brokers.url, post=post)
    door.uplink.start()
    wait_for(lambda: len([s for s in heard if isinstance(s, UplinkChanged) and s.is_up]) == 2, 20)


def test_an_uplink_that_was_never_started_or_never_up_stops_at_once(door: Door, cable: Cable) -> None:
    cable.cut()
    door.uplink.stop()
    door.uplink.start()
    door.uplink.stop()
