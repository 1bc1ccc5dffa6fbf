"""The envelope: what was written opens, everything else is refused, and nothing makes it raise."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jwe, jws
from joserfc.jwk import OctKey, OKPKey

from agent.envelope import (
    Message,
    Opener,
    Refusal,
    Signer,
    kid_of,
    new_sealing_key,
    new_signing_key,
)
from agent.messages import BucketPart, Heartbeat

DEVICE = "9d5a1c30-0000-4000-8000-000000000001"
CLOUD_KEY = new_signing_key()
LOCK_KEY = new_sealing_key()
SIGNER = Signer(DEVICE, CLOUD_KEY)
OPENER = Opener(DEVICE, {kid_of(CLOUD_KEY): CLOUD_KEY}, LOCK_KEY)
HEARTBEAT = SIGNER.sign("heartbeat", Heartbeat(head_rev=7, time=1000), iat=1000, id="h1", exp=1060)
BUCKET = SIGNER.seal(
    "bucket",
    BucketPart(index=0, part=0, parts=1, rows=[{"code": "4711"}]),
    LOCK_KEY,
    iat=1,
    set_epoch=1,
    rev=7,
)
PAYLOAD: dict[str, Any] = {"dev": DEVICE, "stream": "heartbeat", "iat": 1, "id": "x", "body": {}}
HEADER: dict[str, Any] = {"alg": "Ed25519", "kid": kid_of(CLOUD_KEY), "typ": "lock-heartbeat"}


def b64(data: bytes | dict[str, Any]) -> bytes:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return urlsafe_b64encode(raw).rstrip(b"=")


def signed(header: dict[str, Any], payload: bytes | dict[str, Any], key: OKPKey = CLOUD_KEY) -> bytes:
    """A genuine Ed25519 signature over any header and payload at all."""
    text = b64(header) + b"." + b64(payload)
    private: Any = key.private_key
    return text + b"." + b64(private.sign(text))


def sealed(inner: bytes, **header: Any) -> bytes:
    protected = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": kid_of(LOCK_KEY), "cty": "jose"} | header
    algorithms = [protected["alg"], "A256GCM", "A128GCM", "DEF"]
    return jwe.encrypt_compact(protected, inner, LOCK_KEY, algorithms=algorithms).encode()


def reason(raw: bytes, stream: str = "heartbeat", opener: Opener = OPENER, wall: int | None = None) -> str:
    outcome = opener.open(raw, stream, wall)
    return outcome.reason if isinstance(outcome, Refusal) else "opened"


def test_a_signed_message_opens_with_its_claims_and_body() -> None:
    message = OPENER.open(HEARTBEAT, "heartbeat", 1059)
    assert isinstance(message, Message)
    assert (message.dev, message.id, message.iat, message.exp, message.rev) == (
        DEVICE,
        "h1",
        1000,
        1060,
        None,
    )
    assert json.loads(bytes(message.body)) == {"head_rev": 7, "time": 1000, "nonce": None}


def test_a_sealed_message_opens_and_shows_no_digits_on_the_wire_or_in_its_repr() -> None:
    message = OPENER.open(BUCKET, "bucket", None)
    assert isinstance(message, Message)
    assert json.loads(bytes(message.body))["rows"] == [{"code": "4711"}]
    assert b64(b"4711")[:4] not in BUCKET
    assert "4711" not in repr(message)


def test_the_lock_signs_and_the_cloud_opens_with_the_same_code() -> None:
    lock_key = new_signing_key()
    public = OKPKey.import_key(lock_key.as_dict(private=False))
    status = Signer(DEVICE, lock_key).sign("status", {"online": True}, iat=1, id="s", sid="abc")
    message = Opener(DEVICE, {kid_of(lock_key): public}).open(status, "status", 5)
    assert isinstance(message, Message)
    assert message.sid == "abc"


def test_any_changed_character_of_a_signed_message_is_refused() -> None:
    for at in range(len(HEARTBEAT)):
        for flip in (1, 2, 4, 32):
            altered = HEARTBEAT[:at] + bytes([HEARTBEAT[at] ^ flip]) + HEARTBEAT[at + 1 :]
            assert reason(altered) != "opened", (at, flip)


def test_any_changed_character_of_a_sealed_message_is_refused() -> None:
    for at in range(len(BUCKET)):
        altered = BUCKET[:at] + bytes([BUCKET[at] ^ 1]) + BUCKET[at + 1 :]
        assert reason(altered, "bucket") != "opened", at


@pytest.mark.parametrize(("raw", "stream"), [(HEARTBEAT, "heartbeat"), (BUCKET, "bucket")])
def test_a_message_cut_short_or_with_something_added_is_refused(raw: bytes, stream: str) -> None:
    assert all(reason(raw[:size], stream) != "opened" for size in range(len(raw)))
    assert all(
        reason(raw + tail, stream) != "opened" for tail in (b"A", b"=", b"==", b"\n", b" ", b".", b"AA")
    )


def test_a_signature_has_one_spelling() -> None:
    *head, signature = HEARTBEAT.split(b".")
    twin = bytes([signature[-1] + 1])  # the last character carries two bits that no byte uses
    assert urlsafe_b64decode(signature[:-1] + twin + b"==") == urlsafe_b64decode(signature + b"==")
    assert reason(b".".join([*head, signature[:-1] + twin])) == "malformed"


def test_a_message_for_another_lock_is_refused() -> None:
    assert reason(HEARTBEAT, opener=Opener("another", OPENER.signers)) == "wrong_device"


def test_a_message_from_another_stream_is_refused() -> None:
    assert reason(HEARTBEAT, "ack") == "wrong_stream"
    assert reason(signed(HEADER, PAYLOAD | {"stream": "ack"})) == "wrong_stream"
    assert reason(signed(HEADER | {"typ": "lock-ack"}, PAYLOAD)) == "wrong_stream"
    assert reason(signed(HEADER | {"typ": "JWT"}, PAYLOAD)) == "wrong_stream"
    assert reason(sealed(signed(HEADER, PAYLOAD)), "bucket") == "wrong_stream"


@pytest.mark.parametrize(
    "kid",
    ["", "unknown", kid_of(LOCK_KEY), kid_of(CLOUD_KEY)[:-1]],
    ids=["empty", "unknown", "the lock's own", "cut short"],
)
def test_a_key_that_is_not_pinned_is_refused_even_when_the_signature_is_right(kid: str) -> None:
    assert reason(signed(HEADER | {"kid": kid}, PAYLOAD)) == "unknown_key"


def test_a_message_without_a_kid_is_refused() -> None:
    assert reason(signed({"alg": "Ed25519", "typ": "lock-heartbeat"}, PAYLOAD)) == "unknown_key"


def test_another_signature_under_a_pinned_kid_is_refused() -> None:
    assert reason(signed(HEADER, PAYLOAD, new_signing_key())) == "bad_signature"


def test_the_sender_may_not_choose_the_algorithm() -> None:
    unsigned = b64(HEADER | {"alg": "none"}) + b"." + b64(PAYLOAD) + b"."
    assert reason(unsigned) == "malformed"
    assert reason(unsigned + b"A" * 86) == "unknown_header"
    public = OctKey.import_key(CLOUD_KEY.as_dict(private=False)["x"])  # type: ignore[arg-type] # a str in a JWK
    hashed = jws.serialize_compact(HEADER | {"alg": "HS512"}, b"{}", public, algorithms=["HS512"])
    assert reason(hashed.encode()) in ("malformed", "unknown_header")


@pytest.mark.parametrize("alg", ["HS256", "EdDSA", "ed25519", "", "none"])
def test_a_genuine_signature_under_another_algorithm_name_is_refused(alg: str) -> None:
    assert reason(signed(HEADER | {"alg": alg}, PAYLOAD)) == "unknown_header"


@pytest.mark.parametrize(
    "extra", [{"crit": ["b64"], "b64": False}, {"b64": False}, {"zip": "DEF"}, {"jwk": {}}, {"x": 1}]
)
def test_a_header_with_anything_more_is_refused(extra: dict[str, Any]) -> None:
    assert reason(signed(HEADER | extra, PAYLOAD)) == "unknown_header"


@pytest.mark.parametrize(
    "header", [{"crit": ["exp"]}, {"zip": "DEF"}, {"apu": "YQ"}, {"enc": "A128GCM"}, {"cty": "JWT"}]
)
def test_a_sealed_message_with_another_header_is_refused(header: dict[str, Any]) -> None:
    genuine = sealed(signed(HEADER | {"typ": "lock-bucket"}, PAYLOAD | {"stream": "bucket"}))
    assert reason(genuine, "bucket") == "opened"
    protected = json.loads(urlsafe_b64decode(genuine.split(b".")[0] + b"==")) | header
    altered = b".".join([b64(protected), *genuine.split(b".")[1:]])
    assert reason(altered, "bucket") == "unknown_header"


def test_a_message_sealed_to_another_key_is_refused() -> None:
    assert reason(BUCKET, "bucket", Opener(DEVICE, OPENER.signers, new_sealing_key())) == "unknown_key"
    assert reason(BUCKET, "bucket", Opener(DEVICE, OPENER.signers)) == "unknown_key"


def test_a_damaged_sealed_message_cannot_be_unsealed() -> None:
    head, _, iv, text, tag = BUCKET.split(b".")
    assert reason(b".".join([head, b"", iv, text, tag[::-1]]), "bucket") in ("cannot_unseal", "malformed")
    assert reason(b".".join([head, b"", iv, text[4:], tag]), "bucket") == "cannot_unseal"
    assert reason(b".".join([head, b"AAAA", iv, text, tag]), "bucket") == "malformed"


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32, b"short"])
def test_an_ephemeral_key_that_is_no_good_is_refused(point: bytes) -> None:
    protected = json.loads(urlsafe_b64decode(BUCKET.split(b".")[0] + b"=="))
    protected["epk"]["x"] = b64(point).decode()
    assert reason(b".".join([b64(protected), *BUCKET.split(b".")[1:]]), "bucket") == "cannot_unseal"


def test_digits_that_are_only_signed_are_refused_and_never_sent() -> None:
    assert (
        reason(signed(HEADER | {"typ": "lock-bucket"}, PAYLOAD | {"stream": "bucket"}), "bucket")
        == "not_sealed"
    )
    with pytest.raises(ValueError, match="use seal"):
        SIGNER.sign("bucket", {}, iat=1, rev=1)


def test_a_sealed_message_on_a_signed_stream_is_refused() -> None:
    assert reason(sealed(HEARTBEAT)) == "malformed"


def test_sealed_garbage_is_refused() -> None:
    assert reason(sealed(b"4711"), "bucket") == "malformed"
    assert reason(sealed(b""), "bucket") == "malformed"


def test_an_expired_message_is_refused_from_its_second_on_but_not_without_a_clock() -> None:
    assert [reason(HEARTBEAT, wall=wall) for wall in (1059, 1060)] == ["opened", "expired"]
    assert reason(HEARTBEAT, wall=None) == "opened"


def test_a_replayed_message_opens_again_since_only_the_caller_knows_what_it_has_seen() -> None:
    assert OPENER.open(HEARTBEAT, "heartbeat", 1000) == OPENER.open(HEARTBEAT, "heartbeat", 1001)


def test_an_oversized_message_is_refused_before_anything_is_looked_at() -> None:
    assert reason(b"x" * 32 * 1024) == "malformed"
    assert reason(b"x" * (32 * 1024 + 1)) == "oversized"
    assert reason(signed(HEADER | {"typ": "x" * 600}, PAYLOAD)) == "oversized"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"body":' + b"[" * 8000 + b"]" * 8000 + b"}",
        PAYLOAD | {"iat": "1"},
        PAYLOAD | {"iat": -1},
        PAYLOAD | {"iat": 2**63},
        PAYLOAD | {"iat": 1.5},
        PAYLOAD | {"set_epoch": 2**32},
        PAYLOAD | {"rev": 1},
        PAYLOAD | {"id": None},
        PAYLOAD | {"id": "x" * 65},
        {key: value for key, value in PAYLOAD.items() if key != "body"},
        {key: value for key, value in PAYLOAD.items() if key != "dev"},
    ],
)
def test_a_genuine_signature_over_the_wrong_claims_is_refused(payload: bytes | dict[str, Any]) -> None:
    assert reason(signed(HEADER, payload)) == "malformed"


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"]}": ', b"}]")])
def test_what_is_nested_deeper_than_any_reader_may_be_is_refused(opening: bytes, closing: bytes) -> None:
    """Read at the bottom of a stack, a thousand levels are fine; kept, they stop whoever reads them above."""
    head = json.dumps(PAYLOAD | {"body": None}).encode().removesuffix(b"null}")
    each = opening.count(b"[") + opening.count(b"{")
    reasons = [
        reason(signed(HEADER, head + opening * times + b'"[["' + closing * times + b"}"))
        for times in (1, 31 // each, 31 // each + 1, 400)
    ]
    assert reasons == ["opened", "opened", "malformed", "malformed"]


def test_a_claim_of_a_newer_cloud_is_tolerated() -> None:
    assert reason(signed(HEADER, PAYLOAD | {"later": 1})) == "opened"


@given(st.one_of(st.binary(max_size=300), st.from_regex(rb"[A-Za-z0-9_-]{0,99}(\.[A-Za-z0-9_-]{0,99}){2,5}")))
@example(b"....")
@example(b"..")
def test_garbage_is_refused_and_never_raises(raw: bytes) -> None:
    assert reason(raw) != "opened"
    assert reason(raw, "bucket") != "opened"


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=9),
        lambda inner: st.dictionaries(st.text(max_size=4), inner),
    )
)
def test_a_header_of_any_json_never_raises(value: Any) -> None:
    raw = b64(json.dumps(value).encode())
    assert reason(raw + b"." + raw + b"." + b"A" * 86) != "opened"
    assert reason(b".".join([raw, b"", raw, raw, raw]), "bucket") != "opened"
    nested = b64(HEADER | {"typ": value})
    assert reason(nested + b"." + raw + b"." + b"A" * 86) != "opened"


def test_keys_are_in_no_repr() -> None:
    private = str(CLOUD_KEY.as_dict(private=True)["d"])
    assert private not in repr(SIGNER) + repr(OPENER) + repr(CLOUD_KEY)
