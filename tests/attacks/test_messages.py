"""Attacks on messages between a real lock and a real cloud: refused, counted, told, and without effect."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import OKPKey

from agent.core import code_set
from agent.envelope import Message, Opener, Signer, kid_of, new_signing_key
from agent.messages import Ack, BucketPart, Status, topic
from cloud_sim import events
from firmware_sim.enrolled import CLOUD_SIGNING, DEVICE_ID, IDENTITY, LOCK_SEALING
from tests.attacks.messages import STRANGER, Forger, zipped
from tests.complaints.pair import Pair

TO_LOCK = Forger(CLOUD_SIGNING, DEVICE_ID, "ack", {"journal_epoch": "e" * 16, "upto": 1})
TO_CLOUD = Forger(IDENTITY, DEVICE_ID, "status", {"online": True, "sid": "forged", "door": "open"})
DIGITS = "730411"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """One lock and one cloud for all attacks: after each they must be as they were."""
    made = Pair(tmp_path_factory.mktemp("street"))
    made.create(DIGITS)
    made.exchange()
    yield made
    made.close()


def to_lock(pair: Pair, stream: str, raw: bytes, *, is_retained: bool = False) -> str | None:
    """What the broker brings to the lock; why it was refused, by the newest row of its journal."""
    pair.site.wait(61.0)  # what was counted before is written, so that this one is a row of its own
    before = len(pair.site.journal("message_refused"))
    pair._to_lock(topic(DEVICE_ID, "down", stream), raw, is_retained=is_retained)
    rows = pair.site.journal("message_refused")[before:]
    assert all(row["detail"]["stream"] == stream for row in rows)
    return rows[0]["detail"]["reason"] if rows else None


def refused_at_cloud(pair: Pair) -> dict[tuple[str, str], int]:
    rows = pair.database.rows(
        "SELECT stream, reason, count FROM refused_messages WHERE device_id = ?", DEVICE_ID
    )
    return {(row["stream"], row["reason"]): row["count"] for row in rows}


def to_cloud(pair: Pair, stream: str, raw: bytes, *, is_retained: bool = False) -> list[str]:
    """What the broker brings to the cloud; for which reasons it counted a refusal more."""
    before = refused_at_cloud(pair)
    pair.fleet.received(topic(DEVICE_ID, "up", stream), raw, is_retained=is_retained)
    after = refused_at_cloud(pair)
    return [why for (one, why), count in after.items() if one == stream and count > before.get((one, why), 0)]


def state_of_lock(pair: Pair) -> Any:
    codes = pair.site.controller.codes
    return codes.revision, codes.root, pair.site.store.journal.acked_seq, pair.site.strike.releases


def state_of_cloud(pair: Pair) -> Any:
    tables = ("reported_status", "reported_codes", "journals", "access_codes")
    return [pair.database.rows(f"SELECT * FROM {table}") for table in tables]


# --- whatever can be done to any message ----------------------------------------------------------------


@pytest.mark.parametrize("name", TO_LOCK.attacks())
def test_a_lock_refuses_journals_and_does_nothing(pair: Pair, name: str) -> None:
    raw, reason = TO_LOCK.attacks()[name]
    before = state_of_lock(pair)
    assert to_lock(pair, "ack", raw) == reason
    assert state_of_lock(pair) == before


@pytest.mark.parametrize("name", TO_CLOUD.attacks())
def test_a_cloud_refuses_counts_and_does_nothing(pair: Pair, name: str) -> None:
    raw, reason = TO_CLOUD.attacks()[name]
    before = state_of_cloud(pair)
    assert to_cloud(pair, "status", raw) == [reason]
    assert state_of_cloud(pair) == before


def test_what_a_lock_refused_is_seen_at_the_cloud(pair: Pair) -> None:
    assert to_lock(pair, "ack", TO_LOCK.attacks()["forged"][0]) == "unknown_key"
    pair.exchange()
    told = events.events_after(pair.database, DEVICE_ID, 0, 1000)
    refused = [each["detail"] for each in told if each["event_type"] == "lock.message_refused"]
    assert {"stream": "ack", "reason": "unknown_key", "count": 1} in refused


def test_a_flood_is_one_row_and_a_count(pair: Pair) -> None:
    raw, reason = TO_LOCK.attacks()["forged"]
    assert to_lock(pair, "ack", raw) == reason
    before = len(pair.site.journal("message_refused"))
    for _ in range(500):
        pair._to_lock(topic(DEVICE_ID, "down", "ack"), raw)
    pair.site.wait(61.0)
    rows = pair.site.journal("message_refused")[before:]
    assert [row["detail"]["count"] for row in rows] == [500]


MUTATION = st.tuples(st.integers(0, 2000), st.integers(0, 255), st.sampled_from(["set", "insert", "delete"]))


def mutated(raw: bytes, changes: list[tuple[int, int, str]]) -> bytes:
    for at, byte, how in changes:
        place = at % max(1, len(raw))
        middle = b"" if how == "delete" else bytes([byte])
        raw = raw[:place] + middle + raw[place + (how != "insert") :]
    return raw


@given(st.lists(MUTATION, min_size=1, max_size=4), st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_mutation_of_a_genuine_message_is_refused(
    changes: list[tuple[int, int, str]], is_sealed: bool
) -> None:
    stream = "bucket" if is_sealed else "ack"
    raw = BUCKET if is_sealed else TO_LOCK.genuine()
    changed = mutated(raw, changes)
    opened = Opener(DEVICE_ID, {kid_of(CLOUD_SIGNING): CLOUD_SIGNING}, LOCK_SEALING).open(
        changed, stream, None
    )
    assert isinstance(opened, Message) == (changed == raw)


PART = BucketPart(index=0, part=0, parts=1, rows=[])
BUCKET = Signer(DEVICE_ID, CLOUD_SIGNING).seal("bucket", PART, LOCK_SEALING, iat=1, set_epoch=1, rev=900)


# --- keys that are pinned for something else ------------------------------------------------------------


def public(key: OKPKey) -> OKPKey:
    return OKPKey.import_key(key.as_dict(private=False))


def test_a_lock_does_not_believe_its_own_key(pair: Pair) -> None:
    """Whoever took the key of a lock off its disk is not its cloud."""
    raw = Signer(DEVICE_ID, IDENTITY).sign("ack", TO_LOCK.body, iat=1, id="x")
    assert to_lock(pair, "ack", raw) == "unknown_key"


def test_a_cloud_does_not_believe_its_own_key_in_the_name_of_a_lock(pair: Pair) -> None:
    raw = Signer(DEVICE_ID, CLOUD_SIGNING).sign("status", TO_CLOUD.body, iat=1, id="x")
    assert to_cloud(pair, "status", raw) == ["unknown_key"]


def test_a_sealing_key_signs_nothing(pair: Pair) -> None:
    named = TO_LOCK.header(kid=kid_of(LOCK_SEALING))
    assert to_lock(pair, "ack", TO_LOCK.written(named, TO_LOCK.claims(), STRANGER)) == "unknown_key"


def test_what_the_cloud_said_to_a_lock_is_nothing_a_lock_said(pair: Pair) -> None:
    name = topic(DEVICE_ID, "down", "desired")
    assert to_cloud(pair, "status", pair.retained[name]) == ["wrong_stream"]


def test_digits_that_everybody_can_read_are_refused_though_the_cloud_signed_them(pair: Pair) -> None:
    raw = Signer(DEVICE_ID, CLOUD_SIGNING)._sign("bucket", PART, {"iat": 1, "set_epoch": 1, "rev": 900})
    assert to_lock(pair, "bucket", raw) == "not_sealed"


def test_what_is_sealed_by_a_stranger_is_not_signed_by_the_cloud(pair: Pair) -> None:
    raw = Signer(DEVICE_ID, new_signing_key()).seal(
        "bucket", PART, public(LOCK_SEALING), iat=1, set_epoch=1, rev=9
    )
    assert to_lock(pair, "bucket", raw) == "unknown_key"


def test_a_compressed_message_is_refused_before_it_is_unpacked(pair: Pair) -> None:
    bomb = zipped(TO_LOCK.genuine(), public(LOCK_SEALING))
    assert len(bomb) < 4096
    assert to_lock(pair, "bucket", bomb) == "unknown_header"


# --- genuine messages, at another time or place ---------------------------------------------------------


def test_an_older_code_set_brings_no_revoked_code_back(pair: Pair) -> None:
    name = topic(DEVICE_ID, "down", "desired")
    with_code = pair.retained[name]
    gone = pair.create("902113")
    pair.exchange()
    with_both = pair.retained[name]
    pair.delete(gone)
    pair.exchange()
    for older in (with_code, with_both):
        assert to_lock(pair, "desired", older, is_retained=True) == "stale_revision"
        pair.exchange()
    assert not pair.opens("902113")
    assert pair.opens(DIGITS)


def test_another_set_under_a_known_revision_is_refused(pair: Pair) -> None:
    """Two clouds with one key, or one that was restored: the lock keeps what it has."""
    claims = json.loads(_payload(pair.retained[topic(DEVICE_ID, "down", "desired")]))
    body = {**claims["body"], "count": 0, "root": "0" * 64}
    raw = Signer(DEVICE_ID, CLOUD_SIGNING).sign("desired", body, iat=1, set_epoch=1, rev=claims["rev"])
    assert to_lock(pair, "desired", raw) == "root_mismatch"


def test_a_set_of_an_older_epoch_is_refused_whatever_its_revision(pair: Pair) -> None:
    older = pair.retained[topic(DEVICE_ID, "down", "desired")]
    pair.fleet.downlink.void_sets(DEVICE_ID)
    pair.exchange()
    assert pair.agree()
    assert to_lock(pair, "desired", older) == "other_set_epoch"
    claims = json.loads(_payload(older))
    digests = code_set.unpack_digests(claims["body"]["buckets"])
    body = {**claims["body"], "root": code_set.root(DEVICE_ID, 1, 900, digests)}
    raw = Signer(DEVICE_ID, CLOUD_SIGNING).sign("desired", body, iat=1, set_epoch=1, rev=900)
    assert to_lock(pair, "desired", raw) == "other_set_epoch"


def test_a_later_epoch_without_a_later_revision_is_refused(pair: Pair) -> None:
    claims = json.loads(_payload(pair.retained[topic(DEVICE_ID, "down", "desired")]))
    digests = code_set.unpack_digests(claims["body"]["buckets"])
    body = {**claims["body"], "root": code_set.root(DEVICE_ID, 7, claims["rev"], digests)}
    raw = Signer(DEVICE_ID, CLOUD_SIGNING).sign("desired", body, iat=1, set_epoch=7, rev=claims["rev"])
    assert to_lock(pair, "desired", raw) == "stale_revision"


def test_a_bucket_that_nobody_asked_for_is_refused(pair: Pair) -> None:
    assert to_lock(pair, "bucket", BUCKET) == "stale_revision"


@pytest.mark.parametrize("stream", ["ack", "heartbeat", "bucket", "command"])
def test_a_message_that_the_broker_kept_is_refused(pair: Pair, stream: str) -> None:
    assert to_lock(pair, stream, TO_LOCK.genuine(), is_retained=True) == "retained"


def test_acknowledgements_in_any_order_take_nothing_back(pair: Pair) -> None:
    pair.exchange()
    journal = pair.site.store.journal
    upto = journal.acked_seq
    for older in (upto - 1, upto, 1):
        ack = Ack(journal_epoch=journal.epoch, upto=older)
        assert to_lock(pair, "ack", Signer(DEVICE_ID, CLOUD_SIGNING).sign("ack", ack, iat=1, id="x")) is None
        assert journal.acked_seq >= upto
    beyond = Ack(journal_epoch=journal.epoch, upto=2**40)
    assert (
        to_lock(pair, "ack", Signer(DEVICE_ID, CLOUD_SIGNING).sign("ack", beyond, iat=1, id="x"))
        == "beyond_journal"
    )


def test_a_command_opens_once_and_never_in_another_session(pair: Pair) -> None:
    now = int(pair.now) + 61
    command: dict[str, object] = {"type": "unlock", "args": {}}
    raw = Signer(DEVICE_ID, CLOUD_SIGNING).sign(
        "command", command, iat=now, exp=now + 20, id="once", sid=pair.sid
    )
    before = pair.site.strike.releases
    assert to_lock(pair, "command", raw) is None
    assert to_lock(pair, "command", raw) == "duplicate"
    assert pair.site.strike.releases == before + 1
    other = Signer(DEVICE_ID, CLOUD_SIGNING).sign(
        "command", command, iat=now + 122, exp=now + 142, id="elsewhere", sid="another"
    )
    assert to_lock(pair, "command", other) == "other_session"
    assert pair.site.strike.releases == before + 1


def test_changes_that_are_held_back_show_at_the_lock(pair: Pair) -> None:
    pair.create("661190")
    pair.to_lock.clear()
    pair.pauses.clear()
    pair.fleet.heartbeat()
    pair.to_lock = [each for each in pair.to_lock if each[0].endswith("heartbeat")]
    pair.hear_cloud()
    pair.lose_all()
    pair.site.wait(61.0)
    assert pair.site.journal("changes_withheld")
    pair.connect()
    assert pair.opens("661190")


def test_rows_of_the_journal_in_another_order_are_not_taken_twice(pair: Pair) -> None:
    journal = pair.site.store.journal
    pair.site.type("000000#")
    rows = journal.after(journal.acked_seq - 3, 10)
    for batch in (rows, rows[::-1], rows[1:], rows):
        pair.from_lock("events", {"journal_epoch": journal.epoch, "rows": batch})
    kept = pair.database.rows("SELECT seq FROM journal_rows WHERE lock_id = ? ORDER BY seq", DEVICE_ID)
    assert [row["seq"] for row in kept] == list(range(1, len(kept) + 1))


def test_an_altered_row_that_the_lock_signed_breaks_the_chain(pair: Pair) -> None:
    """Whoever has the key of a lock, and not its past, cannot rewrite what is at the cloud."""
    journal = pair.site.store.journal
    pair.exchange()
    pair.site.type("000001#")
    rows = journal.after(journal.acked_seq, 10)
    rows[0] = {**rows[0], "detail": {"reason": "nothing to see"}}
    raw = Signer(DEVICE_ID, IDENTITY).sign(
        "events", {"journal_epoch": journal.epoch, "rows": rows}, iat=1, id=str(uuid.uuid4())
    )
    assert to_cloud(pair, "events", raw) == ["broken_chain"]
    pair.exchange()


def test_an_offline_of_an_earlier_session_says_nothing(pair: Pair) -> None:
    will = Signer(DEVICE_ID, IDENTITY).sign("status", Status(online=False, sid="earlier"), iat=1, id="x")
    before = state_of_cloud(pair)
    assert to_cloud(pair, "status", will) == []
    assert state_of_cloud(pair) == before


def test_after_all_that_the_code_opens_and_both_agree(pair: Pair) -> None:
    pair.connect()
    pair.exchange()
    assert pair.opens(DIGITS)
    assert pair.agree()


def _payload(raw: bytes) -> bytes:
    opened = Opener(DEVICE_ID, {kid_of(CLOUD_SIGNING): CLOUD_SIGNING}).open(raw, "desired", None)
    assert isinstance(opened, Message)
    claims = {"rev": opened.rev, "body": json.loads(bytes(opened.body))}
    return json.dumps(claims).encode()
