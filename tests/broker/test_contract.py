"""What locks and cloud rely on, whichever broker stands between them."""

from typing import Any

from tests.broker.brokers import RunningBroker
from tests.broker.certificates import Authority
from tests.broker.client import Client, Site, down, up
from tests.waiting import wait_for

NOT_AUTHORIZED = 0x87


def test_what_a_lock_publishes_reaches_the_cloud(cloud: Client, lock: Client, door: str) -> None:
    cloud.subscribe("lock/v1/+/up/#")
    assert not lock.publish(up(door), b"opened").is_failure
    assert cloud.received()[-1].topic == up(door)
    assert cloud.payloads()[-1] == b"opened"


def test_what_the_cloud_publishes_reaches_only_the_lock_it_is_for(
    site: Site, cloud: Client, door: str
) -> None:
    lock, other = site.client(door).connect(), site.client(f"{door}-other").connect()
    for client in (lock, other):
        client.subscribe(down(door))
    other.subscribe(down(f"{door}-other"))
    cloud.publish(down(door), b"for the first")
    cloud.publish(down(f"{door}-other"), b"for the other")
    assert lock.payloads() == [b"for the first"]
    assert other.payloads() == [b"for the other"]


def test_a_lock_may_not_write_as_another_lock(cloud: Client, lock: Client, door: str) -> None:
    cloud.subscribe("lock/v1/#")
    assert lock.publish(up("another"), b"forged").value == NOT_AUTHORIZED
    lock.publish(up(door), b"own")
    assert b"forged" not in cloud.payloads()


def test_a_lock_may_not_write_to_its_own_down_topics(lock: Client, door: str) -> None:
    assert lock.publish(down(door)).value == NOT_AUTHORIZED


def test_the_cloud_may_not_write_outside_of_the_locks_topics(cloud: Client) -> None:
    assert cloud.publish("elsewhere").value == NOT_AUTHORIZED


def test_everything_is_not_everything_for_a_lock(cloud: Client, lock: Client, door: str) -> None:
    lock.subscribe("#")
    lock.subscribe(down(door, "#"))
    cloud.publish(down("another"), b"secret")
    cloud.publish(down(door), b"own")
    assert set(lock.payloads()) == {b"own"}


def test_a_lock_cannot_throw_another_lock_out_by_its_client_id(site: Site, cloud: Client, door: str) -> None:
    lock = site.client(door).connect()
    lock.subscribe(down(door))
    site.client(f"{door}-thief", client_id=door).open()
    cloud.publish(down(door), b"still here")
    assert lock.payloads() == [b"still here"]
    assert not lock.is_gone()


def test_a_retained_message_waits_for_who_subscribes_later(site: Site, lock: Client, door: str) -> None:
    lock.publish(up(door, "status"), b"online", retain=True)
    cloud = site.client("cloud").connect()
    cloud.subscribe(up(door, "#"))
    assert [(m.payload, m.retain) for m in cloud.received()] == [(b"online", True)]


def test_an_empty_retained_message_clears_the_topic(site: Site, cloud: Client, door: str) -> None:
    cloud.publish(down(door), b"old", retain=True)
    cloud.publish(down(door), b"", retain=True)
    lock = site.client(door).connect()
    lock.subscribe(down(door))
    cloud.publish(down(door), b"new")
    assert lock.payloads() == [b"new"]


def test_a_live_message_loses_its_retain_flag_unless_the_subscriber_keeps_it(
    cloud: Client, lock: Client, door: str
) -> None:
    lock.subscribe(down(door, "desired"))
    lock.subscribe(down(door, "command"), retainAsPublished=True)
    cloud.publish(down(door, "desired"), b"plain", retain=True)
    cloud.publish(down(door, "command"), b"kept", retain=True)
    assert [(m.payload, m.retain) for m in lock.received(2)] == [(b"plain", False), (b"kept", True)]


def test_retained_messages_are_not_sent_to_who_does_not_want_them(
    cloud: Client, lock: Client, door: str
) -> None:
    cloud.publish(down(door), b"stale", retain=True)
    lock.subscribe(down(door), retainHandling=2)
    cloud.publish(down(door), b"live")
    assert lock.payloads() == [b"live"]


def test_retained_messages_are_sent_once_to_who_wants_them_once(
    cloud: Client, lock: Client, door: str
) -> None:
    cloud.publish(down(door), b"retained", retain=True)
    lock.subscribe(down(door), retainHandling=1)
    lock.subscribe(down(door), retainHandling=1)
    cloud.publish(down(door), b"live")
    assert lock.payloads(2) == [b"retained", b"live"]


def test_who_subscribes_without_its_own_messages_does_not_get_them(cloud: Client, door: str) -> None:
    cloud.subscribe(down(door, "#"), noLocal=True)
    cloud.subscribe(up(door, "#"))
    cloud.publish(down(door), b"own, not wanted")
    cloud.publish(up(door), b"own, wanted")
    assert cloud.payloads() == [b"own, wanted"]


def test_nothing_comes_after_unsubscribing(cloud: Client, lock: Client, door: str) -> None:
    lock.subscribe(down(door, "#"))
    lock.unsubscribe(down(door, "#"))
    lock.subscribe(down(door, "ack"))
    cloud.publish(down(door, "bucket"), b"not wanted")
    cloud.publish(down(door, "ack"), b"wanted")
    assert lock.payloads() == [b"wanted"]


def test_response_topic_correlation_data_and_user_properties_pass_through(
    cloud: Client, lock: Client, door: str
) -> None:
    cloud.subscribe(up(door, "request"))
    told: dict[str, Any] = {
        "ResponseTopic": down(door),
        "CorrelationData": b"\x01\x02",
        "UserProperty": [("a", "b")],
    }
    lock.publish(up(door, "request"), b"need", **told)
    got = cloud.received()[0].properties
    assert got is not None
    assert {name: getattr(got, name) for name in told} == told


def test_a_packet_that_is_too_large_ends_the_connection(lock: Client, door: str) -> None:
    lock.paho.publish(up(door), b"x" * 70_000, qos=1)
    wait_for(lock.is_gone)


def test_a_message_larger_than_the_lock_takes_is_left_out(site: Site, cloud: Client, door: str) -> None:
    lock = site.client(door).connect(MaximumPacketSize=1000)
    lock.subscribe(down(door))
    cloud.publish(down(door), b"x" * 2000)
    cloud.publish(down(door), b"small")
    assert lock.payloads() == [b"small"]


def test_qos_2_is_refused(lock: Client, door: str) -> None:
    lock.paho.publish(up(door), b"x", qos=2)
    wait_for(lock.is_gone)


def test_the_broker_says_how_much_it_takes(lock: Client) -> None:
    assert lock.connack["MaximumPacketSize"] == 65536
    assert lock.connack["ReceiveMaximum"] == 20
    assert lock.connack["MaximumQoS"] == 1


def test_nobody_comes_in_without_a_certificate(site: Site, door: str) -> None:
    assert is_turned_away(site.stranger(door, None))


def test_nobody_comes_in_with_a_certificate_of_another_authority(
    site: Site, broker: RunningBroker, authority: Authority, door: str
) -> None:
    forger = Authority(authority.ca.parent / f"forged-{broker.port}")
    assert is_turned_away(site.stranger(door, forger.client(door)))


def is_turned_away(client: Client) -> bool:
    try:
        client.open()
    except OSError:
        return True  # the broker's alert came before the first packet was sent
    wait_for(client.is_gone, what="the end of the connection")
    return client.connected is None
