"""The lock's own keys, replaced when the cloud asks: kept before they are proposed, used once it agrees."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding

from agent.command_side import Permissions
from agent.enrol_exchange import AcceptedRequest
from agent.enrolment import Enrolment, keep_files, load_enrolment
from agent.envelope import OKPKey, Signer, kid_of, new_sealing_key, new_signing_key
from agent.key_ring import KeyRing
from agent.messages import MessageRefused, OfflineReceived, RenewalReceived, RenewedKeys, topic
from agent.move_enrolment import enrolment_under
from agent.renewal_exchange import open_proposal
from agent.secrets import RootSecret
from agent.uplink.inbound import Arrival, inbound_of
from agent.uplink.tls import client_context
from firmware_sim.enrolled import CLOUD_SIGNING, DEVICE_ID, IDENTITY, LOCK_SEALING, ROOT, key_ring
from firmware_sim.site import Site
from hal.ports import Pattern
from tests.controller.test_keys import NEW, keys, tell
from tests.uplink.clouds import Authority

AUTHORITY = Authority()
OLD_KIDS = (kid_of(IDENTITY), kid_of(LOCK_SEALING))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A connected lock that pins the CA."""
    made = opened(tmp_path)
    yield made
    made.close()


def opened(directory: Path, **settings: Any) -> Site:
    key_ring(directory, ca=AUTHORITY.certificate().public_bytes(Encoding.PEM))
    made = Site(directory, **settings)
    made.connect()
    return made


def proposals(site: Site) -> list[str]:
    return [each.proposal or "" for each in site.uplink.requests if each.type == "renew"]


def ask(site: Site, renewal_id: str = "first") -> AcceptedRequest:
    """The cloud asks; what the lock proposes, all of it proved."""
    site.command("renew_keys", renewal_id=renewal_id)
    accepted = open_proposal(proposals(site)[-1], DEVICE_ID, renewal_id)
    assert isinstance(accepted, AcceptedRequest), accepted
    return accepted


def kids(accepted: AcceptedRequest) -> tuple[str, str]:
    return kid_of(accepted.identity), kid_of(accepted.sealing)


def certificate(accepted: AcceptedRequest, authority: Authority = AUTHORITY, name: str = DEVICE_ID) -> str:
    key = accepted.csr.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    return authority.certify(name, key).public_bytes(Encoding.PEM).decode()


def answer(accepted: AcceptedRequest, renewal_id: str = "first") -> RenewedKeys:
    identity, sealing = kids(accepted)
    return RenewedKeys(
        renewal_id=renewal_id, identity=identity, sealing=sealing, certificate=certificate(accepted)
    )


def say(site: Site, said: RenewedKeys, signer: OKPKey = CLOUD_SIGNING) -> None:
    """What the uplink posts once a pinned key has signed it."""
    site.say(RenewalReceived(said, kid_of(signer), 1))


def kept(site: Site) -> tuple[str, str]:
    """The names of the keys that count, by the disk and by the lock."""
    on_disk = load_enrolment(site.store.database.path.parent, ROOT).terms
    terms = site.ring.enrolment.terms
    assert on_disk == terms
    return terms.identity_kid, terms.sealing_kid


def test_keys_count_once_the_cloud_has_certified_them(site: Site) -> None:
    accepted = ask(site)
    assert (kept(site), site.controller.keys.shown()["is_renewing"]) == (OLD_KIDS, True)
    say(site, answer(accepted))
    assert (kept(site), site.refusals()) == (kids(accepted), [])
    shown = site.controller.keys.shown()
    assert (shown["identity"], shown["is_renewing"]) == (kid_of(accepted.identity), False)
    assert site.uplink.rekeyed[-1] == site.ring.enrolment
    assert kid_of(OKPKey.import_key(dict(site.ring.enrolment.identity))) == kid_of(accepted.identity)
    assert kid_of(OKPKey.import_key(dict(site.ring.sealer.identity))) == kid_of(accepted.identity)
    client_context(site.ring.enrolment, check_dates=True)  # the certificate fits the key under its password
    (row,) = site.journal("own_keys_changed")
    assert row["detail"] == {
        "renewal_id": "first",
        "identity": kid_of(accepted.identity),
        "sealing": kid_of(accepted.sealing),
    }


