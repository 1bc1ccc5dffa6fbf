"""Sessions, wills and retained messages over time, with the time as an argument."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cloud_sim.broker.exchange import RETAINED_LIMIT, Exchange
from cloud_sim.broker.messages import published
from cloud_sim.broker.session import WAITING_LIMIT
from cloud_sim.mqtt5 import Properties, Publish, Reason, Subscription, Will

ANYTHING = Subscription(topic_filter="#", qos=1)
OFFLINE = Will(topic="status", payload=b"offline", properties=Properties(will_delay_interval=30))


@dataclass
class Line:
    """A connection that notes what it was given, and takes `receive_maximum` of it at once."""

    receive_maximum: int = 10
    is_writable: bool = True
    got: list[Publish] = field(default_factory=list)
    closed: list[Reason] = field(default_factory=list)

    def deliver(self, packet: Publish) -> bool:
        self.got.append(packet)
        return True

    def close(self, reason: Reason) -> None:
        self.closed.append(reason)

    def payloads(self) -> list[bytes]:
        return [packet.payload for packet in self.got]


def joined(exchange: Exchange, client_id: str, line: Line, expiry_s: int = 60, now: float = 0) -> bool:
    is_resumed = exchange.open(client_id, line, expiry_s, False, now)
    exchange.subscribe(client_id, ANYTHING, now)
    exchange.sessions[client_id].pump(now)
    return is_resumed


def say(exchange: Exchange, payload: bytes, now: float, expiry_s: int | None = None, qos: int = 1) -> Reason:
    properties = Properties(message_expiry_interval=expiry_s)
    packet = Publish(topic="t", payload=payload, qos=qos, packet_id=qos or None, properties=properties)
    return exchange.publish(published("cloud", packet, now), now)


def test_a_session_ends_when_its_time_is_over_and_not_before() -> None:
    exchange, line = Exchange(), Line()
    joined(exchange, "a", line)
    exchange.leave("a", line, None, now=100)
    assert exchange.next_turn_at() == 160
    exchange.turn(159)
    assert "a" in exchange.sessions
    exchange.turn(160)
    assert "a" not in exchange.sessions


def test_a_will_waits_for_its_delay() -> None:
    exchange, line, watcher = Exchange(), Line(), Line()
    joined(exchange, "a", line)
    joined(exchange, "watcher", watcher)
    exchange.leave("a", line, OFFLINE, now=100)
    exchange.turn(129)
    assert watcher.payloads() == []
    exchange.turn(130)
    assert watcher.payloads() == [b"offline"]


def test_a_client_that_is_back_before_its_will_is_due_has_none() -> None:
    exchange, line, watcher = Exchange(), Line(), Line()
    joined(exchange, "a", line)
    joined(exchange, "watcher", watcher)
    exchange.leave("a", line, OFFLINE, now=100)
    joined(exchange, "a", Line(), now=110)
    exchange.turn(200)
    assert watcher.payloads() == []


def test_a_will_does_not_wait_longer_than_the_session() -> None:
    exchange, line, watcher = Exchange(), Line(), Line()
    joined(exchange, "a", line, expiry_s=5)
    joined(exchange, "watcher", watcher)
    exchange.leave("a", line, OFFLINE, now=100)
    exchange.turn(105)
    assert watcher.payloads() == [b"offline"]


def test_nobody_takes_a_message_and_the_publisher_is_told() -> None:
    exchange = Exchange()
    assert say(exchange, b"x", 0) is Reason.NO_MATCHING_SUBSCRIBERS


def test_a_message_with_qos_0_does_not_wait_for_who_is_away() -> None:
    exchange, line, back = Exchange(), Line(), Line()
    joined(exchange, "a", line)
    exchange.leave("a", line, None, now=1)
    say(exchange, b"lost", 2, qos=0)
    say(exchange, b"kept", 2)
    assert joined(exchange, "a", back, now=3)
    assert back.payloads() == [b"kept"]


def test_a_message_with_qos_0_does_not_outlive_a_connection_that_could_not_take_it() -> None:
    exchange, line, back = Exchange(), Line(is_writable=False), Line()
    joined(exchange, "a", line)
    say(exchange, b"lost", 1, qos=0)
    exchange.leave("a", line, None, now=2)
    joined(exchange, "a", back, now=3)
    assert back.got == []


def test_whatever_a_snapshot_would_show_counts_as_a_change() -> None:
    exchange, line = Exchange(), Line()
    acts: list[Callable[[], object]] = [
        lambda: exchange.open("a", line, 60, False, 0),
        lambda: exchange.subscribe("a", ANYTHING, 0),
        lambda: say(exchange, b"x", 0),
        lambda: exchange.acknowledged("a", 1, 0),
        lambda: exchange.unsubscribe("a", "#"),
        lambda: exchange.leave("a", line, None, 0),
        lambda: exchange.wipe("a", 0),
    ]
    counts = [(act(), exchange.changes)[1] for act in acts]
    assert counts == sorted(set(counts))


def test_a_message_that_was_sent_but_not_acknowledged_also_expires() -> None:
    exchange, line, back = Exchange(), Line(), Line()
    joined(exchange, "a", line)
    say(exchange, b"short", 0, expiry_s=10)
    say(exchange, b"long", 0, expiry_s=100)
    exchange.leave("a", line, None, now=1)
    joined(exchange, "a", back, now=20)
    assert [(p.payload, p.is_duplicate, p.properties.message_expiry_interval) for p in back.got] == [
        (b"long", True, 80)
    ]


def test_a_client_that_returns_with_a_smaller_window_gets_its_messages_in_order() -> None:
    exchange, line, back = Exchange(), Line(), Line(receive_maximum=1)
    joined(exchange, "a", line)
    for payload in (b"1", b"2", b"3"):
        say(exchange, payload, 0)
    exchange.leave("a", line, None, now=1)
    joined(exchange, "a", back, now=2)
    while len(back.got) < 3:
        exchange.sessions["a"].acknowledged(back.got[-1].packet_id or 0, 3)
    assert back.payloads() == [b"1", b"2", b"3"]


def test_nothing_is_sent_to_a_client_that_does_not_read_until_it_does() -> None:
    exchange, line = Exchange(), Line(is_writable=False)
    joined(exchange, "a", line)
    say(exchange, b"x", 0)
    assert line.got == []
    line.is_writable = True
    exchange.sessions["a"].pump(1)
    assert line.payloads() == [b"x"]


def test_only_so_many_messages_wait_for_one_client() -> None:
    exchange, line = Exchange(), Line()
    joined(exchange, "a", line)
    exchange.leave("a", line, None, now=0)
    for number in range(WAITING_LIMIT + 5):
        say(exchange, b"%d" % number, 1)
    kept = exchange.sessions["a"].kept()
    assert [len(kept), kept[-1].message.payload] == [WAITING_LIMIT, b"%d" % (WAITING_LIMIT - 1)]


def test_only_so_many_topics_are_retained() -> None:
    exchange = Exchange()

    def retain(topic: str) -> Reason:
        packet = Publish(topic=topic, payload=b"x", retain=True)
        return exchange.publish(published("cloud", packet, 0), 0)

    assert {retain(str(number)) for number in range(RETAINED_LIMIT)} == {Reason.NO_MATCHING_SUBSCRIBERS}
    assert retain("one more") is Reason.QUOTA_EXCEEDED
    assert retain("0") is Reason.NO_MATCHING_SUBSCRIBERS


def test_overlapping_subscriptions_get_one_copy_with_the_best_qos() -> None:
    exchange, line = Exchange(), Line()
    joined(exchange, "a", line)
    exchange.subscribe("a", Subscription(topic_filter="t", qos=0), 0)
    say(exchange, b"x", 0)
    assert [packet.qos for packet in line.got] == [1]


def test_the_end_of_an_old_connection_does_not_touch_the_new_one() -> None:
    exchange, old, new = Exchange(), Line(), Line()
    joined(exchange, "a", old)
    joined(exchange, "a", new)
    exchange.leave("a", old, OFFLINE, now=1)
    assert old.closed == [Reason.SESSION_TAKEN_OVER]
    assert exchange.sessions["a"].link is new
    assert exchange.next_turn_at() is None
