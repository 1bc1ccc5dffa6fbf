"""Codes made at the door, through the API: shown apart, taken over, and deleted on the lock itself."""

import json
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OKPKey
from seam.exceptions import SeamHttpApiError
from seam.seam import Seam

from cloud_sim.authority import initialise
from cloud_sim.state_directory import StateDirectory
from tests.broker.brokers import start_builtin
from tests.cloud.device import Device, enrol, journal_rows
from tests.cloud.door_journal import added, removed
from tests.cloud.site import CloudProcess, tls_files
from tests.seam.raw import Raw, raw_client
from tests.waiting import wait_for


class Door:
    """A lock whose journal and memory this test writes."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._rows: list[tuple[str, dict[str, Any]]] = []
        self.device.status()
        self.device.apply(1)

    def happens(self, *kinds: tuple[str, dict[str, Any]]) -> None:
        """The journal grows, and the cloud has it."""
        self._rows += kinds
        self.device.events(journal_rows(*self._rows))
        wait_for(lambda: self.device.acked() == len(self._rows), what="the acknowledgement")

    def make(self, digits: str, **rules: Any) -> str:
        """Somebody makes a code."""
        sealing = OKPKey.import_key({**self.device.answer.cloud_sealing})
        kind, detail = added(self.device.signer, sealing, digits, **rules)
        self.happens((kind, detail))
        return str(detail["access_code_id"])

    def told_to_forget(self, count: int = 1) -> dict[str, Any]:
        """The newest of so many commands to forget codes: its id and args."""
        wait_for(lambda: len(self.forgets()) >= count, what="the command")
        return self.forgets()[-1]

    def forgets(self) -> list[dict[str, Any]]:
        heard = [message for message in self.device.heard if message.stream == "command"]
        bodies = [{"id": message.id, **json.loads(bytes(message.body))} for message in heard]
        return [body for body in bodies if body["type"] == "forget"]

    def answers(self, command: dict[str, Any], result: str, reason: str | None = None) -> None:
        detail = {"id": command["id"], "type": "forget", "result": result, "reason": reason}
        self.happens(("command_result", detail))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    state = StateDirectory(tmp_path_factory.mktemp("unmanaged"))
    initialise(state)
    broker = start_builtin(tls_files(state), tmp_path_factory.mktemp("broker"))
    running = CloudProcess(state, broker.url).start()
    running.wait_for_broker()
    yield running
    running.stop()
    broker.stop()


@pytest.fixture
def door(cloud: CloudProcess, tmp_path: Path) -> Iterator[Door]:
    device = enrol(cloud.api, tmp_path).connect()
    made = Door(device)
    wait_for(lambda: cloud.api.get(f"/locks/{device.device_id}").body["online"], what="the lock")
    yield made
    device.close()


@pytest.fixture
def client(cloud: CloudProcess) -> Raw:
    return raw_client(cloud)


@pytest.fixture
def seam(client: Raw) -> Any:
    """The real SDK; Any, since what it returns is a union of everything there is."""
    return Seam(api_key=client.key, endpoint=client.base_url)


def events_of(client: Raw, access_code_id: str) -> list[str]:
    about = {"since": "2020-01-01", "access_code_id": access_code_id}
    return [event["event_type"] for event in client.post("/events/list", **about).body["events"]]


def test_the_sdk_finds_what_was_made_at_the_door_and_nowhere_else(seam: Any, door: Door) -> None:
    code_id, device_id = door.make("471100"), door.device.device_id
    [code] = seam.access_codes.unmanaged.list(device_id=device_id)
    assert (code.access_code_id, code.code, code.is_managed, code.status) == (code_id, "471100", False, "set")
    assert seam.access_codes.unmanaged.get(access_code_id=code_id).code == "471100"
    assert seam.access_codes.unmanaged.get(device_id=device_id, code="471100").access_code_id == code_id
    assert seam.access_codes.unmanaged.list(device_id=device_id, search="7110") == [code]
    assert seam.access_codes.unmanaged.list(device_id=device_id, search="0815") == []
    assert seam.access_codes.list(device_id=device_id) == []
    with pytest.raises(SeamHttpApiError) as refused:
        seam.access_codes.get(access_code_id=code_id)
    assert refused.value.status_code == 404


def test_it_is_no_code_to_be_updated_or_deleted_as_a_managed_one(client: Raw, door: Door) -> None:
    about = {"access_code_id": door.make("471101")}
    for operation in ("update", "delete", "pull_backup_access_code"):
        assert client.post(f"/access_codes/{operation}", **about).status == 404
    answer = client.post("/access_codes/unmanaged/update", **about, is_managed=False)
    assert answer.body["error"]["type"] == "invalid_input"


def test_its_digits_are_taken(client: Raw, door: Door) -> None:
    code_id = door.make("471102")
    answer = client.post("/access_codes/create", device_id=door.device.device_id, code="471102")
    error = answer.body["error"]
    assert (answer.status, error["type"]) == (409, "duplicate_access_code")
    assert error["data"]["access_code_id"] == code_id
    assert "471102" not in error["message"]


@pytest.mark.parametrize("operation", ["convert_to_managed", "update"])
def test_a_converted_code_is_managed_and_goes_into_the_set(
    seam: Any, client: Raw, door: Door, operation: str
) -> None:
    code_id = door.make("471103", max_uses=7)
    about = {"access_code_id": code_id, "is_managed": True, "is_external_modification_allowed": True}
    attempt = client.call("PATCH", f"/access_codes/unmanaged/{operation}", **about).body["action_attempt"]
    assert (attempt["action_type"], attempt["status"]) == ("CONVERT_ACCESS_CODE_TO_MANAGED", "pending")
    [row] = door.device.bucket_rows(2, [0])
    assert (row["access_code_id"], row["gen"], row["code"], row["max_uses"]) == (code_id, 1, "471103", 7)
    assert seam.access_codes.unmanaged.list(device_id=door.device.device_id) == []
    assert seam.access_codes.get(access_code_id=code_id).is_external_modification_allowed
    door.device.apply(2)
    wait_for(lambda: seam.action_attempts.get(**id_of(attempt)).status == "success", what="the attempt")
    converted = "access_code.unmanaged.converted_to_managed"
    wait_for(lambda: converted in events_of(client, code_id), what="the event")
    seam.access_codes.update(access_code_id=code_id, code="471104")
    assert door.device.bucket_rows(3, [0])[0]["code"] == "471104"


def id_of(attempt: dict[str, Any]) -> dict[str, Any]:
    return {"action_attempt_id": attempt["action_attempt_id"]}


def test_a_conversion_that_cannot_be_is_refused_in_the_words_of_the_api(client: Raw, door: Door) -> None:
    unread = door.make("no digits")
    ended = door.make("471105", ends_at=1_900_000_000, max_uses=1)
    door.happens(("access_granted", {"access_code_id": ended, "gen": 1}))
    for code_id, error_type in ((unread, "access_code_cannot_be_managed"), (ended, "access_code_inactive")):
        answer = client.post("/access_codes/unmanaged/convert_to_managed", access_code_id=code_id)
        assert (answer.status, answer.body["error"]["type"]) == (400, error_type)
    contradiction = {"allow_external_modification": True, "is_external_modification_allowed": False}
    answer = client.post("/access_codes/unmanaged/convert_to_managed", access_code_id=unread, **contradiction)
    assert answer.body["error"]["type"] == "invalid_input"


def test_digits_that_are_wanted_for_another_code_cannot_be_converted(client: Raw, door: Door) -> None:
    wanted = client.post("/access_codes/create", device_id=door.device.device_id, code="471106")
    code_id = door.make("471106")
    answer = client.post("/access_codes/unmanaged/convert_to_managed", access_code_id=code_id)
    error = answer.body["error"]
    assert (answer.status, error["type"]) == (409, "duplicate_access_code")
    assert error["data"]["access_code_id"] == wanted.body["access_code"]["access_code_id"]


# --- deleting ---------------------------------------------------------------------------------------------


def test_a_deleted_code_is_gone_when_the_lock_has_done_it(seam: Any, client: Raw, door: Door) -> None:
    code_id = door.make("471107")
    about = {"access_code_id": code_id}
    attempt = client.call("DELETE", "/access_codes/unmanaged/delete", **about).body["action_attempt"]
    assert (attempt["action_type"], attempt["status"]) == ("DELETE_ACCESS_CODE", "pending")
    command = door.told_to_forget()
    assert command["args"] == {"ids": [code_id]}
    assert seam.access_codes.unmanaged.get(**about).warnings[0].warning_code == "being_deleted"
    door.answers(command, "done")
    assert client.post("/access_codes/unmanaged/get", **about).status == 404
    assert seam.action_attempts.get(**id_of(attempt)).status == "success"
    wait_for(lambda: "access_code.unmanaged.removed" in events_of(client, code_id), what="the event")


def test_a_refusal_of_the_lock_is_shown(seam: Any, client: Raw, door: Door) -> None:
    about = {"access_code_id": door.make("471108")}
    attempt = client.post("/access_codes/unmanaged/delete", **about).body["action_attempt"]
    door.answers(door.told_to_forget(), "refused", "not_allowed")
    [error] = seam.access_codes.unmanaged.get(**about).errors
    assert error.error_code == "failed_to_remove_from_device"
    assert "(not_allowed)" in error.message
    ended = client.post("/action_attempts/get", **id_of(attempt)).body["action_attempt"]
    assert (ended["status"], ended["error"]["type"]) == ("error", "failed_to_remove_from_device")


def test_a_deletion_waits_for_a_lock_that_is_away_and_outlives_the_cloud(
    client: Raw, cloud: CloudProcess, door: Door
) -> None:
    code_id = door.make("471109")
    door.device.status(online=False)
    lock = f"/locks/{door.device.device_id}"
    wait_for(lambda: not cloud.api.get(lock).body["online"], what="the lock to be gone")
    client.post("/access_codes/unmanaged/delete", access_code_id=code_id)
    cloud.restart(signal.SIGKILL)
    cloud.wait_for_broker()
    assert door.forgets() == []
    door.device.sid = uuid.uuid4().hex
    door.device.status()
    command = door.told_to_forget()
    cloud.restart(signal.SIGKILL)
    cloud.wait_for_broker()
    door.answers(command, "done")
    codes = raw_client(cloud).post("/access_codes/unmanaged/list", device_id=door.device.device_id)
    assert codes.body["access_codes"] == []


def test_what_an_earlier_session_was_told_is_told_again_in_the_next(client: Raw, door: Door) -> None:
    code_id = door.make("471115")
    client.post("/access_codes/unmanaged/delete", access_code_id=code_id)
    door.told_to_forget()
    door.device.status(alarms=["tamper"])
    door.device.sid = uuid.uuid4().hex
    door.device.status()
    assert door.told_to_forget(2)["args"] == {"ids": [code_id]}
    assert len(door.forgets()) == 2


def test_a_code_removed_at_the_door_while_its_deletion_waits_needs_no_command(
    client: Raw, door: Door
) -> None:
    code_id = door.make("471110")
    client.post("/access_codes/unmanaged/delete", access_code_id=code_id)
    door.happens(removed(code_id, is_managed=False, stays=True))
    assert client.post("/access_codes/unmanaged/get", access_code_id=code_id).status == 404


# --- simulated ----------------------------------------------------------------------------------------------


def test_a_code_is_simulated_only_where_there_is_a_keypad_and_a_programming_code(
    seam: Any, cloud: CloudProcess, door: Door
) -> None:
    about = {"device_id": door.device.device_id, "name": "Owner", "code": "471190"}
    for boards, missing in (
        ({}, "no simulated keypad"),
        ({door.device.device_id: "127.0.0.1:9"}, "none that"),
    ):
        cloud.state.boards.write_text(json.dumps(boards))
        with pytest.raises(SeamHttpApiError) as refused:
            seam.access_codes.simulate.create_unmanaged_access_code(**about)
        assert refused.value.code == "simulation_not_supported"
        assert missing in str(refused.value)
        assert "471190" not in str(refused.value)


# --- codes of the set -------------------------------------------------------------------------------------


def test_a_removal_at_the_door_that_is_allowed_takes_the_code_out_of_the_set(client: Raw, door: Door) -> None:
    fields = {"device_id": door.device.device_id, "code": "471111", "is_external_modification_allowed": True}
    code = client.post("/access_codes/create", **fields).body["access_code"]
    door.device.apply(2)
    door.happens(removed(code["access_code_id"], stays=True))
    assert door.device.manifest(3).count == 0
    about = {"access_code_id": code["access_code_id"]}
    now = client.post("/access_codes/get", **about).body["access_code"]
    assert (now["status"], now["warnings"][0]["warning_code"]) == ("unset", "external_modification_in_effect")
    told = "access_code.deleted_external_to_seam"
    wait_for(lambda: told in events_of(client, code["access_code_id"]), what="the event")


# --- the other API ----------------------------------------------------------------------------------------


def test_the_device_cloud_lists_every_code_on_the_lock(cloud: CloudProcess, door: Door) -> None:
    code_id, lock_id = door.make("471112"), door.device.device_id
    managed = cloud.api.post(f"/locks/{lock_id}/access_codes", code="471113").body
    listed = cloud.api.get(f"/access_codes?lock_id={lock_id}").body["access_codes"]
    shown = {one["code"]: (one["is_managed"], one["status"], one["state"]) for one in listed}
    assert shown == {"471112": (False, "active", "set"), "471113": (True, "pending", "setting")}
    assert managed["is_managed"]
    taken = cloud.api.post(f"/locks/{lock_id}/access_codes", code="471112")
    assert (taken.body["error_code"], taken.body["access_code_id"]) == ("PIN_CONFLICT", code_id)
    path = f"/access_codes/{code_id}"
    patch = cloud.api.send("PATCH", path, b'{"enabled": false}', {"Content-Type": "application/json"})
    assert (patch.status, patch.body["error_code"]) == (409, "NOT_MANAGED")
    assert cloud.api.send("DELETE", path).body["status"] == "pending"
    assert cloud.api.get(path).body["state"] == "removing"
    door.answers(door.told_to_forget(), "done")
    assert cloud.api.get(path).status == 404


def test_no_digits_are_in_the_log_of_the_cloud_or_in_the_events_of_the_door(
    cloud: CloudProcess, door: Door
) -> None:
    door.make("47111490")
    events = cloud.api.get(f"/locks/{door.device.device_id}/events").body["events"]
    assert [event["event_type"] for event in events] == ["lock.code_added_at_door"]
    assert "sealed" not in events[0]["detail"] and "47111490" not in json.dumps(events)
    assert "47111490" not in cloud.log.read_text()
