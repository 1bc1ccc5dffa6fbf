"""What counts as a setup for offline codes, before anybody reads it."""

from typing import Any

import pytest

from agent.envelope import Opener, Signer, kid_of, new_sealing_key, new_signing_key
from agent.messages import MessageRefused, OfflineReceived, topic
from agent.uplink.inbound import Arrival, Inbound

KEY, SEALING, OTHER = new_signing_key(), new_sealing_key(), new_sealing_key()
INBOUND = Inbound(Opener("a-lock", {kid_of(KEY): KEY}, SEALING))
TOPIC = topic("a-lock", "down", "offline")
BODY: dict[str, object] = {"device_id": "a-lock"}


def read(raw: bytes, *, is_retained: bool = True) -> object:
    return INBOUND.read(Arrival(TOPIC, raw, is_retained, 5.0), 7, 99_999)


def sealed(recipient: Any = SEALING, key: Any = KEY, **claims: Any) -> bytes:
    given = {"iat": 100, "set_epoch": 1, "rev": 3} | claims
    return Signer("a-lock", key).seal("offline", BODY, recipient, **given)


def test_a_setup_arrives_whole_also_when_the_broker_kept_it() -> None:
    expected = OfflineReceived(1, 3, b'{"device_id":"a-lock"}', 7)
    assert read(sealed()) == expected
    assert read(sealed(), is_retained=False) == expected
    assert "a-lock" not in repr(expected)


def test_an_unsealed_setup_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="use seal"):
        Signer("a-lock", KEY).sign("offline", BODY, iat=100, rev=3)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (sealed(OTHER), "unknown_key"),
        (sealed(key=new_signing_key()), "unknown_key"),
        (sealed(rev=None, id="x"), "malformed"),
        (b"x", "malformed"),
        (Signer("b-lock", KEY).seal("offline", BODY, SEALING, iat=1, rev=1), "wrong_device"),
        (Signer("a-lock", KEY).seal("bucket", BODY, SEALING, iat=1, rev=1), "wrong_stream"),
        (b"x" * 40_000, "oversized"),
    ],
    ids=[
        "other lock",
        "other cloud",
        "without revision",
        "garbage",
        "redirected",
        "another stream",
        "too long",
    ],
)
def test_what_is_not_a_setup_for_this_lock_is_refused(raw: bytes, reason: str) -> None:
    refused = read(raw)
    assert isinstance(refused, MessageRefused)
    assert refused.stream == "offline"
    assert refused.reason == reason, refused
