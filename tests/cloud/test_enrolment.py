"""Enrolment over HTTP: an invitation is worth one lock, once, for a day."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from joserfc.jwk import OKPKey

from agent.enrol import make_csr, new_keys
from agent.enrol_exchange import read_invitation
from agent.jose import kid_of
from cloud_sim import authority, locks
from cloud_sim.authority import load
from cloud_sim.database import Database
from cloud_sim.enrolments import INVITATION_LIFE_S, Enroller
from cloud_sim.state_directory import StateDirectory
from tests.cloud.device import enrol, enrolment_request
from tests.cloud.site import NOWHERE, Answer, Api, CloudProcess


@pytest.fixture
def enroller(database: Database, state: StateDirectory) -> Enroller:
    return Enroller(database, load(state), "http://127.0.0.1:1/enrolments", NOWHERE)


def post(api: Api, body: bytes) -> Answer:
    return Api(api.base_url, None).send("POST", "//enrolments", body, {"Content-Type": "application/json"})


def invitation(api: Api, **fields: Any) -> str:
    return str(api.post("/invitations", **fields).body["invitation"])


def test_an_enrolled_lock_is_certified_and_shown_with_its_keys(api: Api, tmp_path: Path) -> None:
    device = enrol(api, tmp_path, invitation(api, name="Back door"))
    certificate = x509.load_pem_x509_certificate(device.answer.certificate.encode())
    assert certificate.subject.rfc4514_string() == f"CN={device.device_id}"
    shown = api.get(f"/locks/{device.device_id}").body
    assert (shown["name"], shown["enrolled"]) == ("Back door", True)
    assert shown["keys"] == {"identity": kid_of(device.keys.identity), "sealing": kid_of(device.keys.sealing)}


def test_an_invitation_names_the_clouds_key_and_address(api: Api, lonely_cloud: CloudProcess) -> None:
    read = read_invitation(invitation(api))
    assert read.url == api.base_url.replace("/device-cloud", "/enrolments")
    assert read.cloud_key == OKPKey.import_key(lonely_cloud.state.signing_key.read_bytes()).thumbprint()


def test_an_invitation_works_once(api: Api, tmp_path: Path) -> None:
    line = invitation(api)
    first = enrol(api, tmp_path, line)
    answer = post(api, enrolment_request(line, new_keys())[1])
    assert (answer.status, answer.body["error_code"]) == (403, "INVITATION_REFUSED")
    assert "make a new one" in answer.body["message"]
    keys = api.get(f"/locks/{first.device_id}").body["keys"]
    assert keys["identity"] == kid_of(first.keys.identity)


def test_a_newer_invitation_replaces_the_older(api: Api, tmp_path: Path) -> None:
    older = invitation(api)
    newer = invitation(api, device_id=read_invitation(older).device_id)
    assert post(api, enrolment_request(older, new_keys())[1]).status == 403
    assert enrol(api, tmp_path, newer).device_id == read_invitation(older).device_id


def test_an_invitation_is_over_after_a_day(enroller: Enroller) -> None:
    _, line = enroller.invite(None, None, 1000.0)
    _, body = enrolment_request(line, new_keys())
    assert enroller.enrol(body, 1000.0 + INVITATION_LIFE_S) == "unknown_device"
    assert not isinstance(enroller.enrol(body, 999.0 + INVITATION_LIFE_S), str)


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"token": "guessed"}, 403, "INVITATION_REFUSED"),
    ({"device_id": "another-lock"}, 403, "INVITATION_REFUSED"),
    ({"csr_name": "another-lock"}, 400, "INVALID_ENROLMENT"),
]


@pytest.mark.parametrize(("changed", "status", "code"), WRONG)
def test_a_wrong_request_enrols_nobody_and_leaves_the_invitation_good(
    api: Api, tmp_path: Path, changed: dict[str, Any], status: int, code: str
) -> None:
    line = invitation(api)
    answer = post(api, enrolment_request(line, new_keys(), **changed)[1])
    assert (answer.status, answer.body["error_code"]) == (status, code)
    assert not api.get(f"/locks/{read_invitation(line).device_id}").body["enrolled"]
    assert enrol(api, tmp_path, line).device_id


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"\xff", b'{"request": "a.b.c", "proof": "d"}', b"x" * 70_000]
)
def test_a_request_that_is_none_is_refused(api: Api, body: bytes) -> None:
    assert post(api, body).status in (400, 413)


def test_a_request_signed_by_another_key_than_it_names_is_refused(api: Api) -> None:
    line, stranger = invitation(api), new_keys()
    request = enrolment_request(line, new_keys(), signed_by=stranger.identity)[1]
    answer = post(api, request)
    assert (answer.status, answer.body["error_code"]) == (400, "INVALID_ENROLMENT")


def test_the_authority_certifies_a_lock_under_its_own_name_only(
    enroller: Enroller, database: Database
) -> None:
    request = make_csr(new_keys().tls, "somebody-else")
    with pytest.raises(authority.RequestRefused, match="common name"):
        enroller.authority.certify(request, "this-lock")
    assert locks.enrolled_lock_ids(database) == []


def test_no_answer_shows_a_token_or_a_private_key(api: Api) -> None:
    line = invitation(api)
    keys = new_keys()
    url, body = enrolment_request(line, keys)
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=10) as response:
        said = response.read().decode() + json.dumps(api.get("/locks").body)
    private = str(keys.identity.as_dict(private=True)["d"])
    assert read_invitation(line).token not in said
    assert private not in said
