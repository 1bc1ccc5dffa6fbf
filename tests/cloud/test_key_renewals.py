"""Keys of a lock renewed, at the cloud: proposed only when asked, believed whole or not at all, once."""

import asyncio
import json
import time
import uuid
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.jwk import OKPKey

from agent import jose
from agent.enrol import NewKeys, make_csr, new_keys, private_jwk
from agent.enrol_exchange import public_jwk
from agent.envelope import Message, Opener, Signer, kid_of, new_sealing_key, new_signing_key
from agent.messages import CommandBody, RenewedKeys, Request, Status, topic
from agent.renewal_exchange import PROPOSAL_TYP, Proposal
from cloud_sim import (
    answers,
    device_keys,
    duress,
    key_renewals,
    locks,
    serving,
    settings_delivery,
    wanted_renewals,
)
from cloud_sim.authority import Authority, load
from cloud_sim.database import Database, open_database
from cloud_sim.downlink import Downlink
from cloud_sim.enrolments import Enroller
from cloud_sim.fleet import Fleet
from cloud_sim.revocations import Revocations
from cloud_sim.state_directory import StateDirectory
from tests.cloud.device import EPOCH, enrolment_request, journal_rows

WALL = time.time()
KINDS = ("identity", "sealing", "tls")


@dataclass
class Renewing:
    """One enrolled lock and its cloud, without a broker: what was published, newest last."""

    path: Path
    authority: Authority
    keys: NewKeys = field(default_factory=new_keys)
    new: NewKeys = field(default_factory=new_keys)
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    wall: float = WALL
    numbers: int = 0
    database: Database = field(init=False)
    fleet: Fleet = field(init=False)
    lock_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.database = open_database(self.path)
        with self.database.transaction():
            self.lock_id = locks.add_lock(self.database, "Front door", 0.0)
        self.enrol(self.lock_id, self.keys)
        self._serve()

    def enrol(self, lock_id: str, keys: NewKeys) -> None:
        certificate = self.authority.certify(make_csr(keys.tls, lock_id), lock_id)
        jwks = [json.dumps(public_jwk(key)) for key in (keys.identity, keys.sealing)]
        self.database.run("INSERT INTO device_keys VALUES (?, ?, ?, ?, 0)", lock_id, *jwks, certificate)

    def _serve(self) -> None:
        downlink = Downlink(
            self.database, self.authority.keyring, self._publish, lambda: self.wall, lambda *_: None
        )
        self.fleet = Fleet(self.database, downlink, lambda: self.wall, self.authority.certify)
        self.fleet.connected()

    def restart(self) -> None:
        """The cloud dies and comes back."""
        self.database.close()
        self.sent.clear()
        self.database = open_database(self.path)
        self._serve()

    def _publish(self, topic: str, payload: bytes, *, retain: bool, expiry_s: int | None = None) -> int:
        del retain, expiry_s
        self.sent.append((topic, payload))
        return len(self.sent)

    # --- the operator and the lock ------------------------------------------------------------------

    def want(self, *, again: bool = False) -> str:
        """The operator wants other keys; the id of the renewal."""
        assert wanted_renewals.want(self.database, self.lock_id, self.wall)
        key_renewals.ask(self.database, self.fleet.downlink, self.lock_id, self.wall, at_once=again)
        renewal = wanted_renewals.under_way(self.database, self.lock_id)
        assert renewal is not None
        return str(renewal["renewal_id"])

    def say(self, stream: str, body: Any, key: OKPKey | None = None, sid: str | None = None) -> bytes:
        """One message of the lock, signed by `key`: without one by the identity of its enrolment."""
        self.numbers += 1
        signer = Signer(self.lock_id, key or self.keys.identity)
        raw = signer.sign(
            stream, body, iat=int(self.wall), id=str(uuid.uuid4()), sid=sid, life="life", nth=self.numbers
        )
        self.fleet.received(topic(self.lock_id, "up", stream), raw, is_retained=False)
        return raw

    def status(self, sid: str = "s1", key: OKPKey | None = None) -> None:
        self.say("status", Status(online=True, sid=sid, set_epoch=1), key, sid)

    def proposal(self, renewal_id: str, signed_by: OKPKey | None = None, **changes: Any) -> str:
        """What the lock would propose; `changes` make it a wrong one."""
        keys = changes.pop("keys", self.new)
        csr = make_csr(changes.pop("tls", keys.tls), changes.pop("csr_name", self.lock_id))
        given: dict[str, Any] = {
            "device_id": self.lock_id,
            "renewal_id": renewal_id,
            "identity": public_jwk(keys.identity),
            "sealing": public_jwk(keys.sealing),
            "csr": csr.public_bytes(Encoding.PEM).decode(),
        }
        proposal = Proposal(**(given | changes))
        return jose.sign(PROPOSAL_TYP, msgspec.json.encode(proposal), signed_by or keys.identity).decode()

    def propose(self, proposal: str, key: OKPKey | None = None) -> bytes:
        return self.say("request", Request(type="renew", proposal=proposal), key)

    # --- what can be seen ---------------------------------------------------------------------------

    def told(self, stream: str, *keys: OKPKey) -> list[Message]:
        """What the lock was told on a stream and opens, with one of these sealing keys where it is sealed."""
        cloud = self.authority.keyring.signing
        opener = Opener(self.lock_id, {kid_of(cloud): cloud}, *keys)
        name = topic(self.lock_id, "down", stream)
        opened = [opener.open(raw, stream, None) for topic, raw in self.sent if topic == name]
        return [each for each in opened if isinstance(each, Message)]

    def asked(self) -> list[str]:
        """The renewals that the lock was asked for."""
        bodies = [msgspec.json.decode(each.body, type=CommandBody) for each in self.told("command")]
        return [body.args["renewal_id"] for body in bodies if body.type == "renew_keys"]

    def answers(self) -> list[RenewedKeys]:
        return [msgspec.json.decode(each.body, type=RenewedKeys) for each in self.told("renewal")]

    def refused(self) -> dict[str, int]:
        return {each["reason"]: each["count"] for each in answers.refused(self.database, self.lock_id)}

    def believed(self) -> set[str]:
        return set(device_keys.identities(self.database, self.lock_id))

    def state(self) -> str:
        return str(wanted_renewals.state(self.database, self.lock_id)["status"])


