"""Another root for offline codes over HTTP and by command; and a cloud that is a copy of itself."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.core.offline_code import Meaning, OfflineKind, issue
from agent.offline_setup import decode_setup, load_setup
from cloud_sim.authority import initialise
from cloud_sim.state_directory import StateDirectory
from tests.cloud.site import NOWHERE, Api, CloudProcess
from tests.cloud.test_offline_codes import ONCE, create, get, in_hours
from tests.cloud.test_offline_setups import ROOT, put

KEY = {"kid": 1, "root": ROOT, "policy": {"serials": 3}}
PHONE = {"kid": 1, "issuer": 7, "root": ROOT}


def rotate(api: Api, lock_id: str, **fields: Any) -> dict[str, Any]:
    answer = api.post(f"/locks/{lock_id}/offline_rotations", **fields)
    assert answer.status == 200, answer.body
    said: dict[str, Any] = answer.body
    return said


def keys_of(api: Api, lock_id: str) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = api.get(f"/locks/{lock_id}/offline_setup").body["offline_setup"]["keys"]
    return keys


def test_a_scheduled_change_gives_the_next_hour_another_key_and_ends_nothing(api: Api, lock_id: str) -> None:
    put(api, lock_id, keys=[KEY])
    code = create(api, lock_id, **ONCE)
    said = rotate(api, lock_id)
    assert (said["kid"], said["former_kids"], said["issuer"]) == (2, [1], 0)
    assert (said["starts_from"], said["ended_access_code_ids"], said["issuer_file"]) == (
        in_hours(1),
        [],
        None,
    )
    assert said["is_guess_bound_met"], said["guess_chance"]
    old, new = keys_of(api, lock_id)
    assert (old["last_slot"] + 1, new["policy"]) == (new["first_slot"], KEY["policy"])
    assert "root" not in json.dumps([said, old, new])
    assert get(api, code)["state"] == "setting"
    later = create(api, lock_id, **ONCE, starts_at=in_hours(2))
    assert later["code"] != code["code"]


def test_a_change_now_names_the_codes_that_are_over(api: Api, lock_id: str) -> None:
    put(api, lock_id, keys=[KEY])
    codes = [create(api, lock_id, **ONCE) for _ in range(2)]
    said = rotate(api, lock_id, when="now")
    assert sorted(said["ended_access_code_ids"]) == sorted(code["access_code_id"] for code in codes)
    assert {get(api, code)["state"] for code in codes} == {"removing"}
    assert [key["kid"] for key in keys_of(api, lock_id)] == [2]
    assert create(api, lock_id, **ONCE)["code"] not in {code["code"] for code in codes}


def test_an_issuer_elsewhere_gets_its_key_once_in_a_file_of_its_own(api: Api, lock_id: str) -> None:
    put(api, lock_id, digits=10, phase_s=900, keys=[KEY, PHONE])
    path = f"/locks/{lock_id}/offline_rotations"
    answer = api.post(path, issuer=7, at=in_hours(24))
    handed = decode_setup(msgspec.json.encode(answer.body["issuer_file"]))
    [key] = handed.keys
    assert (key.kid, key.issuer, key.root, handed.phase_s) == (2, 7, None, 900)
    assert answer.headers["cache-control"] == "no-store"
    form = handed.format()
    start_s = form.start_of(key.first_slot)
    assert len(issue(form, key.issuer_key(), start_s, Meaning(OfflineKind.ONCE, 24, 0))) == 10
    assert str(key.key) not in json.dumps(api.get(f"/locks/{lock_id}/offline_setup").body)


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"issuer": 9}, 409, "NO_OFFLINE_CODES"),
        ({"issuer": "0"}, 400, "INVALID_FIELD"),
        ({"when": "soon"}, 400, "INVALID_FIELD"),
        ({"when": "now", "at": "2090-01-01T00:00:00Z"}, 400, "INVALID_FIELD"),
        ({"revoke_used": True}, 400, "INVALID_FIELD"),
        ({"at": "2024-01-01T00:00:00Z"}, 400, "INVALID_TIME"),
        ({"at": "then"}, 400, "INVALID_TIME"),
        ({"issuer": 7}, 400, "INVALID_TIME"),
        ({"kid": 3}, 400, "UNKNOWN_FIELD"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    api: Api, lock_id: str, fields: dict[str, Any], status: int, error: str
) -> None:
    put(api, lock_id, keys=[KEY, PHONE])
    refused = api.post(f"/locks/{lock_id}/offline_rotations", **fields)
    assert (refused.status, refused.body["error_code"]) == (status, error)
    assert api.get(f"/locks/{lock_id}/offline_setup").body["rev"] == 1


def test_a_lock_without_a_setup_has_no_key_to_replace(api: Api, lock_id: str) -> None:
    refused = api.post(f"/locks/{lock_id}/offline_rotations")
    assert (refused.status, "PUT a setup first" in refused.body["message"]) == (409, True)


# --- by command, and after a restore ------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Iterator[CloudProcess]:
    """A cloud of this test alone, without a broker."""
    state = StateDirectory(tmp_path / "cloud")
    initialise(state)
    cloud = CloudProcess(state, NOWHERE).start()
    yield cloud
    if cloud.process is not None:
        cloud.stop()


def command(cloud: CloudProcess, name: str, *rest: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "cloud_sim", name, "--state", str(cloud.state.root), *rest]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def codes(cloud: CloudProcess, lock_id: str, count: int) -> set[str]:
    """A code for two days, and one-time codes."""
    window = {"is_offline_access_code": True, "starts_at": in_hours(0), "ends_at": in_hours(48)}
    made = [create(cloud.api, lock_id, **(ONCE if n else window))["code"] for n in range(count)]
    assert len(set(made)) == count
    return set(made)


def test_the_operator_replaces_keys_by_command(own: CloudProcess, tmp_path: Path) -> None:
    lock_id, phone = own.api.new_lock(), tmp_path / "phone.json"
    put(own.api, lock_id, keys=[KEY, PHONE])
    assert "issuer 0 has kid 2 " in command(own, "rotate-offline-key", lock_id, "--now").stdout
    missing = command(own, "rotate-offline-key", lock_id, "--issuer", "7", "--at", in_hours(5))
    assert (missing.returncode, "--out FILE is needed" in missing.stderr) == (1, True)
    done = command(
        own, "rotate-offline-key", lock_id, "--issuer", "7", "--at", in_hours(5), "--out", str(phone)
    )
    assert done.returncode == 0, done.stderr
    [key] = load_setup(phone).keys
    assert (key.kid, key.issuer) == (3, 7)
    assert str(key.key) not in done.stdout


def test_a_restored_copy_of_the_state_issues_nothing_that_was_issued_since(
    own: CloudProcess, tmp_path: Path
) -> None:
    locks = [own.api.new_lock() for _ in range(2)]
    for lock_id in locks:
        put(own.api, lock_id, keys=[KEY])
    before = {lock_id: codes(own, lock_id, 3) for lock_id in locks}
    own.stop()
    shutil.copytree(own.state.root, tmp_path / "backup")
    own.start()
    since = {lock_id: codes(own, lock_id, 3) for lock_id in locks}
    own.stop()
    shutil.rmtree(own.state.root)
    shutil.copytree(tmp_path / "backup", own.state.root)
    said = command(own, "restored")  # before anybody can ask it for a code
    own.start()
    *told, warning = said.stdout.splitlines()
    assert [line.split(":")[0] for line in told] == sorted(locks)
    assert "a guess is twice as likely" in warning
    for lock_id in locks:
        assert not codes(own, lock_id, 4) & (before[lock_id] | since[lock_id])
        setup = own.api.get(f"/locks/{lock_id}/offline_setup").body
        assert (setup["retired_kids"], setup["is_guess_bound_met"]) == ([1], False)
