"""Enrolment: a real lock against a real HTTP server, honest, lying, and cut off in the middle."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from agent.enrol import Enrolled, enrol, make_csr, new_keys
from agent.enrol_exchange import (
    AcceptedRequest,
    EnrolmentFault,
    Request,
    RequestRefused,
    open_request,
    public_jwk,
    read_invitation,
    write_invitation,
    write_request,
)
from agent.enrolment import NotEnrolled, certificate_ends_s, load_enrolment
from agent.jose import kid_of, new_sealing_key, new_signing_key
from agent.secrets import RootSecret, SecretFault
from tests.uplink.clouds import DEVICE, END, TOKEN, Authority, Cloud

ROOT = RootSecret(bytes(32), "in a test")


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    made = Cloud()
    server = made.serve()
    yield made
    server.shutdown()
    server.server_close()


def enrolled(cloud: Cloud, state_dir: Path, *, again: bool = False, **changes: str) -> Enrolled:
    return enrol(state_dir, ROOT, write_invitation(cloud.invitation(**changes)), 1, again=again)


def request_bytes(token: str = TOKEN, **changes: object) -> bytes:
    keys = new_keys()
    fields: dict[str, object] = {
        "device_id": DEVICE,
        "identity": public_jwk(keys.identity),
        "sealing": public_jwk(keys.sealing),
        "csr": make_csr(keys.tls, DEVICE).public_bytes(Encoding.PEM).decode(),
        "iat": 1,
    }
    request = Request(**(fields | changes))  # type: ignore[arg-type] # a test puts in what it likes
    return write_request(request, keys.identity, token)


def refusal(body: bytes) -> str:
    outcome = open_request(body, lambda device: TOKEN if device == DEVICE else None)
    return outcome.reason if isinstance(outcome, RequestRefused) else "accepted"


def test_an_enrolled_lock_and_its_cloud_hold_each_others_keys(cloud: Cloud, tmp_path: Path) -> None:
    shown = enrolled(cloud, tmp_path)
    kept, request = load_enrolment(tmp_path, ROOT), cloud.requests[0]
    assert isinstance(request, AcceptedRequest)
    assert (shown.device_id, kept.device_id) == (DEVICE, DEVICE)
    assert shown.identity_kid == kid_of(request.identity) == kept.terms.identity_kid
    assert shown.sealing_kid == kid_of(request.sealing) == kept.terms.sealing_kid
    assert kept.terms.cloud_signing == {kid_of(cloud.signing): public_jwk(cloud.signing)}
    assert (kept.mqtt_url, kept.terms.set_epoch) == ("mqtts://localhost:8883", 1)


def test_private_keys_are_only_on_disk_encrypted_and_only_for_the_owner(cloud: Cloud, tmp_path: Path) -> None:
    enrolled(cloud, tmp_path)
    kept = load_enrolment(tmp_path, ROOT)
    directory = tmp_path / "enrolment"
    everything = b"".join(path.read_bytes() for path in directory.iterdir())
    assert kept.identity["d"].encode() not in everything
    assert kept.sealing["d"].encode() not in everything
    assert b"ENCRYPTED" in kept.tls_key.read_bytes()
    assert load_pem_private_key(kept.tls_key.read_bytes(), kept.tls_password.encode())
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_nothing_secret_is_in_a_repr(cloud: Cloud, tmp_path: Path) -> None:
    enrolled(cloud, tmp_path)
    kept = load_enrolment(tmp_path, ROOT)
    shown = repr(kept) + repr(cloud.invitation()) + repr(new_keys())
    assert not any(
        secret in shown for secret in (kept.identity["d"], kept.sealing["d"], kept.tls_password, TOKEN)
    )


def test_an_answer_of_another_cloud_is_refused_and_nothing_is_kept(cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(EnrolmentFault, match="does not hold the key"):
        enrolled(cloud, tmp_path, cloud_key=kid_of(new_signing_key()))
    assert list(tmp_path.iterdir()) == []


def test_an_answer_altered_anywhere_is_refused_and_nothing_is_kept(cloud: Cloud, tmp_path: Path) -> None:
    for part in (0, 1, 2):
        for where in (5, -5):
            cloud.distort = partial(altered, part, where)
            with pytest.raises(EnrolmentFault):
                enrolled(cloud, tmp_path)
    assert list(tmp_path.iterdir()) == []


def altered(part: int, where: int, raw: bytes) -> bytes:
    parts = [bytearray(each) for each in raw.split(b".")]
    parts[part][where] = ord("A") if parts[part][where] != ord("A") else ord("B")
    return b".".join(parts)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"device_id": "another"}, "another device"),
        ({"identity": kid_of(new_signing_key())}, "in between"),
        ({"mqtt_url": "mqtt://localhost:1883"}, "mqtts"),
        ({"mqtt_url": "mqtts://localhost"}, "mqtts"),
        ({"mqtt_url": "mqtts://localhost:99999"}, "mqtts"),
        ({"mqtt_url": "mqtts://[localhost:8883"}, "mqtts"),
        ({"set_epoch": -1}, "makes no sense"),
        ({"set_epoch": 2**32}, "makes no sense"),
        ({"cloud_sealing": public_jwk(new_signing_key())}, "X25519"),
        ({"certificate": "none"}, "do not fit"),
        ({"ca": Authority().certificate().public_bytes(Encoding.PEM).decode()}, "do not fit"),
    ],
)
def test_a_signed_answer_that_does_not_fit_is_refused(
    cloud: Cloud, tmp_path: Path, changes: dict[str, object], why: str
) -> None:
    cloud.changes = changes
    with pytest.raises(EnrolmentFault, match=why):
        enrolled(cloud, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_for_another_key_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    other = cloud.authority.certify(DEVICE, generate_private_key(SECP256R1()).public_key())
    cloud.changes = {"certificate": other.public_bytes(Encoding.PEM).decode()}
    with pytest.raises(EnrolmentFault, match="another key"):
        enrolled(cloud, tmp_path)


def test_a_wrong_token_is_refused_by_the_cloud_and_shown_without_control_characters(
    cloud: Cloud, tmp_path: Path
) -> None:
    with pytest.raises(EnrolmentFault, match=r"403\): wrong_token\[2J$") as fault:
        enrolled(cloud, tmp_path, token="guessed")
    assert "\x1b" not in str(fault.value)
    assert "guessed" not in str(fault.value)


def test_a_cloud_that_cannot_be_reached_is_a_clear_fault(cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(EnrolmentFault, match="cannot reach"):
        enrolled(cloud, tmp_path, url="http://127.0.0.1:1/enrol")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://[", "nothing"])
def test_an_invitation_to_something_else_than_a_web_address_is_refused(
    cloud: Cloud, tmp_path: Path, url: str
) -> None:
    with pytest.raises(EnrolmentFault, match="web address"):
        enrolled(cloud, tmp_path, url=url)


def test_a_lock_is_enrolled_again_only_when_asked_and_the_old_enrolment_is_kept(
    cloud: Cloud, tmp_path: Path
) -> None:
    first = enrolled(cloud, tmp_path)
    with pytest.raises(EnrolmentFault, match="--again"):
        enrolled(cloud, tmp_path)
    second, third = enrolled(cloud, tmp_path, again=True), enrolled(cloud, tmp_path, again=True)
    assert load_enrolment(tmp_path, ROOT).terms.identity_kid == third.identity_kid != second.identity_kid
    assert len({first.identity_kid, second.identity_kid, third.identity_kid}) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["enrolment", "enrolment.old"]


@pytest.mark.parametrize("step", range(1, 8))
def test_a_crash_while_keeping_leaves_no_enrolment(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    crash_at(step, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        enrolled(cloud, tmp_path)
    monkeypatch.undo()
    with pytest.raises(NotEnrolled, match="lock-agent enrol"):
        load_enrolment(tmp_path, ROOT)
    enrolled(cloud, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["enrolment"]


def crash_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the program at the n-th flush to the disk: five files, their directory, then the rename."""
    flushes = iter(range(1, 100))

    def fsync(_descriptor: int) -> None:
        if next(flushes) == step:
            raise KeyboardInterrupt

    def rename(*_paths: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fsync)
    if step == 7:
        monkeypatch.setattr(os, "rename", rename)