@pytest.fixture
def lock(tmp_path: Path, state: StateDirectory) -> Iterator[Renewing]:
    """A lock that is online."""
    made = Renewing(tmp_path / "cloud.db", load(state))
    made.status()
    yield made
    made.database.close()


def test_the_old_keys_end_with_the_first_word_by_the_new_ones(lock: Renewing) -> None:
    renewal_id = lock.want()
    assert lock.asked() == [renewal_id]
    lock.propose(lock.proposal(renewal_id))
    old, new = kid_of(lock.keys.identity), kid_of(lock.new.identity)
    assert (lock.believed(), lock.state(), lock.refused()) == ({old, new}, "accepted", {})
    (answer,) = lock.answers()
    assert (answer.renewal_id, answer.identity, answer.sealing) == (renewal_id, new, kid_of(lock.new.sealing))
    lock.status("s2", lock.new.identity)
    assert (lock.believed(), lock.state(), lock.refused()) == ({new}, "done", {})
    row = lock.database.row("SELECT * FROM device_keys WHERE lock_id = ?", lock.lock_id) or {}
    assert device_keys.name_of(row["sealing"]) == kid_of(lock.new.sealing)
    assert row["certificate"] == answer.certificate
    lock.status("s3")
    assert lock.refused() == {"unknown_key": 1}


