"""A real lock renews its keys at a real cloud, and whatever gets lost, dies or is forged on the way."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent import jose
from agent.enrol_exchange import AcceptedRequest, public_jwk
from agent.envelope import OKPKey, Signer, kid_of
from agent.messages import RenewedKeys, Request, Status, topic
from agent.renewal_exchange import PROPOSAL_TYP, new_pending, open_proposal, write_proposal
from cloud_sim import answers, duress, events, key_renewals, wanted_renewals
from cloud_sim.code_rules import Rules
from firmware_sim.enrolled import CLOUD_SIGNING, DEVICE_ID, IDENTITY
from tests.attacks.messages import Forger
from tests.complaints.pair import Pair

OLD = kid_of(IDENTITY)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    made.create("730411")
    made.exchange()
    yield made
    made.close()


def want(pair: Pair) -> str:
    """The operator wants other keys, and the lock is asked if it is there; the id of the renewal."""
    assert wanted_renewals.want(pair.database, DEVICE_ID, pair.now)
    key_renewals.ask(pair.database, pair.fleet.downlink, DEVICE_ID, pair.now)
    renewal = wanted_renewals.under_way(pair.database, DEVICE_ID)
    assert renewal is not None
    return str(renewal["renewal_id"])


def finish(pair: Pair) -> None:
    """Once the keys count, a new session of the lock begins."""
    pair.exchange()
    pair.connect()
    pair.exchange()


def refused_at_cloud(pair: Pair) -> set[str]:
    return {each["reason"] for each in answers.refused(pair.database, DEVICE_ID)}


def is_renewed(pair: Pair) -> bool:
    """Both have the same keys, which are others than before, and nobody refused anything on the way."""
    terms, shown = pair.site.ring.enrolment.terms, answers.lock(pair.database, lock_row(pair), pair.now)
    both = shown["keys"] == {"identity": terms.identity_kid, "sealing": terms.sealing_kid}
    refused = [reason for reason in pair.site.refusals() if reason not in ("unknown_nonce", "stale_revision")]
    is_over = pair.site.ring.enrolment.pending is None and terms.identity_kid != OLD
    return both and is_over and refused == []


def lock_row(pair: Pair) -> dict[str, object]:
    found = pair.database.row("SELECT * FROM locks WHERE lock_id = ?", DEVICE_ID)
    assert found is not None
    return found


def rows_at_cloud(pair: Pair) -> list[int]:
    found = pair.database.rows("SELECT seq FROM journal_rows WHERE lock_id = ? ORDER BY seq", DEVICE_ID)
    return [row["seq"] for row in found]


def test_keys_are_renewed_while_codes_are_made_and_typed_and_rows_go_up(pair: Pair) -> None:
    made = []
    for number in range(30):
        made.append(f"{902_000 + number * 7}")
        pair.create(made[-1])
        if number == 10:
            want(pair)
        assert pair.opens("730411")
        if number % 3 == 0:
            pair.exchange_once()
        if number == 20:
            pair.connect()
    finish(pair)
    assert is_renewed(pair), pair.site.refusals()
    assert pair.agree()
    assert all(pair.opens(digits) for digits in made)
    pair.exchange()
    assert rows_at_cloud(pair) == list(range(1, pair.site.store.journal.last_seq + 1))
    told = [each["event_type"] for each in events.events_after(pair.database, DEVICE_ID, 0, 1000)]
    assert told.count("lock.unlocked") == pair.site.strike.releases
    assert refused_at_cloud(pair) == set()


@pytest.mark.parametrize(
    "when", ["before it is asked", "before it proposes", "before it is answered", "before it says so"]
)
@pytest.mark.parametrize("who", ["lock", "cloud"])
def test_one_that_dies_in_the_middle_goes_on_where_it_was(pair: Pair, when: str, who: str) -> None:
    want(pair)
    steps: dict[str, list[Callable[[], object]]] = {
        "before it is asked": [],
        "before it proposes": [pair.hear_cloud],
        "before it is answered": [pair.hear_cloud, pair.hear_lock],
        "before it says so": [pair.hear_cloud, pair.hear_lock, pair.hear_cloud],
    }
    for step in steps[when]:
        step()
    pending = pair.site.ring.enrolment.pending
    if who == "lock":
        pair.restart_lock()
        pair.connect()
    else:
        pair.restart_cloud()
    assert pair.site.ring.enrolment.pending in (pending, None)
    finish(pair)
    assert is_renewed(pair), pair.site.refusals()
    pair.create("902113")
    pair.exchange()
    assert pair.opens("902113")


def test_a_lost_answer_is_made_good_within_the_session(pair: Pair) -> None:
    want(pair)
    pair.hear_cloud()
    pair.hear_lock()
    pair.lose_all()
    pair.wait(61)
    assert pair.site.ring.enrolment.terms.identity_kid == OLD
    key_renewals.ask_all(pair.database, pair.fleet.downlink, pair.now)
    finish(pair)
    assert is_renewed(pair), pair.site.refusals()


def test_a_lock_that_is_away_renews_its_keys_when_it_comes(pair: Pair) -> None:
    pair.from_lock("status", Status(online=False, sid=pair.sid))
    want(pair)
    assert pair.exchange() == 0
    pair.connect()
    finish(pair)
    assert is_renewed(pair), pair.site.refusals()


def test_an_alarm_sealed_before_the_keys_changed_is_read_after(pair: Pair) -> None:
    pair.create("661190", rules=Rules(kind="duress"))
    pair.exchange()
    assert pair.opens("661190")  # the row waits at the lock
    want(pair)
    pair.hear_cloud()
    pair.hear_lock()
    pair.hear_cloud()
    assert pair.opens("661190")
    finish(pair)
    assert is_renewed(pair), pair.site.refusals()
    told = duress.events_after(pair.database, DEVICE_ID, 0, 10)
    assert [each["detail"].get("unreadable") for each in told] == [None, None]


def test_the_old_keys_are_of_no_use_afterwards(pair: Pair) -> None:
    kept = {name: raw for name, raw in pair.retained.items() if "/up/" in name}
    want(pair)
    finish(pair)
    assert is_renewed(pair), pair.site.refusals()
    raw = Signer(DEVICE_ID, IDENTITY).sign("status", Status(online=True, sid="thief"), iat=1, id="x")
    for name, payload in (*kept.items(), (topic(DEVICE_ID, "up", "status"), raw)):
        pair.fleet.received(name, payload, is_retained=True)
    assert refused_at_cloud(pair) == {"unknown_key"}
    assert answers.lock(pair.database, lock_row(pair), pair.now)["online"]


def test_the_thief_of_an_identity_gives_the_lock_no_keys_of_his_own_and_is_seen(pair: Pair) -> None:
    theirs = new_pending("whatever he likes")
    for _ in range(3):
        pair.from_lock("request", Request(type="renew", proposal=write_proposal(DEVICE_ID, theirs)))
    assert refused_at_cloud(pair) == {"not_asked"}
    want(pair)
    finish(pair)
    assert is_renewed(pair), pair.site.refusals()


def test_a_change_of_keys_is_an_event_that_names_them(pair: Pair) -> None:
    renewal_id = want(pair)
    finish(pair)
    told = events.events_after(pair.database, DEVICE_ID, 0, 1000)
    (changed,) = [each["detail"] for each in told if each["event_type"] == "lock.own_keys_changed"]
    terms = pair.site.ring.enrolment.terms
    assert changed == {
        "renewal_id": renewal_id,
        "identity": terms.identity_kid,
        "sealing": terms.sealing_kid,
    }


@pytest.mark.parametrize("name", ["forged", "without a name", "alg none", "under a pinned name"])
def test_an_answer_that_the_cloud_did_not_sign_is_refused(pair: Pair, name: str) -> None:
    renewal_id = want(pair)
    pair.hear_cloud()
    pending = pair.site.ring.enrolment.pending
    assert pending is not None
    accepted = open_proposal(write_proposal(DEVICE_ID, pending), DEVICE_ID, renewal_id)
    assert isinstance(accepted, AcceptedRequest)
    body = {
        "renewal_id": renewal_id,
        "identity": kid_of(accepted.identity),
        "sealing": kid_of(accepted.sealing),
        "certificate": pair.authority.certify(accepted.csr, DEVICE_ID),
    }
    raw, reason = Forger(CLOUD_SIGNING, DEVICE_ID, "renewal", body).attacks()[name]
    pair._to_lock(topic(DEVICE_ID, "down", "renewal"), raw)
    assert (pair.site.refusals(), pair.site.ring.enrolment.terms.identity_kid) == ([reason], OLD)


def test_an_answer_that_the_broker_kept_is_refused(pair: Pair) -> None:
    body = RenewedKeys(renewal_id="x", identity="x", sealing="x", certificate="x")
    raw = Signer(DEVICE_ID, CLOUD_SIGNING).sign("renewal", body, iat=1, id="x")
    pair._to_lock(topic(DEVICE_ID, "down", "renewal"), raw, is_retained=True)
    assert pair.site.refusals() == ["retained"]


def test_a_cloud_restored_from_before_it_asked_asks_anew_and_the_lock_follows(pair: Pair) -> None:
    backup = pair.back_up()
    want(pair)
    pair.hear_cloud()
    pair.hear_lock()  # the lock has keys that the restored cloud does not know of
    pair.restore(backup)
    pair.cloud_connects()
    pair.connect()
    want(pair)
    finish(pair)
    assert is_renewed(pair), pair.site.refusals()
    pair.create("902113")
    pair.exchange()
    assert pair.opens("902113")


# --- whatever can be proposed ---------------------------------------------------------------------------

PENDING = new_pending("r")
KEY = OKPKey.import_key(dict(PENDING.identity))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NO_CSR = "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n"
CSR = st.binary(max_size=60).map(lambda raw: NO_CSR.format(b64encode(raw).decode()))
FIELDS = st.fixed_dictionaries(
    {"identity": st.just(public_jwk(KEY)) | JSON},
    optional={
        "device_id": st.just(DEVICE_ID) | JSON,
        "renewal_id": st.just("r") | JSON,
        "sealing": st.just(public_jwk(OKPKey.import_key(dict(PENDING.sealing)))) | JSON,
        "csr": CSR | JSON,
    },
)
CHANGED_AT = st.tuples(st.integers(0, 2000), st.characters())


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A cloud that has asked for keys."""
    made = Pair(tmp_path_factory.mktemp("street"))
    want(made)
    made.database.run("UPDATE key_renewals SET renewal_id = 'r'")
    yield made
    made.close()


@given(st.text(max_size=200) | FIELDS | CHANGED_AT)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_proposal_makes_the_cloud_fail_and_none_counts_but_a_sound_one(
    asking: Pair, made: str | dict[str, object] | tuple[int, str]
) -> None:
    """Text, anything signed by the key that it names, and the sound one with a character changed."""
    sound = write_proposal(DEVICE_ID, PENDING)
    if isinstance(made, dict):
        proposal = jose.sign(PROPOSAL_TYP, msgspec.json.encode(made), KEY).decode()
    elif isinstance(made, tuple):
        at = made[0] % len(sound)
        proposal = sound[:at] + made[1] + sound[at + 1 :]
    else:
        proposal = made
    certify, downlink = asking.authority.certify, asking.fleet.downlink
    refusal = key_renewals.proposed(asking.database, downlink, certify, DEVICE_ID, proposal)
    assert (refusal is None) == (proposal == sound)
