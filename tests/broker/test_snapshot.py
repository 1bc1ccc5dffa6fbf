"""What the built-in broker keeps, and that time goes on while it is down."""

from pathlib import Path

from cloud_sim.broker import snapshot
from cloud_sim.broker.exchange import Exchange
from cloud_sim.broker.messages import published
from cloud_sim.mqtt5 import Properties, Publish, Subscription
from tests.broker.test_exchange import Line


def full_exchange() -> Exchange:
    """One session with a message sent and one waiting, one retained message; all of it at 1000."""
    exchange, line = Exchange(), Line(receive_maximum=1)
    exchange.open("door", line, 60, False, 1000)
    exchange.open("forgotten", Line(), 0, False, 1000)
    exchange.subscribe("door", Subscription(topic_filter="#", qos=1, no_local=True), 1000)
    told = Properties(message_expiry_interval=30, user_properties=(("a", "b"),), correlation_data=b"\x00\xff")
    for payload in (b"sent", b"\x00waiting"):
        packet = Publish(topic="t", payload=payload, qos=1, packet_id=1, retain=True, properties=told)
        exchange.publish(published("cloud", packet, 1000), 1000)
    return exchange


def revived(tmp_path: Path, down_s: float) -> Exchange:
    """`full_exchange` after the broker was down for so long, on a clock that started again at 5."""
    snapshot.save(snapshot.take(full_exchange(), 1000, 1_700_000_000), tmp_path / "kept")
    kept = snapshot.load(tmp_path / "kept")
    assert kept is not None
    return snapshot.restore(kept, 5, 1_700_000_000 + down_s)


def test_messages_come_back_in_order_with_all_their_properties(tmp_path: Path) -> None:
    exchange, line = revived(tmp_path, 10), Line()
    assert exchange.open("door", line, 60, False, 5)
    exchange.sessions["door"].pump(5)
    assert [(p.payload, p.is_duplicate) for p in line.got] == [(b"sent", True), (b"\x00waiting", False)]
    assert line.got[1].properties == Properties(
        message_expiry_interval=20, user_properties=(("a", "b"),), correlation_data=b"\x00\xff"
    )


def test_subscriptions_come_back_with_their_options(tmp_path: Path) -> None:
    session = revived(tmp_path, 10).sessions["door"]
    assert session.subscriptions == {"#": Subscription(topic_filter="#", qos=1, no_local=True)}


def test_a_session_that_was_not_to_be_kept_is_not(tmp_path: Path) -> None:
    assert list(revived(tmp_path, 0).sessions) == ["door"]


def test_messages_expire_while_the_broker_is_down(tmp_path: Path) -> None:
    exchange = revived(tmp_path, 40)
    assert exchange.retained == {}
    assert list(exchange.sessions) == ["door"]


def test_sessions_end_while_the_broker_is_down(tmp_path: Path) -> None:
    assert revived(tmp_path, 61).sessions == {}


def test_nothing_was_kept_where_there_is_no_file(tmp_path: Path) -> None:
    assert snapshot.load(tmp_path / "kept") is None


def test_nobody_else_reads_the_file(tmp_path: Path) -> None:
    revived(tmp_path, 0)
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o600
