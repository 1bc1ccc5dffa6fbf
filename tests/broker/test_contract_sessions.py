"""Wills, sessions and the life of messages, whichever broker keeps them."""

from typing import Any

from paho.mqtt.client import MQTTMessage

from tests.broker.client import Client, Site, down, up
from tests.waiting import wait_for

FENCE = "lock/v1/fence"
"""What arrives on it arrives after whatever was sent before."""


def test_a_lock_that_vanishes_is_reported_by_its_will(site: Site, cloud: Client, door: str) -> None:
    cloud.subscribe(up(door, "status"))
    site.client(door).will(up(door, "status")).connect().vanish()
    assert cloud.payloads() == [b"offline"]


def test_a_lock_that_says_goodbye_leaves_no_will(site: Site, cloud: Client, door: str) -> None:
    cloud.subscribe(up(door, "#"))
    site.client(door).will(up(door, "status")).connect().close()
    site.client(door).connect().publish(up(door), b"back")
    assert cloud.payloads() == [b"back"]


def test_a_lock_that_is_back_in_time_leaves_no_will(site: Site, cloud: Client, door: str) -> None:
    cloud.subscribe(up(door, "#"))
    flapping = site.client(door).will(up(door, "status"), WillDelayInterval=60)
    flapping.connect(SessionExpiryInterval=3600).vanish()
    site.client(door).connect(clean_start=False).publish(up(door), b"back")
    assert cloud.payloads() == [b"back"]


def test_a_delayed_will_comes_no_later_than_the_end_of_the_session(
    site: Site, cloud: Client, door: str
) -> None:
    cloud.subscribe(up(door, "status"))
    lock = site.client(door).will(up(door, "status"), WillDelayInterval=3600)
    lock.connect(SessionExpiryInterval=1).vanish()
    assert cloud.payloads() == [b"offline"]
    assert not site.client(door).connect(clean_start=False).is_session_present


def test_a_will_on_another_locks_topic_is_never_published(site: Site, cloud: Client, door: str) -> None:
    cloud.subscribe("lock/v1/#", retainHandling=2)
    forger = site.client(door).will(up("another", "status")).open()
    wait_for(lambda: forger.connected is not None)
    forger.vanish()
    site.client(door).connect().publish(up(door), b"back")
    assert cloud.payloads() == [b"back"]


def test_messages_wait_for_a_lock_that_keeps_its_session(site: Site, cloud: Client, door: str) -> None:
    away = site.client(door).connect(clean_start=False, SessionExpiryInterval=3600)
    away.subscribe(down(door))
    away.vanish()
    cloud.publish(down(door), b"while away")
    back = site.client(door).connect(clean_start=False, SessionExpiryInterval=3600)
    assert back.is_session_present
    assert back.payloads() == [b"while away"]


def test_a_clean_start_forgets_what_waited(site: Site, cloud: Client, door: str) -> None:
    away = site.client(door).connect(SessionExpiryInterval=3600)
    away.subscribe(down(door))
    away.vanish()
    cloud.publish(down(door), b"while away")
    back = site.client(door).connect(clean_start=True)
    back.subscribe(down(door))
    cloud.publish(down(door), b"fresh")
    assert not back.is_session_present
    assert back.payloads() == [b"fresh"]


def test_a_message_that_expired_is_not_delivered_to_a_lock_that_was_away(
    site: Site, cloud: Client, door: str
) -> None:
    away = site.client(door).connect(clean_start=False, SessionExpiryInterval=3600)
    away.subscribe(down(door, "#"), retainHandling=2)
    away.close()
    cloud.publish(down(door, "command"), b"late", MessageExpiryInterval=1)
    cloud.publish(down(door, "bucket"), b"lasting", MessageExpiryInterval=60)
    cloud.publish(up(door), b"later still", retain=True, MessageExpiryInterval=2)
    wait_for(lambda: not retained_by(site, up(door)), what="the end of the retained message")
    back = site.client(door).connect(clean_start=False)
    assert back.payloads() == [b"lasting"]


def test_a_message_that_waited_tells_how_long_it_still_lives(site: Site, cloud: Client, door: str) -> None:
    cloud.publish(down(door), b"x", retain=True, MessageExpiryInterval=60)

    def has_aged() -> bool:
        told: Any = retained_by(site, down(door))[0].properties
        return 50 < int(told.MessageExpiryInterval) < 60

    wait_for(has_aged, what="a smaller expiry interval")


def retained_by(site: Site, topic: str) -> list[MQTTMessage]:
    """The retained messages of one topic, as a fresh subscriber gets them."""
    observer = site.client("cloud").connect()
    observer.subscribe(topic)
    observer.subscribe(FENCE)
    observer.publish(FENCE)
    wait_for(lambda: observer.messages and observer.messages[-1].topic == FENCE)
    observer.close()
    return observer.messages[:-1]


def test_the_newer_of_two_connections_takes_over(site: Site, lock: Client, door: str) -> None:
    newer = site.client(door).connect()
    wait_for(lock.is_gone)
    assert not newer.is_gone()


def test_a_message_that_was_not_acknowledged_comes_again_marked_as_a_duplicate(
    site: Site, cloud: Client, door: str
) -> None:
    first = site.client(door, manual_ack=True).connect(clean_start=False, SessionExpiryInterval=3600)
    first.subscribe(down(door))
    cloud.publish(down(door), b"important")
    assert [(m.payload, m.dup) for m in first.received()] == [(b"important", False)]
    first.vanish()
    second = site.client(door).connect(clean_start=False, SessionExpiryInterval=3600)
    assert [(m.payload, m.dup) for m in second.received()] == [(b"important", True)]


def test_no_more_messages_are_in_flight_than_the_lock_takes(site: Site, cloud: Client, door: str) -> None:
    lock = site.client(door, manual_ack=True).connect(ReceiveMaximum=2)
    lock.subscribe(down(door))
    for number in range(3):
        cloud.publish(down(door), b"%d" % number)
    lock.subscribe(down(door, "ack"))  # its answer comes after anything sent before
    assert lock.payloads(2) == [b"0", b"1"]
    lock.paho.ack(lock.messages[0].mid, qos=1)
    assert lock.payloads(3) == [b"0", b"1", b"2"]
