"""The built-in broker ends each conversation that breaks the rules, with the reason, and goes on."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_sim.mqtt5 import (
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Properties,
    Puback,
    Publish,
    Reason,
    Suback,
    Subscribe,
    Subscription,
    Will,
    encode,
)
from tests.broker.certificates import Authority
from tests.broker.in_thread import BrokerInThread
from tests.broker.raw import RawClient

DOOR = "door"
HELLO = Connect(client_id=DOOR)
LARGE = b"x" * 30_000
Dial = Callable[[str], RawClient]


@pytest.fixture(scope="module")
def running(authority: Authority) -> Iterator[BrokerInThread]:
    with BrokerInThread(authority.broker()) as broker:
        yield broker


@pytest.fixture(scope="module")
def dial(running: BrokerInThread, authority: Authority) -> Dial:
    """Makes a connection as the holder of the certificate of this name; says nothing yet."""
    certificates = {name: authority.client(name, name or "nameless") for name in (DOOR, "Door_1", "cloud")}
    return lambda name: RawClient(authority.ca, certificates[name], running.port)


@pytest.fixture
def raw(dial: Dial) -> Iterator[RawClient]:
    with dial(DOOR) as client:
        yield client


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (Publish(topic="", payload=b""), Reason.TOPIC_NAME_INVALID),
        (Publish(topic="lock/v1/door/up/+", payload=b""), Reason.TOPIC_NAME_INVALID),
        (Publish(topic="a", payload=b"", qos=2, packet_id=1), Reason.QOS_NOT_SUPPORTED),
        (Publish(topic="a", payload=b"", properties=Properties(topic_alias=1)), Reason.TOPIC_ALIAS_INVALID),
        (Publish(topic="a", payload=b"", properties=Properties(response_topic="#")), Reason.PROTOCOL_ERROR),
        (
            Subscribe(
                packet_id=1,
                subscriptions=(Subscription(topic_filter="a"),),
                properties=Properties(subscription_identifier=1),
            ),
            Reason.SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
        ),
        (HELLO, Reason.PROTOCOL_ERROR),
        (Pingresp(), Reason.PROTOCOL_ERROR),
        (Suback(packet_id=1, reasons=()), Reason.PROTOCOL_ERROR),
        (Disconnect(properties=Properties(session_expiry_interval=60)), Reason.PROTOCOL_ERROR),
        (b"\xff\xff\xff\xff\xff", Reason.MALFORMED_PACKET),
        (b"\x30\xff\xff\x7f", Reason.PACKET_TOO_LARGE),
    ],
)
def test_what_breaks_the_rules_is_answered_with_its_reason(
    raw: RawClient, packet: Packet | bytes, reason: Reason
) -> None:
    raw.connect(HELLO)
    raw.send(packet)
    answer = raw.receive()
    assert isinstance(answer, Disconnect)
    assert answer.reason is reason
    assert raw.receive() is None


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (Connect(client_id="another"), Reason.CLIENT_IDENTIFIER_NOT_VALID),
        (
            Connect(client_id=DOOR, properties=Properties(authentication_method="x")),
            Reason.BAD_AUTHENTICATION_METHOD,
        ),
        (
            Connect(client_id=DOOR, will=Will(topic="lock/v1/b/up/status", payload=b"")),
            Reason.NOT_AUTHORIZED,
        ),
        (Connect(client_id=DOOR, will=Will(topic="#", payload=b"")), Reason.TOPIC_NAME_INVALID),
        (Connect(client_id=DOOR, will=Will(topic="a", payload=b"", qos=2)), Reason.QOS_NOT_SUPPORTED),
    ],
)
def test_who_is_not_let_in_is_told_why(raw: RawClient, packet: Connect, reason: Reason) -> None:
    answer = raw.connect(packet)
    assert answer.reason is reason
    assert answer.properties.reason_string
    assert raw.receive() is None


def test_an_older_mqtt_is_told_that_its_version_is_not_spoken(raw: RawClient) -> None:
    raw.send(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04door")
    answer = raw.receive()
    assert getattr(answer, "reason", None) is Reason.UNSUPPORTED_PROTOCOL_VERSION


def test_a_certificate_whose_name_is_no_device_id_lets_nobody_in(dial: Dial) -> None:
    with dial("Door_1") as client:
        assert client.connect(Connect(client_id="")).reason is Reason.NOT_AUTHORIZED


def test_a_client_without_an_id_gets_the_name_of_its_certificate(raw: RawClient) -> None:
    assert raw.connect(Connect(client_id="")).properties.assigned_client_identifier == DOOR


def test_the_first_packet_must_be_a_connect(raw: RawClient) -> None:
    raw.send(Pingreq())
    assert raw.receive() is None


def test_a_ping_is_answered(raw: RawClient) -> None:
    raw.connect(HELLO)
    raw.send(Pingreq())
    assert raw.receive() == Pingresp()


def test_a_client_that_is_silent_for_too_long_is_told_so_and_cut_off(raw: RawClient) -> None:
    raw.connect(Connect(client_id=DOOR, keep_alive_s=1))
    answer = raw.receive()
    assert isinstance(answer, Disconnect)
    assert answer.reason is Reason.KEEP_ALIVE_TIMEOUT


def test_the_older_of_two_connections_is_told_that_it_was_taken_over(raw: RawClient, dial: Dial) -> None:
    raw.connect(HELLO)
    with dial(DOOR) as newer:
        newer.connect(HELLO)
        answer = raw.receive()
    assert isinstance(answer, Disconnect)
    assert answer.reason is Reason.SESSION_TAKEN_OVER


def test_a_session_is_not_promised_for_longer_than_it_is_kept(raw: RawClient) -> None:
    forever = Properties(session_expiry_interval=0xFFFF_FFFF)
    told = raw.connect(Connect(client_id=DOOR, properties=forever)).properties
    assert told.session_expiry_interval == 7 * 24 * 3600


@pytest.mark.parametrize(
    ("topic_filter", "reason"),
    [
        ("#", Reason.NOT_AUTHORIZED),
        ("lock/v1/door/down/#/x", Reason.TOPIC_FILTER_INVALID),
        ("$share/group/lock/v1/door/down/#", Reason.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED),
        ("lock/v1/door/down/#", Reason.GRANTED_QOS_1),
    ],
)
def test_each_subscription_is_answered_with_its_reason(
    raw: RawClient, topic_filter: str, reason: Reason
) -> None:
    raw.connect(HELLO)
    wanted = Subscription(topic_filter=topic_filter, qos=2)
    raw.send(Subscribe(packet_id=7, subscriptions=(wanted,)))
    assert raw.receive() == Suback(packet_id=7, reasons=(reason,))


def test_a_forbidden_publish_is_answered_and_the_connection_stays(raw: RawClient) -> None:
    raw.connect(HELLO)
    raw.send(Publish(topic="lock/v1/b/up/events", payload=b"", qos=1, packet_id=9), Pingreq())
    assert raw.receive() == Puback(packet_id=9, reason=Reason.NOT_AUTHORIZED)
    assert raw.receive() == Pingresp()


def test_an_acknowledgement_of_nothing_is_ignored(raw: RawClient) -> None:
    raw.connect(HELLO)
    raw.send(Puback(packet_id=77), Pingreq())
    assert raw.receive() == Pingresp()


def test_a_client_that_does_not_read_for_a_while_gets_everything_in_order(raw: RawClient, dial: Dial) -> None:
    raw.connect(HELLO)
    raw.send(Subscribe(packet_id=1, subscriptions=(Subscription(topic_filter="lock/v1/door/down/#", qos=1),)))
    raw.receive()
    with dial("cloud") as cloud:
        cloud.connect(Connect(client_id="cloud"))
        for number in range(1, 301):
            cloud.send(Publish(topic="lock/v1/door/down/ack", payload=LARGE, qos=1, packet_id=number))
            cloud.receive()
    got = [raw.receive() for _ in range(300)]
    assert [getattr(packet, "packet_id", None) for packet in got] == list(range(1, 301))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.binary(min_size=1, max_size=400), greets=st.booleans())
def test_garbage_never_stops_the_broker(dial: Dial, garbage: bytes, greets: bool) -> None:
    with dial(DOOR) as client:
        client.send(encode(HELLO) if greets else b"", garbage)
    with dial("cloud") as other:
        assert other.connect(Connect(client_id="cloud")).reason is Reason.SUCCESS
