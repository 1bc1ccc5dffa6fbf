"""Other keys of the cloud, at the uplink itself: believed from the next message on, in the same session."""

from collections.abc import Callable

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from agent.enrol_exchange import AcceptedRequest, public_jwk
from agent.enrolment_changes import change_terms, keep_pending, use_pending
from agent.envelope import Opener, Signer, kid_of, new_signing_key
from agent.messages import (
    AckReceived,
    Keys,
    KeysReceived,
    MessageRefused,
    PinnedKey,
    RenewalReceived,
    RenewedKeys,
)
from agent.renewal_exchange import kids_of, new_pending, open_proposal, write_proposal
from agent.uplink import Backoff
from agent.uplink.session import RENEWED
from tests.uplink.clouds import DEVICE
from tests.uplink.conftest import Brokers
from tests.uplink.doors import EPOCH, ROOT, CloudEnd, Door, answer, ask_again

NewDoor = Callable[..., Door]
NEW = new_signing_key()


def test_an_announcement_arrives_also_when_the_broker_kept_it_and_names_its_signer(
    brokers: Brokers, new_door: NewDoor
) -> None:
    door = new_door(brokers.url)
    cloud_end = CloudEnd(door, brokers.url)
    cloud_end.connect()
    told = Keys(signing=[PinnedKey(key=public_jwk(NEW))], sealing=door.enrolment.terms.cloud_sealing)
    cloud_end.send("keys", cloud_end.signer.sign("keys", told, iat=1, rev=1), retain=True)
    door.uplink.start()
    received = door.wait_for(KeysReceived)
    assert (received.rev, received.keys, received.signer) == (1, told, kid_of(door.cloud.signing))
    cloud_end.close()


def test_the_new_key_is_believed_in_the_same_session_and_the_dropped_one_no_more(
    brokers: Brokers, new_door: NewDoor
) -> None:
    door = new_door(brokers.url)
    cloud_end = CloudEnd(door, brokers.url)
    cloud_end.connect()
    door.uplink.start()
    door.wait_up()
    ack: dict[str, object] = {"journal_epoch": EPOCH, "upto": 1}
    raw = Signer(DEVICE, NEW).sign("ack", ack, iat=1, id="x")
    cloud_end.send("ack", raw)
    assert door.wait_for(MessageRefused).reason == "unknown_key"
    terms = msgspec.structs.replace(
        door.enrolment.terms, cloud_signing={kid_of(NEW): public_jwk(NEW)}, keys_rev=1
    )
    door.uplink.rekey(change_terms(door.enrolment.ca.parent.parent, ROOT, door.enrolment, terms))
    cloud_end.send("ack", raw)
    door.uplink.settle(door.wait_for(AckReceived).token)
    cloud_end.say("ack", ack)
    assert door.wait_for(MessageRefused, 2).reason == "unknown_key"
    assert len(door.changes(is_up=True)) == 1
    cloud_end.close()


def test_with_another_identity_the_session_ends_and_the_next_begins_at_once(
    brokers: Brokers, new_door: NewDoor
) -> None:
    door = new_door(brokers.url, last_seq=2, backoff=Backoff(first_s=600.0, cap_s=600.0))
    cloud_end = CloudEnd(door, brokers.url)
    cloud_end.connect()
    door.uplink.start()
    answer(door, 1, 2)
    cloud_end.wait_for("events")
    pending = new_pending("r")
    accepted = open_proposal(write_proposal(DEVICE, pending), DEVICE, "r")
    assert isinstance(accepted, AcceptedRequest)
    old, new = door.request.identity, accepted.identity
    cloud_end._opener = Opener(DEVICE, {kid_of(key): key for key in (old, new)})
    state_dir = door.enrolment.ca.parent.parent
    asked = keep_pending(state_dir, ROOT, door.enrolment, pending)
    door.uplink.rekey(asked)
    ask_again(door, cloud_end)
    assert door.changes(is_up=False) == []  # nothing but what opens has changed so far
    public = accepted.csr.public_key()
    assert isinstance(public, EllipticCurvePublicKey)
    certificate = door.cloud.authority.certify(DEVICE, public).public_bytes(Encoding.PEM)
    door.uplink.rekey(use_pending(state_dir, ROOT, asked, kids_of(pending), certificate))
    door.wait_up(2)
    cloud_end._opener = Opener(DEVICE, {kid_of(new): new})
    ask_again(door, cloud_end)
    answer(door, 2, 2)
    cloud_end.wait_for("events", 2)
    assert cloud_end.seqs() == [1, 2, 1, 2]  # the cloud had not acknowledged them
    assert [change.reason for change in door.changes(is_up=False)] == [RENEWED]
    cloud_end.close()


def test_the_answer_to_a_proposal_arrives_and_names_its_signer(brokers: Brokers, new_door: NewDoor) -> None:
    door = new_door(brokers.url)
    cloud_end = CloudEnd(door, brokers.url)
    cloud_end.connect()
    door.uplink.start()
    door.wait_up()
    said = RenewedKeys(renewal_id="r", identity="i", sealing="s", certificate="c")
    raw = Signer(DEVICE, NEW).sign("renewal", said, iat=1, id="x")
    cloud_end.send("renewal", raw)
    assert door.wait_for(MessageRefused).reason == "unknown_key"
    cloud_end.send("renewal", cloud_end.signer.sign("renewal", said, iat=1, id="x"))
    received = door.wait_for(RenewalReceived)
    assert (received.answer, received.signer) == (said, kid_of(door.cloud.signing))
    cloud_end.close()
