"""A command moves the strike once, and nothing else ever does: not a broker that keeps, repeats or delays it,
not a connection that comes back, not a start. (Complaints 39 to 44 of owners of other doors.)"""

import json
import time
import uuid
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agent.cli.client import AgentUnreachable
from agent.envelope import Signer
from agent.messages import CommandBody
from cloud_sim.authority import load
from cloud_sim.state_directory import StateDirectory
from firmware_sim.site_directory import SiteDirectory
from firmware_sim.site_processes import Site, SiteOptions
from tests.broker.certificates import Files
from tests.broker.client import Client, down, up
from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process


class Street:
    """A door, its broker, and somebody who speaks with the cloud's key and certificate in its place."""

    def __init__(self, directory: Path) -> None:
        self.site = Site(SiteDirectory(directory).acquire(), SiteOptions(doors=0))
        self.site.start()
        self.door = Door(self.site, 1)
        self.door.start()
        wait_for(self._knows_the_time, 20, "the lock to know the time")
        self.site.kill_cloud()
        self._state = StateDirectory(self.site.directory.cloud)
        self._signer = Signer(self.door.device_id, load(self._state).keyring.signing)
        self.client = self.new_client()

    def _knows_the_time(self) -> bool:
        with suppress(AgentUnreachable):
            return bool(self.door.status()["clock"]["trust"] == "trusted")
        return False

    def new_client(self) -> Client:
        """A connection as the cloud; there is one at a time."""
        port = int(self.site.record.mqtt_url.rpartition(":")[2])
        files = Files(self._state.client_certificate, self._state.client_key)
        client = Client(self._state.ca, port, "cloud", files).connect()
        client.subscribe(up(self.door.device_id, "status"))
        return client

    def status(self) -> dict[str, Any]:
        """The newest status the broker has for everybody."""
        wait_for(lambda: self.client.messages, what="a status")
        claims = bytes(self.client.messages[-1].payload).split(b".")[1]
        body: dict[str, Any] = json.loads(urlsafe_b64decode(claims + b"=="))["body"]
        return body

    def session(self) -> str:
        """The session of the lock, once it is connected."""
        wait_for(lambda: self.door.status()["uplink"]["connected"], 20, "the uplink")
        return str(wait_for(lambda: self.status()["online"] and self.status()["sid"], what="a birth"))

    def unlock(self, **claims: Any) -> bytes:
        """A genuine command for this session."""
        now = int(time.time())
        given: dict[str, Any] = {
            "iat": now,
            "exp": now + 20,
            "id": str(uuid.uuid4()),
            "sid": self.session(),
        } | claims
        return self._signer.sign("command", CommandBody(type="unlock"), **given)

    def say(self, payload: bytes, *, retain: bool = False) -> None:
        """Put a command into the broker."""
        self.client.publish(down(self.door.device_id, "command"), payload, retain=retain)

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """What the journal of the lock says of this."""
        return [row["detail"] for row in self.door.rows() if row["kind"] == kind]

    def wait_for_row(self, kind: str, count: int, **detail: Any) -> None:
        """Until the journal has so many rows with these values."""

        def matching() -> list[dict[str, Any]]:
            return [row for row in self.rows(kind) if row.items() >= detail.items()]

        wait_for(lambda: len(matching()) >= count, 20, f"{count} {kind} {detail}")

    def close(self) -> None:
        """End everything."""
        self.client.close()
        self.door.close()
        self.site.stop()
        self.site.directory.release()


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    made = Street(tmp_path)
    yield made
    made.close()


def test_an_unlock_over_http_moves_the_strike_once_and_is_answered(site: Site, door: Door) -> None:
    door.start()
    wait_for(lambda: site.cloud.get(f"/locks/{door.device_id}")["clock"] == "trusted", 20, "the time")
    action = site.cloud.post(f"/locks/{door.device_id}/actions", {"action": "unlock"})
    path = f"/locks/{door.device_id}/actions/{action['action_id']}"
    wait_for(lambda: site.cloud.get(path)["status"] == "success", what="the answer")
    wait_for(door.is_locked, what="the strike to lock")
    door.kill()
    door.start()
    assert door.openings() == 1


def test_a_command_that_the_broker_delivers_five_times_moves_the_strike_once(street: Street) -> None:
    command = street.unlock()
    for _ in range(5):
        street.say(command)
    street.wait_for_row("command_result", 2)
    street.wait_for_row("message_refused", 1, reason="duplicate")
    assert (street.door.openings(), [row["result"] for row in street.rows("command_result")]) == (
        1,
        ["done", "done"],
    )


def test_a_command_in_flight_while_the_agent_is_killed_moves_the_strike_at_most_once(street: Street) -> None:
    command = street.unlock()
    street.say(command)
    street.door.kill()
    street.door.start()
    street.session()
    street.say(command)
    street.wait_for_row("message_refused", 1, stream="command")
    assert street.door.openings() <= 1


def test_39_a_broker_that_restarts_opens_nothing(street: Street) -> None:
    street.say(street.unlock(), retain=True)
    street.wait_for_row("message_refused", 1, reason="retained")
    street.client.close()
    street.site.kill_broker()
    wait_for(lambda: not street.door.status()["uplink"]["connected"], 20, "the uplink to be down")
    street.site.start_broker()
    street.client = street.new_client()
    street.session()
    assert street.door.openings() == 0


def test_40_a_command_that_waited_for_a_connection_moves_nothing(street: Street) -> None:
    waiting = street.unlock()
    street.door.kill()
    street.say(waiting)
    street.door.start()
    street.wait_for_row("message_refused", 1, stream="command", reason="other_session")
    assert street.door.openings() == 0


def test_41_a_kept_command_moves_nothing_however_often_the_agent_starts(street: Street) -> None:
    street.say(street.unlock(), retain=True)
    street.wait_for_row("message_refused", 1, reason="retained")
    for _ in range(2):
        street.door.kill()
        street.door.start()
        street.session()
    assert (street.door.openings(), street.rows("command_result")) == (0, [])


def test_41_making_the_broker_forget_a_kept_command_is_no_message_to_the_lock(street: Street) -> None:
    street.say(street.unlock(), retain=True)
    street.say(b"", retain=True)
    street.say(street.unlock())
    wait_for(lambda: street.door.openings() == 1, what="the strike")
    refused = [(row["reason"], row["count"]) for row in street.rows("message_refused")]
    assert refused == [("retained", 1)]


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_42_43_a_start_after_an_unlock_makes_no_pulse(street: Street, how: str) -> None:
    street.say(street.unlock())
    wait_for(lambda: street.door.openings() == 1, what="the strike")
    getattr(street.door, how)()
    street.door.start()
    street.session()
    assert street.door.openings() == 1
    assert not street.door.see()["strike"]["released"]


def test_44_who_comes_later_sees_how_the_door_is_without_asking(street: Street) -> None:
    street.session()
    street.client.close()
    street.client = street.new_client()
    status = street.status()
    assert (status["strike"], status["mode"], status["online"]) == ("locked", "normal", True)
    assert street.client.messages[-1].retain
