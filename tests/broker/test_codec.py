"""The packet codec: everything a packet can say comes back, and nothing but packets is taken."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sim.mqtt5 import (
    NO_PROPERTIES,
    BadPacket,
    Connack,
    Connect,
    Disconnect,
    Frame,
    Frames,
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
    Unsuback,
    Unsubscribe,
    Will,
    decode,
    encode,
)
from cloud_sim.mqtt5.properties import TABLE

LIMIT = 1 << 20


def values_of(read: Callable[..., Any], highest: int | None) -> st.SearchStrategy[Any]:
    """What a property read by `read` can hold."""
    by_reader: dict[str, st.SearchStrategy[Any]] = {
        "byte": st.integers(0, highest or 255),
        "two_bytes": st.integers(1, 0xFFFF),
        "four_bytes": st.integers(1, 0xFFFF_FFFF),
        "variable": st.integers(1, 268_435_455),
        "text": TEXTS,
        "binary": st.binary(max_size=50),
    }
    return by_reader[read.__name__]


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
IDS = st.integers(1, 0xFFFF)
REASONS = st.sampled_from(list(Reason))


def properties(where: str) -> st.SearchStrategy[Properties]:
    optional = {
        name: st.none() | values_of(kind.read, kind.highest)
        for name, kind, allowed in TABLE.values()
        if where in allowed and name != "user_properties"
    }
    pairs = st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)
    return st.builds(Properties, user_properties=pairs, **optional)


SUBSCRIPTIONS = st.builds(
    Subscription,
    topic_filter=TEXTS,
    qos=st.integers(0, 2),
    no_local=st.booleans(),
    retain_as_published=st.booleans(),
    retain_handling=st.integers(0, 2),
)
WILLS = st.builds(
    Will,
    topic=TEXTS,
    payload=st.binary(max_size=50),
    qos=st.integers(0, 2),
    retain=st.booleans(),
    properties=properties("will"),
)
PACKETS: st.SearchStrategy[Packet] = st.one_of(
    st.builds(
        Connect,
        client_id=TEXTS,
        clean_start=st.booleans(),
        keep_alive_s=st.integers(0, 0xFFFF),
        will=st.none() | WILLS,
        user_name=st.none() | TEXTS,
        password=st.none() | st.binary(max_size=20),
        properties=properties("connect"),
    ),
    st.builds(Connack, reason=REASONS, is_session_present=st.booleans(), properties=properties("connack")),
    st.builds(
        Publish,
        topic=TEXTS,
        payload=st.binary(max_size=300),
        qos=st.just(0),
        retain=st.booleans(),
        properties=properties("publish"),
    ),
    st.builds(
        Publish,
        topic=TEXTS,
        payload=st.binary(max_size=300),
        qos=st.integers(1, 2),
        retain=st.booleans(),
        is_duplicate=st.booleans(),
        packet_id=IDS,
        properties=properties("publish"),
    ),
    st.builds(Puback, packet_id=IDS, reason=REASONS, properties=properties("puback")),
    st.builds(
        Subscribe,
        packet_id=IDS,
        subscriptions=st.lists(SUBSCRIPTIONS, min_size=1, max_size=3).map(tuple),
        properties=properties("subscribe"),
    ),
    st.builds(
        Suback,
        packet_id=IDS,
        reasons=st.lists(REASONS, max_size=3).map(tuple),
        properties=properties("suback"),
    ),
    st.builds(
        Unsubscribe,
        packet_id=IDS,
        topic_filters=st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
        properties=properties("unsubscribe"),
    ),
    st.builds(
        Unsuback,
        packet_id=IDS,
        reasons=st.lists(REASONS, max_size=3).map(tuple),
        properties=properties("unsuback"),
    ),
    st.just(Pingreq()),
    st.just(Pingresp()),
    st.builds(Disconnect, reason=REASONS, properties=properties("disconnect")),
)


def frames_of(data: bytes) -> list[Frame]:
    return list(Frames(LIMIT).feed(data))


@settings(deadline=None)
@given(PACKETS)
def test_every_packet_comes_back_as_it_went(packet: Packet) -> None:
    assert [decode(frame) for frame in frames_of(encode(packet))] == [packet]


@settings(deadline=None)
@given(st.lists(PACKETS, max_size=4), st.integers(1, 40))
def test_packets_come_out_of_a_stream_however_it_is_cut(packets: list[Packet], size: int) -> None:
    stream = b"".join(map(encode, packets))
    frames = Frames(LIMIT)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [decode(frame) for piece in pieces for frame in frames.feed(piece)] == packets


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_garbage_raises_nothing_but_bad_packet(data: bytes) -> None:
    decode_all(data)


@settings(deadline=None)
@given(st.integers(0, 255), st.binary(max_size=100))
def test_a_body_of_garbage_raises_nothing_but_bad_packet(first_byte: int, body: bytes) -> None:
    decode_frame(Frame(first_byte, body))


@settings(deadline=None)
@given(PACKETS, st.data())
def test_a_packet_with_one_wrong_byte_raises_nothing_but_bad_packet(
    packet: Packet, data: st.DataObject
) -> None:
    wrong = bytearray(encode(packet))
    wrong[data.draw(st.integers(0, len(wrong) - 1))] ^= data.draw(st.integers(1, 255))
    decode_all(bytes(wrong))


@settings(deadline=None)
@given(PACKETS, st.data())
def test_a_packet_cut_short_is_never_the_packet(packet: Packet, data: st.DataObject) -> None:
    (frame,) = frames_of(encode(packet))
    cut = Frame(frame.first_byte, frame.body[: data.draw(st.integers(0, max(0, len(frame.body) - 1)))])
    assert frame.body == b"" or decode_frame(cut) != packet


def decode_all(data: bytes) -> None:
    try:
        for frame in Frames(LIMIT).feed(data):
            decode_frame(frame)
    except BadPacket as bad:
        assert bad.reason.is_failure


def decode_frame(frame: Frame) -> Packet | None:
    try:
        return decode(frame)
    except BadPacket as bad:
        assert bad.reason.is_failure
        return None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", Reason.UNSUPPORTED_PROTOCOL_VERSION),
        (b"\x30\x06\x00\x01a\x80\x00x", Reason.MALFORMED_PACKET),  # a length longer than it needs to be
        (b"\x30\x05\x00\x01\xff\x00x", Reason.MALFORMED_PACKET),  # not UTF-8
        (b"\x30\x05\x00\x01\x00\x00x", Reason.MALFORMED_PACKET),  # NUL in a string
        (b"\x36\x06\x00\x01a\x00\x01\x00", Reason.MALFORMED_PACKET),  # QoS 3
        (b"\x32\x06\x00\x01a\x00\x00\x00", Reason.PROTOCOL_ERROR),  # packet identifier 0
        (b"\x30\x06\x00\x01a\x02\x7f\x00", Reason.MALFORMED_PACKET),  # no such property
        (b"\x30\x0a\x00\x01a\x06\x23\x00\x01\x23\x00\x02", Reason.PROTOCOL_ERROR),  # the same one twice
        (b"\x30\x07\x00\x01a\x03\x23\x00\x00", Reason.PROTOCOL_ERROR),  # topic alias 0
        (b"\x80\x05\x00\x01\x00\x00\x00", Reason.MALFORMED_PACKET),  # reserved flags of SUBSCRIBE
        (b"\x82\x03\x00\x01\x00", Reason.PROTOCOL_ERROR),  # SUBSCRIBE for nothing
        (b"\xc0\x01x", Reason.MALFORMED_PACKET),  # PINGREQ with a body
        (b"\x50\x02\x00\x01", Reason.PROTOCOL_ERROR),  # PUBREC, which belongs to QoS 2
        (b"\xf0\x00", Reason.PROTOCOL_ERROR),  # AUTH, which nobody asked for
        (b"\x40\x03\x00\x01\x77", Reason.PROTOCOL_ERROR),  # no such reason code
    ],
)
def test_each_mistake_has_its_reason(data: bytes, reason: Reason) -> None:
    (frame,) = frames_of(data)
    with pytest.raises(BadPacket) as caught:
        decode(frame)
    assert caught.value.reason is reason


def test_a_packet_over_the_limit_is_refused_before_it_has_arrived() -> None:
    with pytest.raises(BadPacket) as caught:
        list(Frames(64).feed(b"\x30\x80\x80\x04"))
    assert caught.value.reason is Reason.PACKET_TOO_LARGE


def test_a_length_of_five_bytes_is_refused() -> None:
    with pytest.raises(BadPacket):
        list(Frames(64).feed(b"\x30\xff\xff\xff\xff\x01"))


def test_a_length_written_longer_than_needed_is_refused() -> None:
    with pytest.raises(BadPacket):
        frames_of(b"\x30\x85\x00" + b"\x00\x01a\x00x")


def test_a_property_in_the_wrong_packet_is_not_written() -> None:
    with pytest.raises(BadPacket):
        encode(Puback(packet_id=1, properties=Properties(topic_alias=1)))


def test_payloads_and_passwords_do_not_show() -> None:
    will = Will(topic="t", payload=b"secret")
    shown = repr(
        [Connect(client_id="c", password=b"secret", will=will), Publish(topic="t", payload=b"secret")]
    )
    assert "secret" not in shown
    assert repr(NO_PROPERTIES) in shown
