"""Keys over HTTP: shown by name, replaced, revoked; locks are told, signed by the key that they have."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from joserfc.jwk import OKPKey

from agent.envelope import Message, Opener, kid_of
from agent.jose import named_key
from agent.messages import CommandBody, Keys, Status, topic
from tests.cloud.device import Device, enrol
from tests.cloud.site import Api, CloudProcess
from tests.waiting import wait_for


@pytest.fixture
def api(cloud: CloudProcess) -> Api:
    return cloud.api


def told(device: Device) -> list[tuple[str, Keys, int]]:
    """(signer, keys, revision) of all that the lock was told."""
    cloud = OKPKey.import_key({**device.answer.cloud_signing})
    opener = Opener(device.device_id, {kid_of(cloud): cloud})
    found = []
    for name, raw in list(device.raw):
        message = opener.open(raw, "keys", None)
        if name == topic(device.device_id, "down", "keys") and isinstance(message, Message):
            body = msgspec.json.decode(message.body, type=Keys)
            found.append((named_key(raw), body, message.rev or 0))
    return found


def test_keys_are_shown_by_name_and_hold_nothing_secret(api: Api, device: Device) -> None:
    shown = api.get("/keys").body
    assert shown["signing"] == kid_of(OKPKey.import_key({**device.answer.cloud_signing}))
    assert shown["sealing"] == kid_of(OKPKey.import_key({**device.answer.cloud_sealing}))
    assert set(shown) == {"signing", "sealing", "former_signing", "former_sealing", "locks_with_an_older_key"}


def test_a_lock_is_told_of_a_new_key_by_the_one_it_has_until_it_says_that_it_took_it(
    api: Api, device: Device
) -> None:
    before = api.get("/keys").body["signing"]
    shown = api.post("/keys/rotations", key="signing").body
    assert shown["signing"] != before
    assert before in [each["kid"] for each in shown["former_signing"]]
    waiting = shown["locks_with_an_older_key"]
    signer, keys, rev = wait_for(lambda: told(device))[-1]
    assert (signer, rev) == (before, 1)
    assert kid_of(OKPKey.import_key(dict(keys.signing[0].key))) == shown["signing"]
    device.say("request", {"type": "time", "nonce": "n1"})
    wait_for(lambda: device.last("heartbeat"))  # signed by the key of before
    device.status(keys_rev=1, cloud_kid=shown["signing"])
    wait_for(lambda: api.get("/keys").body["locks_with_an_older_key"] == waiting - 1)
    heard = len(device.raw)
    device.say("request", {"type": "time", "nonce": "n2"})
    _, raw = wait_for(lambda: [each for each in device.raw[heard:] if each[0].endswith("heartbeat")])[0]
    assert named_key(raw) == shown["signing"]


def test_a_revoked_key_is_left_out(api: Api, device: Device) -> None:
    before = api.get("/keys").body["signing"]
    api.post("/keys/rotations", key="signing")
    shown = api.post("/keys/revocations", kid=before).body
    assert (before, True) in [(each["kid"], each["is_revoked"]) for each in shown["former_signing"]]
    wait_for(lambda: [rev for *_, rev in told(device)][-1:] == [2])
    (_, keys, _) = told(device)[-1]
    assert before not in [kid_of(OKPKey.import_key(dict(each.key))) for each in keys.signing]


def test_what_was_replaced_is_remembered_over_a_restart(cloud: CloudProcess, device: Device) -> None:
    cloud.api.post("/keys/rotations", key="sealing")
    shown = cloud.api.post("/keys/rotations", key="signing").body
    cloud.restart()
    assert cloud.api.get("/keys").body == shown
    assert {each.stem for each in cloud.state.former_signing_keys.iterdir()} >= {
        each["kid"] for each in shown["former_signing"]
    }
    assert cloud.state.signing_key.stat().st_mode & 0o077 == 0
    device.status()
    wait_for(lambda: told(device)[-1][2] == 2)


def test_a_lock_enrolled_after_that_has_the_newest(api: Api, device: Device, tmp_path: Path) -> None:
    shown = api.post("/keys/rotations", key="signing").body
    invitation = api.post("/invitations", device_id=device.device_id).body["invitation"]
    again = enrol(api, tmp_path / "again", invitation)
    assert kid_of(OKPKey.import_key({**again.answer.cloud_signing})) == shown["signing"]


@pytest.mark.parametrize(
    ("path", "fields", "status", "code"),
    [
        ("/keys/rotations", {"key": "root"}, 400, "INVALID_KEY"),
        ("/keys/rotations", {}, 400, "INVALID_KEY"),
        ("/keys/revocations", {"kid": "nobody"}, 404, "KEY_NOT_FOUND"),
        ("/keys/revocations", {}, 404, "KEY_NOT_FOUND"),
    ],
)
def test_what_makes_no_sense_is_refused(
    api: Api, path: str, fields: dict[str, str], status: int, code: str
) -> None:
    refused = api.post(path, **fields)
    assert (refused.status, refused.body["error_code"]) == (status, code)


def test_the_newest_key_cannot_be_revoked(api: Api) -> None:
    assert api.post("/keys/revocations", kid=api.get("/keys").body["signing"]).status == 404


def command(cloud: CloudProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    name, *rest = arguments
    state = ["--state", str(cloud.state.root)]
    return subprocess.run(
        [sys.executable, "-m", "cloud_sim", name, *state, *rest], capture_output=True, text=True, check=False
    )


def test_the_operator_does_it_with_two_commands(cloud: CloudProcess) -> None:
    before = cloud.api.get("/keys").body["signing"]
    rotated = command(cloud, "rotate-key", "signing")
    assert f"former signing {before}, until " in rotated.stdout
    assert f"former signing {before}, revoked" in command(cloud, "revoke-key", before).stdout
    failed = command(cloud, "revoke-key", before[::-1])
    assert (failed.returncode, "no former signing key has this name" in failed.stderr) == (1, True)


def test_the_operator_has_a_lock_renew_its_keys_with_one_command(cloud: CloudProcess, device: Device) -> None:
    path = f"/locks/{device.device_id}"
    identity = cloud.api.get(path).body["keys"]["identity"]
    renewed = command(cloud, "renew-keys", device.device_id)
    assert renewed.stdout == f"{device.device_id}: renewal waiting; identity {identity}\n"
    shown = cloud.api.get(path).body["key_renewal"]
    assert (shown["status"], shown["reason"], shown["ended_at"]) == ("waiting", None, None)
    assert cloud.api.post(f"{path}/key_renewal").body["key_renewal"] == shown
    device.status()
    asked = wait_for(lambda: device.last("command"))  # it was not there when it was wanted
    assert asked is not None
    assert msgspec.json.decode(asked.body, type=CommandBody).type == "renew_keys"
    device.say("request", {"type": "renew", "proposal": "nonsense"})
    wait_for(lambda: cloud.api.get(path).body["refused_messages"])
    assert cloud.api.get(path).body["key_renewal"] == shown


def test_a_lock_that_is_not_enrolled_has_no_keys_to_renew(cloud: CloudProcess) -> None:
    lock_id = cloud.api.new_lock()
    refused = cloud.api.post(f"/locks/{lock_id}/key_renewal")
    assert (refused.status, refused.body["error_code"]) == (409, "LOCK_NOT_ENROLLED")
    assert cloud.api.post("/locks/nobody/key_renewal").status == 404
    assert "has no keys" in command(cloud, "renew-keys", lock_id).stderr


def test_a_status_without_a_name_of_a_key_changes_nothing(api: Api, device: Device) -> None:
    waiting = api.post("/keys/rotations", key="signing").body["locks_with_an_older_key"]
    device.say("status", Status(online=True, sid="s2", set_epoch=1))
    wait_for(lambda: api.get(f"/locks/{device.device_id}").body["online"])
    assert api.get("/keys").body["locks_with_an_older_key"] == waiting
