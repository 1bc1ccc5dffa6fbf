"""A real lock renews its keys at a real broker, with codes, entries and rows on their way, and dies."""

import shutil
import socket
import ssl
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from agent.enrolment import Enrolment, load_enrolment
from agent.secrets import SecretSource, load_root_secret
from firmware_sim.site_processes import Site
from tests.process.doors import Door
from tests.process.leaked import leaked
from tests.waiting import wait_for

pytestmark = pytest.mark.process

STEPS = (1, 4, 5)
"""Of the six times that a directory is renamed: new keys are made and not kept yet; they are answered and do
not count yet; the old ones have no name any more and the new ones not theirs."""


def renew(site: Site, door: Door) -> None:
    site.cloud.post(f"/locks/{door.device_id}/key_renewal", {})


def lock(site: Site, door: Door) -> dict[str, Any]:
    found: dict[str, Any] = site.cloud.get(f"/locks/{door.device_id}")
    return found


def wait_until_done(site: Site, door: Door) -> None:
    wait_for(lambda: lock(site, door)["key_renewal"]["status"] == "done", 20, "the new keys to be used")


def enrolment(door: Door) -> Enrolment:
    return load_enrolment(door.files.state, load_root_secret(SecretSource(file=door.files.root_secret)))


def private_keys(found: Enrolment) -> list[bytes]:
    return [urlsafe_b64decode(key["d"] + "==") for key in (found.identity, found.sealing)]


class Copied:
    """What a thief of the card has for the broker: certificate, TLS key, and the password of that."""

    def __init__(self, found: Enrolment, directory: Path) -> None:
        certificate, key = (shutil.copy(path, directory) for path in (found.tls_certificate, found.tls_key))
        self._context = ssl.create_default_context(cafile=str(found.ca))
        self._context.load_cert_chain(certificate, key, found.tls_password)
        address = urlsplit(found.mqtt_url)
        self._address = (address.hostname or "", address.port or 0)

    def is_refused(self) -> bool:
        """The broker hangs up at once, or waits for what the client has to say."""
        with (
            socket.create_connection(self._address) as line,
            self._context.wrap_socket(line, server_hostname=self._address[0]) as tls,
        ):
            tls.settimeout(0.5)
            try:
                tls.recv(1)
            except TimeoutError:
                return False
            except OSError:
                return True
            return True


def assert_renewed(site: Site, door: Door, before: Enrolment) -> None:
    """Lock and cloud have the same keys, others than before; nothing of a change is left on the disk."""
    after = enrolment(door)
    kids = {"identity": after.terms.identity_kid, "sealing": after.terms.sealing_kid}
    assert lock(site, door)["keys"] == kids
    assert (after.pending, after.terms.identity_kid == before.terms.identity_kid) == (None, False)
    assert [path.name for path in door.files.state.iterdir() if "enrolment" in path.name] == ["enrolment"]


def assert_every_row_is_at_the_cloud_once(site: Site, door: Door) -> None:
    last_seq = door.status()["journal"]["last_seq"]
    wait_for(lambda: lock(site, door)["journals"][0]["upto"] >= last_seq, 20, "the rows at the cloud")
    assert [each["broken_seq"] for each in lock(site, door)["journals"]] == [None]
    told = [event["event_type"] for event in door.events()]
    granted = [row for row in door.rows() if row["kind"] == "access_granted"]
    assert told.count("lock.unlocked") == len(granted) > 0


def test_keys_are_renewed_under_traffic_no_private_one_is_sent_and_the_old_certificate_ends(
    site: Site, door: Door, tmp_path: Path
) -> None:
    door.start("tell-messages", str(tmp_path / "said"))
    codes, before = door.new_codes(1), enrolment(door)
    copied = Copied(before, tmp_path)
    assert not copied.is_refused()
    renew(site, door)
    while lock(site, door)["key_renewal"]["status"] != "done" or len(codes) < 8:
        codes += door.new_codes(1, wait=False)
        assert door.opens(codes[0].digits)
    wait_for(door.has_newest_set, 20, "every code on the lock")
    assert door.opens(codes[-1].digits)
    assert_renewed(site, door, before)
    assert_every_row_is_at_the_cloud_once(site, door)
    wait_for(copied.is_refused, what="the broker to refuse the certificate of before")
    after = enrolment(door)
    secret = {str(number): key for number, key in enumerate([*private_keys(before), *private_keys(after)])}
    said = (tmp_path / "said").read_bytes()
    assert (leaked(secret, said), b"PRIVATE" in said, b"/up/request" in said) == ([], False, True)
    assert (door.status()["uplink"]["connected"], lock(site, door)["refused_messages"]) == (True, [])


def test_a_lock_that_dies_at_any_step_of_it_ends_with_the_new_keys(
    site: Site, door: Door, tmp_path: Path
) -> None:
    faults = [f"{number}:{tmp_path / str(number)}" for number in STEPS]
    door.start("die-at-rename", faults[0])
    code = door.new_codes(1)[0]
    for number, following in zip(STEPS, [*faults[1:], None], strict=True):
        before = enrolment(door)
        (tmp_path / str(number)).touch()
        renew(site, door)
        door.wait_for_death()
        door.start(*(() if following is None else ("die-at-rename", following)))
        wait_until_done(site, door)
        assert_renewed(site, door, before)
        assert door.opens(code.digits)


def test_a_cloud_that_is_killed_meanwhile_goes_on_where_it_was(site: Site, door: Door) -> None:
    door.start()
    for _ in range(2):
        before = enrolment(door)
        renew(site, door)
        code = door.new_codes(1, wait=False)[0]
        site.kill_cloud()
        door.type(f"{code.digits}#")
        site.start_cloud()
        wait_until_done(site, door)
        assert_renewed(site, door, before)
        wait_for(door.has_newest_set, 20, "the code on the lock")
        assert door.opens(code.digits)
    assert_every_row_is_at_the_cloud_once(site, door)