def test_a_lock_that_proposes_unasked_is_refused_and_counted(lock: Renewing) -> None:
    for _ in range(2):
        lock.propose(lock.proposal(str(uuid.uuid4())))
    assert (lock.refused(), lock.answers()) == ({"not_asked": 2}, [])
    assert lock.believed() == {kid_of(lock.keys.identity)}


def test_a_lock_without_keys_has_none_to_renew(lock: Renewing) -> None:
    with lock.database.transaction():
        stranger = locks.add_lock(lock.database, "Back door", 0.0)
    assert not wanted_renewals.want(lock.database, stranger, lock.wall)


def twice(sound: str, key: OKPKey) -> str:
    """The same proposal, with a second name of a device that one of two readers may take."""
    payload = urlsafe_b64decode(sound.split(".")[1] + "==")
    return jose.sign(PROPOSAL_TYP, b'{"device_id":"another",' + payload[1:], key).decode()


def wrong(lock: Renewing, renewal_id: str) -> dict[str, tuple[str, str]]:
    """What is wrong -> (proposal, the reason it is refused for)."""
    p384, sealing, private = (
        generate_private_key(SECP384R1()),
        lock.new.sealing,
        private_jwk(lock.new.identity),
    )
    sound = lock.proposal(renewal_id)
    head, claims, signature = sound.split(".")
    return {
        "signed by the old key": (lock.proposal(renewal_id, lock.keys.identity), "bad_proof"),
        "signed by a stranger": (lock.proposal(renewal_id, new_signing_key()), "bad_proof"),
        "another signature": (f"{head}.{claims}.{signature[::-1]}", "bad_proof"),
        "unsigned": (f"{head}.{claims}.", "bad_proof"),
        "a sealing key that signs": (lock.proposal(renewal_id, identity=public_jwk(sealing)), "bad_key"),
        "a signing key that seals": (
            lock.proposal(renewal_id, sealing=public_jwk(lock.new.identity)),
            "bad_key",
        ),
        "a private key": (lock.proposal(renewal_id, identity=private), "bad_key"),
        "a TLS key on another curve": (lock.proposal(renewal_id, tls=p384), "bad_csr"),
        "a certificate for another": (lock.proposal(renewal_id, csr_name="another"), "bad_csr"),
        "no certificate": (lock.proposal(renewal_id, csr=""), "bad_csr"),
        "for another lock": (lock.proposal(renewal_id, device_id="another"), "wrong_device"),
        "for another renewal": (lock.proposal("another"), "other_renewal"),
        "a name twice": (twice(sound, lock.new.identity), "bad_proof"),
        "too long": (sound + "A" * 9000, "malformed"),
        "nothing": ("", "malformed"),
    }


WRONG = (
    *("signed by the old key", "signed by a stranger", "another signature", "unsigned"),
    *("a sealing key that signs", "a signing key that seals", "a private key"),
    *("a TLS key on another curve", "a certificate for another", "no certificate"),
    *("for another lock", "for another renewal", "a name twice", "too long", "nothing"),
)


@pytest.mark.parametrize("name", WRONG)
def test_a_proposal_that_is_not_all_right_is_refused_and_counted(lock: Renewing, name: str) -> None:
    renewal_id = lock.want()
    cases = wrong(lock, renewal_id)
    assert set(cases) == set(WRONG)
    proposal, reason = cases[name]
    lock.propose(proposal)
    assert (lock.refused(), lock.answers(), lock.state()) == ({reason: 1}, [], "waiting")
    lock.propose(lock.proposal(renewal_id))
    assert lock.state() == "accepted"


@pytest.mark.parametrize("name", KINDS)
def test_a_key_that_was_in_use_is_not_taken_again(lock: Renewing, name: str) -> None:
    keys = {each: getattr(lock.new, each) for each in KINDS}
    lock.propose(lock.proposal(lock.want(), keys=NewKeys(**(keys | {name: getattr(lock.keys, name)}))))
    assert (lock.refused(), lock.state()) == ({"known_key": 1}, "waiting")