def test_nothing_is_left_of_the_old_keys_and_none_is_in_the_journal(site: Site, tmp_path: Path) -> None:
    secrets = [str(key.as_dict(private=True)["d"]) for key in (IDENTITY, LOCK_SEALING)]
    accepted = ask(site)
    pending = site.ring.enrolment.pending
    assert pending is not None
    secrets += [pending.identity["d"], pending.sealing["d"], pending.tls.split("\n")[1]]
    say(site, answer(accepted))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == {tmp_path.name, "enrolment"}
    told = [str(site.journal()), repr(site.ring.enrolment), repr(pending), str(site.uplink.requests)]
    content = b"".join([*(path.read_bytes() for path in files), *(text.encode() for text in told)])
    assert [secret for secret in secrets if secret.encode() in content] == []


def test_keys_that_cannot_be_kept_are_not_proposed(site: Site, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "enrolment")
    site.command("renew_keys", renewal_id="first")
    assert (proposals(site), site.indicator.pattern) == ([], Pattern.FAULT)


def test_keys_that_cannot_be_kept_do_not_count(site: Site, tmp_path: Path) -> None:
    accepted = ask(site)
    rekeyed = len(site.uplink.rekeyed)
    shutil.rmtree(tmp_path / "enrolment")
    say(site, answer(accepted))
    assert site.ring.enrolment.terms.identity_kid == kid_of(IDENTITY)
    assert (len(site.uplink.rekeyed), site.indicator.pattern) == (rekeyed, Pattern.FAULT)


def test_keys_that_do_not_count_yet_are_proposed_for_every_renewal(site: Site) -> None:
    """The cloud may seal to them already: a stray question must not have them dropped."""
    first = ask(site)
    assert kids(ask(site)) == kids(first)
    assert kids(ask(site, "second")) == kids(first)
    say(site, answer(first))
    assert (kept(site), site.refusals()) == (OLD_KIDS, ["no_such_renewal"])
    assert kids(ask(site)) == kids(first)
    say(site, answer(first))
    assert kept(site) == kids(first)


def test_keys_that_counted_are_not_proposed_again(site: Site) -> None:
    first = ask(site)
    say(site, answer(first))
    second = ask(site, "second")
    assert set(kids(second)).isdisjoint(kids(first))
    say(site, answer(second, "second"))
    assert kept(site) == kids(second)


def test_what_is_answered_or_asked_again_after_that_changes_nothing(site: Site) -> None:
    accepted = ask(site)
    for _ in range(2):
        say(site, answer(accepted))
    site.command("renew_keys", renewal_id="first")
    assert (kept(site), site.refusals(), len(proposals(site))) == (kids(accepted), [], 1)
    assert len(site.journal("own_keys_changed")) == 1


def test_a_lock_that_is_not_to_renew_its_keys_makes_none(tmp_path: Path) -> None:
    site = opened(tmp_path, permissions=Permissions(remote=frozenset({"unlock"})))
    site.command("renew_keys", renewal_id="first")
    assert (site.results(), proposals(site)) == ([("renew_keys", "refused", "forbidden")], [])
    assert site.ring.enrolment.pending is None
    site.close()


def for_another_key(_accepted: AcceptedRequest) -> str:
    key = generate_private_key(SECP256R1()).public_key()
    return AUTHORITY.certify(DEVICE_ID, key).public_bytes(Encoding.PEM).decode()


CERTIFICATES: dict[str, Callable[[AcceptedRequest], str]] = {
    "of another CA": lambda accepted: certificate(accepted, Authority()),
    "of another name": lambda accepted: certificate(accepted, name="another"),
    "of another key": for_another_key,
    "cut short": lambda accepted: certificate(accepted)[:300],
    "of nobody": lambda _accepted: "",
}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_that_is_not_what_it_should_be_is_refused(site: Site, name: str) -> None:
    accepted = ask(site)
    say(site, msgspec.structs.replace(answer(accepted), certificate=CERTIFICATES[name](accepted)))
    assert (kept(site), site.refusals()) == (OLD_KIDS, ["bad_certificate"])
    say(site, answer(accepted))
    assert kept(site) == kids(accepted)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"renewal_id": "another"}, "no_such_renewal"),
        ({"identity": kid_of(new_signing_key())}, "other_keys"),
        ({"sealing": kid_of(new_sealing_key())}, "other_keys"),
    ],
)
def test_an_answer_to_something_else_is_refused(site: Site, changes: dict[str, str], reason: str) -> None:
    accepted = ask(site)
    say(site, msgspec.structs.replace(answer(accepted), **changes))
    assert (kept(site), site.refusals()) == (OLD_KIDS, [reason])


