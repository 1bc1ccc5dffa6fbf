"""The uplink against a broker that breaks the rules, and against certificates that are not right."""

import datetime as dt
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.envelope import Signer
from agent.messages import AckReceived, MessageRefused, Request
from agent.uplink import Backoff, UplinkClock
from tests.uplink.clouds import DEVICE, Authority
from tests.uplink.conftest import AUTHORITY, Brokers
from tests.uplink.doors import EPOCH, Door
from tests.uplink.rude_broker import (
    CONNACK_NOT_AUTHORIZED,
    CONNACK_OK,
    Manners,
    RudeBroker,
    length,
    publish,
)
from tests.waiting import wait_for

NewBroker = Callable[..., RudeBroker]
NewDoor = Callable[..., Door]


def quiet(_broker: RudeBroker, _lock: socket.socket) -> None:
    """Says nothing of its own."""


@pytest.fixture
def rude(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewBroker]:
    made: list[RudeBroker] = []

    def make(manners: Manners = quiet, connack: bytes = CONNACK_OK) -> RudeBroker:
        made.append(RudeBroker(tmp_path_factory.mktemp("rude"), AUTHORITY, manners, connack))
        return made[-1]

    yield make
    for broker in made:
        broker.close()


def says(*packets: bytes) -> Manners:
    def speak(_broker: RudeBroker, lock: socket.socket) -> None:
        lock.sendall(b"".join(packets))

    return speak


def genuine(door: Door, upto: int, mid: int) -> bytes:
    return publish(signed_ack(door, upto), mid=mid)


def signed_ack(door: Door, upto: int) -> bytes:
    signer = Signer(DEVICE, door.cloud.signing)
    return signer.sign("ack", {"journal_epoch": EPOCH, "upto": upto}, iat=1, id="x")


def test_a_lock_asks_for_a_session_that_survives_and_for_small_packets(
    rude: NewBroker, new_door: NewDoor
) -> None:
    broker = rude()
    new_door(broker.url).uplink.start()
    connect = wait_for(lambda: broker.packets)[0]
    assert connect[1:8] == b"\0\x04MQTT\x05"
    flags, keepalive = connect[8], int.from_bytes(connect[9:11], "big")
    assert (flags & 0b10, flags & 0b100, keepalive) == (0, 0b100, 30)  # no clean start; a will
    properties = connect[12 : 12 + connect[11]]
    assert properties == bytes.fromhex("1100000e10 21000a 2700010000")


@pytest.mark.parametrize(
    "refused",
    [publish(b"nonsense"), publish(b"x", topic=b"lock/v1/other/down/ack"), publish(b"x", topic=b"\xff\xfe")],
)
def test_what_cannot_be_believed_is_acknowledged_and_the_next_message_still_arrives(
    rude: NewBroker, new_door: NewDoor, refused: bytes
) -> None:
    made: list[Door] = []
    broker = rude(lambda _broker, lock: lock.sendall(refused + genuine(made[0], 5, mid=2)))
    made.append(new_door(broker.url))
    made[0].uplink.start()
    received = made[0].wait_for(AckReceived)
    made[0].uplink.settle(received.token)
    assert len(made[0].all_of(MessageRefused)) == 1
    wait_for(lambda: broker.pubacked() == [1, 2])


def test_messages_are_acknowledged_in_the_order_they_came(rude: NewBroker, new_door: NewDoor) -> None:
    made: list[Door] = []
    broker = rude(lambda _b, lock: lock.sendall(b"".join(genuine(made[0], mid, mid) for mid in (7, 8, 9))))
    made.append(new_door(broker.url))
    made[0].uplink.start()
    made[0].wait_for(AckReceived, 3)
    tokens = {received.ack.upto: received.token for received in made[0].all_of(AckReceived)}
    for mid in (9, 8, 7):
        made[0].uplink.settle(tokens[mid])
    wait_for(lambda: broker.pubacked() == [7, 8, 9])


