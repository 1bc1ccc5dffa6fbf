"""The list of certificates of locks that count no more, as the broker is to read it."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePublicKey,
)

from agent.enrol import new_keys
from cloud_sim.enrolments import Enroller
from cloud_sim.revocations import Revocations
from tests.cloud.device import enrolment_request
from tests.cloud.renewing import Renewing


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
