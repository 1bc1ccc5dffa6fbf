"""Other keys of the cloud, at the uplink itself: believed from the next message on, in the same session."""

from collections.abc import Callable

import msgspec

from agent.enrol_exchange import public_jwk
from agent.enrolment import change_terms
from agent.envelope import Signer, kid_of, new_signing_key
from agent.messages import AckReceived, Keys, KeysReceived, MessageRefused, PinnedKey
from tests.uplink.clouds import DEVICE
from tests.uplink.conftest import Brokers
from tests.uplink.doors import EPOCH, ROOT, CloudEnd, Door

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