@pytest.mark.parametrize("name", ["identity", "sealing"])
def test_a_key_of_another_lock_is_not_taken(lock: Renewing, name: str) -> None:
    with lock.database.transaction():
        neighbour = locks.add_lock(lock.database, "Back door", 0.0)
    others = new_keys()
    lock.enrol(neighbour, others)
    keys = {each: getattr(lock.new, each) for each in KINDS}
    lock.propose(lock.proposal(lock.want(), keys=NewKeys(**(keys | {name: getattr(others, name)}))))
    assert (lock.refused(), lock.state()) == ({"known_key": 1}, "waiting")


def test_an_identity_of_long_ago_does_not_come_back(lock: Renewing) -> None:
    first = lock.keys
    lock.propose(lock.proposal(lock.want()))
    lock.status("s2", lock.new.identity)
    lock.keys, lock.new = lock.new, NewKeys(first.identity, new_sealing_key(), new_keys().tls)
    lock.propose(lock.proposal(lock.want()))
    assert (lock.refused(), lock.state()) == ({"known_key": 1}, "waiting")


def test_the_same_proposal_gets_the_same_answer_and_another_one_none(lock: Renewing) -> None:
    renewal_id = lock.want()
    for _ in range(3):
        lock.propose(lock.proposal(renewal_id))
    assert (len(lock.answers()), len(set(lock.answers())), lock.refused()) == (3, 1, {})
    keys = {each: getattr(lock.new, each) for each in KINDS}
    for name in KINDS:
        lock.propose(lock.proposal(renewal_id, keys=NewKeys(**(keys | {name: getattr(new_keys(), name)}))))
    assert (len(lock.answers()), lock.refused()) == (3, {"other_proposal": 3})


def test_an_old_proposal_is_of_no_use_later(lock: Renewing) -> None:
    kept = lock.proposal(lock.want())
    raw = lock.propose(kept)
    lock.status("s2", lock.new.identity)
    lock.keys, lock.new = lock.new, new_keys()
    lock.propose(kept)
    assert lock.refused() == {"not_asked": 1}
    lock.want()
    lock.propose(kept)
    lock.fleet.received(topic(lock.lock_id, "up", "request"), raw, is_retained=False)
    assert lock.refused() == {"not_asked": 1, "other_renewal": 1, "unknown_key": 1}
    assert lock.state() == "waiting"


def test_a_proposal_in_the_name_of_another_lock_is_none(lock: Renewing) -> None:
    lock.propose(lock.proposal(lock.want()), new_signing_key())
    assert (lock.refused(), lock.state()) == ({"unknown_key": 1}, "waiting")


def test_the_new_key_alone_proposes_nothing(lock: Renewing) -> None:
    lock.propose(lock.proposal(lock.want()), lock.new.identity)
    assert (lock.refused(), lock.state()) == ({"unknown_key": 1}, "waiting")


def test_what_is_kept_for_the_lock_is_sealed_to_the_new_key_before_it_is_answered(lock: Renewing) -> None:
    lock.database.run(
        "INSERT INTO offline_setups (lock_id, rev, journal_epoch, setup) VALUES (?, 1, ?, '{}')",
        lock.lock_id,
        EPOCH,
    )
    renewal_id = lock.want()
    lock.sent.clear()
    lock.propose(lock.proposal(renewal_id))
    assert [name.rpartition("/")[2] for name, _ in lock.sent] == ["offline", "renewal"]
    assert lock.told("offline", lock.keys.sealing) == []
    assert len(lock.told("offline", lock.new.sealing)) == 1
    lock.restart()
    assert len(lock.told("offline", lock.new.sealing)) == 1


def sealed(lock: Renewing, key: OKPKey) -> str:
    signer, cloud = Signer(lock.lock_id, key), lock.authority.keyring.sealing
    return signer.seal("duress", {"access_code_id": "a"}, cloud, iat=1, id=str(uuid.uuid4())).decode()


