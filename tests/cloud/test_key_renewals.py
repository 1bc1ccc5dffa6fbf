"""Keys of a lock renewed, at the cloud: proposed only when asked, believed whole or not at all, once."""

import asyncio
import uuid
from base64 import urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    generate_private_key,
)
from joserfc.jwk import OKPKey

from agent import jose
from agent.enrol import NewKeys, new_keys, private_jwk
from agent.enrol_exchange import public_jwk
from agent.envelope import Signer, kid_of, new_sealing_key, new_signing_key
from agent.messages import Status, topic
from agent.renewal_exchange import PROPOSAL_TYP
from cloud_sim import (
    device_keys,
    duress,
    key_renewals,
    locks,
    serving,
    settings_delivery,
    wanted_renewals,
)
from cloud_sim.enrolments import Enroller
from tests.cloud.device import EPOCH, enrolment_request, journal_rows
from tests.cloud.renewing import KINDS, Renewing


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