def test_an_answer_to_no_question_is_refused(site: Site) -> None:
    accepted = ask(site)
    site.command("renew_keys", renewal_id="second")
    say(site, answer(accepted))
    assert (kept(site), site.refusals()) == (OLD_KIDS, ["no_such_renewal"])


def test_a_key_of_the_cloud_that_is_to_go_lets_no_keys_count(site: Site) -> None:
    tell(site, 1, keys(NEW, CLOUD_SIGNING))
    accepted = ask(site)
    say(site, answer(accepted), signer=CLOUD_SIGNING)
    assert (kept(site), site.refusals()) == (OLD_KIDS, ["retiring_key"])
    say(site, answer(accepted), signer=NEW)
    assert kept(site) == kids(accepted)


def test_other_keys_of_the_cloud_leave_what_is_under_way(site: Site) -> None:
    accepted = ask(site)
    tell(site, 1, keys(NEW, CLOUD_SIGNING))
    say(site, answer(accepted), signer=NEW)
    assert kept(site) == kids(accepted)
    assert site.ring.enrolment.terms.newest_signer == kid_of(NEW)


def is_opened(enrolment: Enrolment, recipient: OKPKey) -> bool:
    """Whether an uplink with this enrolment opens what is sealed to that key."""
    raw = Signer(DEVICE_ID, CLOUD_SIGNING).seal("offline", {}, recipient, iat=1, set_epoch=1, rev=1)
    arrival = Arrival(topic(DEVICE_ID, "down", "offline"), raw, True, 0.0)
    read = inbound_of(enrolment).read(arrival, 1, None)
    assert isinstance(read, OfflineReceived | MessageRefused)
    return isinstance(read, OfflineReceived)


def test_what_is_sealed_to_either_key_is_opened_until_the_new_one_counts(site: Site) -> None:
    accepted = ask(site)
    both = (LOCK_SEALING, accepted.sealing)
    assert [is_opened(site.uplink.rekeyed[-1], key) for key in both] == [True, True]
    say(site, answer(accepted))
    assert [is_opened(site.uplink.rekeyed[-1], key) for key in both] == [False, True]


def test_a_lock_that_dies_before_it_is_answered_proposes_the_same_keys(tmp_path: Path) -> None:
    site = opened(tmp_path)
    accepted = ask(site)
    site.close()
    site = opened(tmp_path)
    assert is_opened(site.ring.enrolment, accepted.sealing)
    assert kids(ask(site)) == kids(accepted)
    say(site, answer(accepted))
    site.close()
    site = opened(tmp_path)
    assert kept(site) == kids(accepted)
    site.close()


def test_keys_under_way_come_along_under_another_root_secret(tmp_path: Path) -> None:
    site = opened(tmp_path)
    accepted = ask(site)
    pending = site.ring.enrolment.pending
    site.close()
    other = RootSecret(b"o" * 32, "elsewhere")
    keep_files(tmp_path, enrolment_under(other, ROOT, tmp_path))
    ring = KeyRing(tmp_path, other)
    assert ring.enrolment.pending == pending
    ring.use_pending(kids(accepted), certificate(accepted).encode())
    client_context(ring.enrolment, check_dates=True)


@pytest.mark.parametrize("left", ["enrolment.next", ".enrolment.replaced"])
def test_a_power_cut_between_two_names_leaves_the_new_keys_and_no_old_ones(tmp_path: Path, left: str) -> None:
    site = opened(tmp_path)
    accepted = ask(site)
    before = tmp_path / "before"
    shutil.copytree(tmp_path / "enrolment", before)
    say(site, answer(accepted))
    site.close()
    if left == "enrolment.next":
        (tmp_path / "enrolment").rename(tmp_path / left)
    before.rename(tmp_path / ".enrolment.replaced")
    site = opened(tmp_path)
    assert kept(site) == kids(accepted)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["enrolment"]
    site.close()


def test_keys_typed_meanwhile_open(site: Site) -> None:
    site.install({"access_code_id": "a", "gen": 1, "code_rev": 1, "kind": "standard", "code": "493817"})
    site.type("4938")
    accepted = ask(site)
    site.type("1")
    say(site, answer(accepted))
    site.type("7#")
    assert site.strike.releases == 1