def test_alarms_sealed_by_either_key_are_read_whoever_signed_the_batch(lock: Renewing) -> None:
    """The lock takes its new keys while rows are on their way by the session of before."""
    lock.propose(lock.proposal(lock.want()))
    by = (lock.keys.identity, lock.new.identity)
    rows = journal_rows(*(("duress", {"sealed": sealed(lock, key)}) for key in (*by, *by)))
    lock.say("events", {"journal_epoch": EPOCH, "rows": rows[:2]})
    lock.say("events", {"journal_epoch": EPOCH, "rows": rows[2:]}, lock.new.identity)
    told = duress.events_after(lock.database, lock.lock_id, 0, 10)
    assert [each["detail"].get("unreadable") for each in told] == [None] * 4


# --- asking again -----------------------------------------------------------------------------------


def test_a_lock_that_is_away_is_asked_when_it_comes(lock: Renewing) -> None:
    lock.say("status", Status(online=False, sid="s1"))
    renewal_id = lock.want()
    assert lock.asked() == []
    lock.restart()
    lock.status("s2")
    assert lock.asked() == [renewal_id]


def test_a_session_is_asked_once_until_nobody_can_be_about_to_answer(lock: Renewing) -> None:
    renewal_id = lock.want()
    lock.status()
    key_renewals.ask_all(lock.database, lock.fleet.downlink, lock.wall)
    assert lock.asked() == [renewal_id]
    lock.wall += 31
    key_renewals.ask_all(lock.database, lock.fleet.downlink, lock.wall)
    assert lock.asked() == [renewal_id] * 2


def test_a_running_cloud_looks_for_locks_that_did_not_answer(
    lock: Renewing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_delivery, "DELIVER_EVERY_S", 0)
    renewal_id = lock.want()
    lock.wall += 31

    async def until_asked_again() -> None:
        looking = asyncio.create_task(serving._wishes(lock.fleet))
        while len(lock.asked()) < 2:
            await asyncio.sleep(0)
        looking.cancel()

    asyncio.run(asyncio.wait_for(until_asked_again(), 10))
    assert lock.asked() == [renewal_id] * 2


def answer_command(lock: Renewing, result: str, **reason: str) -> None:
    command_id = lock.told("command")[-1].id
    detail = {"id": command_id, "type": "renew_keys", "result": result, **reason}
    lock.say("events", {"journal_epoch": EPOCH, "rows": journal_rows(("command_result", detail))})


def test_a_lock_that_would_and_did_not_is_asked_again_after_a_minute(lock: Renewing) -> None:
    renewal_id = lock.want()
    answer_command(lock, "done")
    for passed_s, times in ((31, 1), (30, 2)):
        lock.wall += passed_s
        key_renewals.ask_all(lock.database, lock.fleet.downlink, lock.wall)
        assert lock.asked() == [renewal_id] * times


def test_a_refusal_is_shown_and_the_next_session_is_asked(lock: Renewing) -> None:
    renewal_id = lock.want()
    answer_command(lock, "refused", reason="forbidden")
    shown = wanted_renewals.state(lock.database, lock.lock_id)
    assert (shown["status"], shown["reason"]) == ("refused", "forbidden")
    lock.wall += 61
    key_renewals.ask_all(lock.database, lock.fleet.downlink, lock.wall)
    assert lock.asked() == [renewal_id]
    lock.status("s2")
    assert (lock.asked(), lock.state()) == ([renewal_id] * 2, "waiting")


def test_an_operator_who_asks_again_begins_no_other_renewal(lock: Renewing) -> None:
    renewal_id = lock.want()
    assert lock.want(again=True) == renewal_id
    lock.propose(lock.proposal(renewal_id))
    assert (lock.want(again=True), lock.state()) == (renewal_id, "accepted")
    lock.status("s2", lock.new.identity)
    assert lock.want() != renewal_id