def test_without_an_enrolment_the_error_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolled, match="lock-agent enrol"):
        load_enrolment(tmp_path, ROOT)


def test_a_state_directory_that_is_missing_is_noticed_before_the_invitation_is_spent(
    cloud: Cloud, tmp_path: Path
) -> None:
    with pytest.raises(EnrolmentFault, match="cannot write"):
        enrolled(cloud, tmp_path / "missing")
    assert cloud.requests == []


@pytest.mark.parametrize("name", ["enrolment.json", "keys.sealed", "ca.pem", "tls-certificate.pem"])
def test_an_enrolment_altered_on_disk_is_refused(cloud: Cloud, tmp_path: Path, name: str) -> None:
    enrolled(cloud, tmp_path)
    path = tmp_path / "enrolment" / name
    content = path.read_bytes()
    path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    with pytest.raises(SecretFault, match="--again"):
        load_enrolment(tmp_path, ROOT)


def test_an_enrolment_does_not_open_under_another_root_secret_or_in_part(
    cloud: Cloud, tmp_path: Path
) -> None:
    enrolled(cloud, tmp_path)
    with pytest.raises(SecretFault, match="root secret"):
        load_enrolment(tmp_path, RootSecret(b"x" * 32, "elsewhere"))
    (tmp_path / "enrolment" / "keys.sealed").unlink()
    with pytest.raises(SecretFault, match="cannot be read"):
        load_enrolment(tmp_path, ROOT)