def test_what_a_resumed_session_brings_before_we_are_subscribed_is_not_lost(
    rude: NewBroker, new_door: NewDoor
) -> None:
    broker = rude()
    door = new_door(broker.url)
    broker.connack += genuine(door, 5, mid=3)
    door.uplink.start()
    door.uplink.settle(door.wait_for(AckReceived).token)
    wait_for(lambda: broker.pubacked() == [3])


def test_a_packet_of_any_size_is_not_read(rude: NewBroker, new_door: NewDoor) -> None:
    broker = rude(says(b"\x32" + length(200_000_000) + b"x" * 100_000))
    door = new_door(broker.url)
    door.uplink.start()
    assert door.wait_down().reason == "the broker sent a packet that is too large"
    assert door.all_of(MessageRefused) == []


def test_more_messages_than_we_ever_take_at_a_time_end_the_connection(
    rude: NewBroker, new_door: NewDoor
) -> None:
    made: list[Door] = []
    flood = range(1, 300)
    broker = rude(lambda _b, lock: lock.sendall(b"".join(genuine(made[0], mid, mid) for mid in flood)))
    made.append(new_door(broker.url))
    made[0].uplink.start()
    assert made[0].wait_down().reason == "the broker sends more than it may"
    assert len(made[0].all_of(AckReceived)) <= 100


def test_a_broker_that_brings_rubbish_without_end_is_left(rude: NewBroker, new_door: NewDoor) -> None:
    broker = rude(says(publish(b"nonsense")))
    broker.after_puback = publish(b"nonsense")
    door = new_door(broker.url)
    door.uplink.start()
    assert door.wait_down().reason == "too many messages had to be refused"
    assert 60 < len(door.all_of(MessageRefused)) < 70


def test_a_message_without_delivery_guarantee_is_taken_and_not_acknowledged(
    rude: NewBroker, new_door: NewDoor
) -> None:
    made: list[Door] = []

    def speak(_broker: RudeBroker, lock: socket.socket) -> None:
        once = publish(signed_ack(made[0], 1), qos=0)
        lock.sendall(once * 3 + genuine(made[0], 2, mid=9))

    broker = rude(speak)
    made.append(new_door(broker.url))
    made[0].uplink.start()
    made[0].wait_for(AckReceived, 4)
    for received in made[0].all_of(AckReceived):
        made[0].uplink.settle(received.token)
    wait_for(lambda: broker.pubacked() == [9])


def test_garbage_instead_of_packets_ends_the_connection_and_is_tried_again(
    rude: NewBroker, new_door: NewDoor
) -> None:
    broker = rude(says(b"\xf0\x00\x00\xff" * 100))
    door = new_door(broker.url)
    door.uplink.start()
    wait_for(lambda: broker.connections >= 3)
    assert door.wait_down().reason


def test_a_broker_that_refuses_is_named_as_the_reason(rude: NewBroker, new_door: NewDoor) -> None:
    door = new_door(rude(connack=CONNACK_NOT_AUTHORIZED).url)
    door.uplink.start()
    assert "Not authorized" in door.wait_down().reason


def test_a_broker_that_accepts_and_drops_is_not_tried_in_a_tight_loop(
    rude: NewBroker, new_door: NewDoor
) -> None:
    def drop(_broker: RudeBroker, lock: socket.socket) -> None:
        lock.shutdown(socket.SHUT_RDWR)

    delays: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        delays.append((low, high))
        return low

    broker = rude(drop)
    new_door(broker.url, backoff=Backoff(first_s=0.1, cap_s=0.8, draw=draw)).uplink.start()
    wait_for(lambda: len(delays) >= 5)
    assert [high for _, high in delays[:5]] == [0.1, 0.2, 0.4, 0.8, 0.8]


def test_no_more_is_under_way_than_the_broker_takes(rude: NewBroker, new_door: NewDoor) -> None:
    receive_maximum_two = bytes.fromhex("2006000003210002")
    broker = rude(connack=receive_maximum_two)
    broker.is_acknowledging = False
    door = new_door(broker.url)
    door.uplink.start()
    door.wait_up()
    for number in range(5):
        door.uplink.request(Request(type="time", nonce=str(number)))
    wait_for(lambda: len(publishes(broker)) == 2)
    door.uplink.stop()
    assert len(publishes(broker)) == 2