@pytest.mark.parametrize("when", ["asked", "accepted", "done"])
def test_a_cloud_that_dies_in_the_middle_goes_on_where_it_was(lock: Renewing, when: str) -> None:
    renewal_id = lock.want()
    if when != "asked":
        lock.propose(lock.proposal(renewal_id))
    if when == "done":
        lock.status("s2", lock.new.identity)
    lock.restart()
    assert lock.asked() == ([] if when == "done" else [renewal_id])
    if when != "done":
        lock.propose(lock.proposal(renewal_id))
        assert len(lock.answers()) == 1
    lock.status("s3", lock.new.identity)
    assert (lock.believed(), lock.state()) == ({kid_of(lock.new.identity)}, "done")
    assert lock.refused() == {}


@pytest.mark.parametrize("by", ["retired", "enrolled again"])
def test_what_ends_the_old_keys_otherwise_ends_a_renewal_and_its_keys(lock: Renewing, by: str) -> None:
    lock.propose(lock.proposal(lock.want()))
    if by == "retired":
        lock.say("request", {"type": "retire", "nonce": "n"})
        believed = set()
    else:
        enroller = Enroller(lock.database, lock.authority, "http://here/enrolments", "mqtts://here:1")
        _, invitation = enroller.invite(None, lock.lock_id, lock.wall)
        again = new_keys()
        assert not isinstance(enroller.enrol(enrolment_request(invitation, again)[1], lock.wall), str)
        believed = {kid_of(again.identity)}
    lock.status("s2", lock.new.identity)
    assert (lock.believed(), lock.state()) == (believed, "none")


# --- the certificates of before ---------------------------------------------------------------------


def listed(lock: Renewing, file: Path) -> list[int]:
    """The serial numbers on the broker's list, which the CA has signed."""
    Revocations(lock.database, lock.authority, file).keep_up()
    found = x509.load_pem_x509_crl(file.read_bytes())
    public = lock.authority.ca.public_key()
    assert isinstance(public, EllipticCurvePublicKey)
    assert found.is_signature_valid(public)
    return sorted(each.serial_number for each in found)


def serial(certificate: str) -> int:
    return x509.load_pem_x509_certificate(certificate.encode()).serial_number


def certificate_of(lock: Renewing) -> str:
    row = lock.database.row("SELECT certificate FROM device_keys WHERE lock_id = ?", lock.lock_id)
    assert row is not None
    return str(row["certificate"])


def test_the_certificate_of_before_is_on_the_brokers_list_once_the_new_one_is_in_use(
    lock: Renewing, tmp_path: Path
) -> None:
    file, before = tmp_path / "revoked.pem", serial(certificate_of(lock))
    lock.propose(lock.proposal(lock.want()))
    assert listed(lock, file) == []
    lock.status("s2", lock.new.identity)
    assert listed(lock, file) == [before]


def test_a_certificate_that_never_came_to_count_is_on_it_too(lock: Renewing, tmp_path: Path) -> None:
    lock.propose(lock.proposal(lock.want()))
    (answer,) = lock.answers()
    both = sorted(map(serial, (certificate_of(lock), answer.certificate)))
    lock.say("request", {"type": "retire", "nonce": "n"})
    assert listed(lock, tmp_path / "revoked.pem") == both


def test_a_lock_that_enrols_again_has_its_first_certificate_on_it(lock: Renewing, tmp_path: Path) -> None:
    before = serial(certificate_of(lock))
    enroller = Enroller(lock.database, lock.authority, "http://here/enrolments", "mqtts://here:1")
    _, invitation = enroller.invite(None, lock.lock_id, lock.wall)
    assert not isinstance(enroller.enrol(enrolment_request(invitation, new_keys())[1], lock.wall), str)
    assert listed(lock, tmp_path / "revoked.pem") == [before]
