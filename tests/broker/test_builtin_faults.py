"""The faults the built-in broker can be told to have, as a client sees them."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_sim import cut_off
from tests.broker.certificates import Authority
from tests.broker.client import Site
from tests.broker.in_thread import BrokerInThread
from tests.waiting import wait_for

UP, DOWN = "lock/v1/door/up/events", "lock/v1/door/down/bucket"


@pytest.fixture
def running(authority: Authority) -> Iterator[BrokerInThread]:
    with BrokerInThread(authority.broker()) as broker:
        yield broker


@pytest.fixture
def site(running: BrokerInThread, authority: Authority) -> Iterator[Site]:
    made = Site(authority, running.port)
    yield made
    made.close()


def test_a_dropped_puback_leaves_the_message_delivered_and_unacknowledged(
    running: BrokerInThread, site: Site
) -> None:
    cloud, lock = site.client("cloud").connect(), site.client("door").connect()
    cloud.subscribe(UP)
    running.faults.pubacks_to_drop = 1
    lost = lock.paho.publish(UP, b"first", qos=1)
    lock.publish(UP, b"second")
    assert cloud.payloads(2) == [b"first", b"second"]
    assert not lost.is_published()


def test_a_duplicated_delivery_comes_twice_the_second_marked(running: BrokerInThread, site: Site) -> None:
    cloud, lock = site.client("cloud").connect(), site.client("door").connect()
    lock.subscribe(DOWN)
    running.faults.deliveries_to_duplicate = 1
    cloud.publish(DOWN)
    assert [message.dup for message in lock.received(2)] == [False, True]


def test_a_delayed_delivery_comes_late(running: BrokerInThread, site: Site) -> None:
    cloud, lock = site.client("cloud").connect(), site.client("door").connect()
    lock.subscribe(DOWN)
    running.faults.delivery_delay_s = 0.2
    published_at = time.monotonic()
    cloud.publish(DOWN, b"late")
    assert lock.payloads() == [b"late"]
    assert time.monotonic() - published_at >= 0.2


def test_a_wiped_session_disconnects_its_client_and_is_not_resumed(
    running: BrokerInThread, site: Site
) -> None:
    lock = site.client("door").connect(clean_start=False, SessionExpiryInterval=3600)
    running.wipe_session("door")
    wait_for(lock.is_gone)
    assert not site.client("door").connect(clean_start=False).is_session_present


def test_who_is_cut_off_loses_the_connection_without_a_word_and_gets_no_other(
    authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "cut-off.json"
    cut_off.write(file, frozenset())
    with BrokerInThread(authority.broker(), file) as broker:
        site = Site(authority, broker.port)
        cloud, lock = site.client("cloud").connect(), site.client("door").will(UP).connect()
        cloud.subscribe(UP)
        cut_off.write(file, frozenset({"door"}))
        wait_for(lock.is_gone)
        assert cloud.payloads() == [b"offline"]
        assert lock.disconnected is not None
        assert lock.disconnected.getName() == "Unspecified error"
        again = site.client("door").open()
        wait_for(again.is_gone)
        assert again.connected is None
        cut_off.write(file, frozenset())
        wait_for(lambda: not broker.faults.cut_off)
        assert site.client("door").connect().connected
        site.close()


def test_a_broker_that_stops_tells_its_clients(authority: Authority) -> None:
    with BrokerInThread(authority.broker()) as broker:
        lock = Site(authority, broker.port).client("door").connect()
    wait_for(lock.is_gone)
    lock.close()
    assert lock.disconnected is not None
    assert lock.disconnected.getName() == "Server shutting down"


def test_a_connection_that_never_speaks_tls_does_not_hinder_the_end(authority: Authority) -> None:
    with BrokerInThread(authority.broker()) as broker:
        plain = socket.create_connection(("127.0.0.1", broker.port))
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert wait_for_end(plain)


def wait_for_end(plain: socket.socket) -> bool:
    with plain:
        while plain.recv(1000):
            pass  # a TLS alert, in which nobody is interested
    return True