def test_an_invitation_survives_the_clipboard_and_garbage_does_not_pass(cloud: Cloud) -> None:
    assert read_invitation(f"  {write_invitation(cloud.invitation())}\n") == cloud.invitation()
    nested = urlsafe_b64encode(b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}").decode()
    for garbage in ("", "hello", "e30", urlsafe_b64encode(b'{"v":2}').decode(), "\ud800", nested):
        with pytest.raises(EnrolmentFault):
            read_invitation(garbage)


@pytest.mark.parametrize("device_id", ["", "+", "a/b", "#", "UPPER", "x" * 41])
def test_an_invitation_for_an_impossible_device_is_refused(cloud: Cloud, device_id: str) -> None:
    with pytest.raises(EnrolmentFault, match="device id"):
        read_invitation(write_invitation(cloud.invitation(device_id=device_id)))


def test_the_cloud_refuses_a_request_that_is_not_all_right() -> None:
    p384 = make_csr(generate_private_key(SECP384R1()), DEVICE)
    assert refusal(request_bytes()) == "accepted"
    assert refusal(request_bytes(token="guessed")) == "wrong_token"
    assert refusal(request_bytes(device_id="another")) == "unknown_device"
    assert refusal(request_bytes(identity=public_jwk(new_signing_key()))) == "bad_signature"
    assert refusal(request_bytes(identity=public_jwk(new_sealing_key()))) == "bad_key"
    assert refusal(request_bytes(sealing=public_jwk(new_sealing_key()) | {"d": "x"})) == "bad_key"
    assert refusal(request_bytes(csr="none")) == "bad_csr"
    assert refusal(request_bytes(csr=p384.public_bytes(Encoding.PEM).decode())) == "bad_csr"
    assert (
        refusal(request_bytes(csr=make_csr(new_keys().tls, "x").public_bytes(Encoding.PEM).decode()))
        == "bad_csr"
    )


def test_a_request_altered_anywhere_is_refused() -> None:
    posted = msgspec.json.decode(request_bytes())
    for at in range(0, len(posted["request"]), 7):
        flipped = chr(ord(posted["request"][at]) ^ 1)
        changed = posted | {"request": posted["request"][:at] + flipped + posted["request"][at + 1 :]}
        assert refusal(msgspec.json.encode(changed)) != "accepted"


@given(st.binary(max_size=200), st.text(max_size=40), st.text(max_size=40))
def test_a_garbage_request_never_raises(raw: bytes, text: str, proof: str) -> None:
    assert refusal(raw) == "malformed"
    assert refusal(msgspec.json.encode({"request": text, "proof": proof})) == "malformed"
    payload = {"device_id": DEVICE, "identity": {"kty": text}, "sealing": {}, "csr": proof, "iat": 0}
    signed = "a." + urlsafe_b64encode(msgspec.json.encode(payload)).decode() + "." + text
    assert refusal(msgspec.json.encode({"request": signed, "proof": proof})) == "wrong_token"


def test_a_power_cut_between_two_names_leaves_the_new_enrolment(cloud: Cloud, tmp_path: Path) -> None:
    enrol(tmp_path, ROOT, write_invitation(cloud.invitation()), 1, again=False)
    (tmp_path / "enrolment").rename(tmp_path / "enrolment.next")
    assert load_enrolment(tmp_path, ROOT).device_id == DEVICE


def test_a_power_cut_before_that_leaves_the_old_one(cloud: Cloud, tmp_path: Path) -> None:
    enrol(tmp_path, ROOT, write_invitation(cloud.invitation()), 1, again=False)
    (tmp_path / "enrolment.next").mkdir()
    assert load_enrolment(tmp_path, ROOT).device_id == DEVICE
    enrol(tmp_path, ROOT, write_invitation(cloud.invitation()), 1, again=True)
    assert not (tmp_path / "enrolment.next").exists()


def test_the_end_of_the_certificate_is_known_and_a_missing_one_ends_nowhere(
    cloud: Cloud, tmp_path: Path
) -> None:
    enrol(tmp_path, ROOT, write_invitation(cloud.invitation()), 1, again=False)
    enrolment = load_enrolment(tmp_path, ROOT)
    assert certificate_ends_s(enrolment) == END.timestamp()
    enrolment.tls_certificate.unlink()
    assert certificate_ends_s(enrolment) is None