def publishes(broker: RudeBroker) -> list[bytes]:
    return [packet for packet in list(broker.packets) if packet[0] & 0xF0 == 0x30]


def test_a_smaller_limit_of_the_broker_is_kept(rude: NewBroker, new_door: NewDoor) -> None:
    at_most_2000_bytes = bytes.fromhex("2008000005 27000007d0")
    broker = rude(connack=at_most_2000_bytes)
    door = new_door(broker.url)
    door.uplink.start()
    door.wait_up()
    door.uplink.request(Request(type="buckets", rev=1, need=list(range(256)) * 4))
    door.uplink.request(Request(type="time", nonce="n"))
    wait_for(lambda: len(publishes(broker)) == 2)  # the status and the small request
    assert all(len(packet) < 2000 for packet in publishes(broker))


# --- certificates --------------------------------------------------------------------------------------


def test_a_broker_of_another_authority_is_refused(brokers: Brokers, new_door: NewDoor) -> None:
    door = new_door(brokers.url, authority=Authority())
    door.uplink.start()
    assert "certificate" in door.wait_down().reason.lower()
    assert door.changes(is_up=True) == []


def test_a_broker_that_refuses_our_certificate_is_told_from_a_bad_line(
    brokers: Brokers, new_door: NewDoor, tmp_path: Path
) -> None:
    door = new_door(brokers.url, authority=Authority())
    (tmp_path / "broker-trusts").mkdir()
    AUTHORITY.write_server(tmp_path / "broker-trusts")
    door.enrolment.ca.write_bytes((tmp_path / "broker-trusts" / "ca.pem").read_bytes())
    door.uplink.start()
    reason = door.wait_down().reason
    assert "alert" in reason or "certificate of this lock" in reason or "reset" in reason


def test_a_broker_under_another_name_is_refused_even_without_a_clock(
    brokers: Brokers, new_door: NewDoor
) -> None:
    url = brokers.url.replace("127.0.0.1", "127.0.0.2")
    door = new_door(url, clock=UplinkClock(is_trusted=lambda: False))
    door.uplink.start()
    reason = door.wait_down().reason
    assert "mismatch" in reason or "refused" in reason.lower() or "valid for" in reason


@pytest.fixture
def expired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Authority]]:
    """A broker whose certificate has expired, by the clock of this machine."""
    authority = Authority(server_not_after=dt.datetime(2021, 1, 1, tzinfo=dt.UTC))
    broker = Brokers("builtin", tmp_path_factory.mktemp("expired"), authority)
    broker.start()
    yield broker.url, authority
    broker.stop()


def test_an_expired_certificate_is_refused_when_the_time_is_known(
    expired: tuple[str, Authority], new_door: NewDoor
) -> None:
    door = new_door(expired[0], authority=expired[1])
    door.uplink.start()
    assert "expired" in door.wait_down().reason


def test_without_a_clock_the_lock_connects_and_checks_the_dates_once_it_knows_the_time(
    expired: tuple[str, Authority], new_door: NewDoor
) -> None:
    knows: list[bool] = []
    door = new_door(expired[0], authority=expired[1], clock=UplinkClock(is_trusted=lambda: bool(knows)))
    door.uplink.start()
    door.wait_up()
    knows.append(True)
    door.uplink.journal_grew(0)  # anything makes the uplink look
    assert "not valid at this time" in door.wait_down().reason


def test_a_valid_certificate_survives_the_moment_the_time_becomes_known(
    brokers: Brokers, new_door: NewDoor
) -> None:
    knows: list[bool] = []
    door = new_door(brokers.url, clock=UplinkClock(is_trusted=lambda: bool(knows)))
    door.uplink.start()
    door.wait_up()
    knows.append(True)
    for last in range(3):
        door.uplink.journal_grew(last)
    wait_for(lambda: door.posted[-1] != door.wait_up())
    assert door.changes(is_up=False) == []
