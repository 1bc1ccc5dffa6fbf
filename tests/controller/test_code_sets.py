"""How code sets arrive: whole, stale, forged, in pieces, twice, or not at all."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from agent.messages import BucketPart, BucketReceived, Manifest, ManifestReceived
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON

ANNA, BEN = "1" * 8 + "-1111-4111-8111-111111111111", "2" * 8 + "-2222-4222-8222-222222222222"


def many(count: int) -> list[dict[str, Any]]:
    """Codes with different ids and digits."""
    return [code_row(f"{n:08x}-0000-4000-8000-000000000000", f"{n + 10_000_000}") for n in range(count)]


def refusals(site: Site) -> list[str]:
    """Why messages were refused."""
    return [row["detail"]["reason"] for row in site.journal("message_refused")]


def test_a_new_code_opens_and_the_summary_says_so(site: Site) -> None:
    site.install(code_row(ANNA, "493817"), code_row(BEN, "246802"))
    site.type("246802#")
    assert site.strike.releases == 1
    assert (site.uplink.summaries[-1].rev, site.uplink.summaries[-1].count) == (2, 2)


def test_a_code_that_is_gone_from_the_set_no_longer_opens(site: Site) -> None:
    site.install()
    site.type("493817#")
    assert site.reasons() == ["unknown_code"]


def test_a_removed_code_is_refused_before_the_rest_of_its_set_has_arrived(site: Site) -> None:
    rows = many(40)
    site.install(*rows)
    wanted = rows[1:] + [code_row(BEN, "246802")]
    site.offer(wanted, buckets=16)
    gone = site.bucket(wanted, _bucket(rows[0], 16), 16)
    site.say(gone)
    site.type(rows[0]["code"] + "#")
    assert (site.strike.releases, site.reasons()) == (0, ["revoked"])


def _bucket(row: dict[str, Any], buckets: int) -> int:
    from agent.core.code_set import bucket_of

    return bucket_of(row["access_code_id"], buckets)


def test_a_set_becomes_true_at_once_or_not_at_all(site: Site) -> None:
    rows = many(40)
    site.offer(rows)
    for index in site.uplink.requests[-1].need or ():
        site.say(site.bucket(rows, index, 16))
    site.type("493817#")
    assert site.strike.releases == 1, "the old set decides until the new one is whole"
    site.deliver(rows)
    site.type("493817#")
    assert site.reasons() == ["unknown_code"]


def test_an_older_revision_is_refused_and_journalled(site: Site) -> None:
    site.install(code_row(ANNA, "493817"), code_row(BEN, "246802"))
    site.offer([], rev=1)
    site.type("246802#")
    assert (site.strike.releases, refusals(site)) == (1, ["stale_revision"])


def test_the_same_revision_with_another_content_is_refused(site: Site) -> None:
    site.offer([], rev=1)
    site.type("493817#")
    assert (site.strike.releases, refusals(site)) == (1, ["conflicting_revision"])


def test_the_same_revision_again_is_nothing_new(site: Site) -> None:
    rows = len(site.journal())
    site.offer([code_row(ANNA, "493817")], rev=1)
    assert len(site.journal()) == rows


def test_a_manifest_of_an_older_epoch_or_with_a_wrong_root_is_refused(site: Site) -> None:
    good = Manifest(count=0, buckets="AAAAAAAAAAAAAAAAAAAAAA", root="0" * 64)
    site.say(ManifestReceived(0, 9, good, 1))
    site.say(ManifestReceived(1, 9, good, 2))
    site.say(ManifestReceived(1, 9, Manifest(count=0, buckets="AA", root=""), 3))
    assert refusals(site) == ["other_set_epoch", "root_mismatch", "malformed"]
    assert site.uplink.settled[-3:] == [1, 2, 3]


def test_rows_that_do_not_match_the_manifest_are_refused(site: Site) -> None:
    site.offer([code_row(BEN, "246802")])
    site.say(site.bucket([code_row(BEN, "246802", max_uses=9)], 0, 1))
    site.type("246802#")
    assert (site.strike.releases, refusals(site)) == (0, ["digest_mismatch"])


def test_a_bucket_nobody_asked_for_is_refused(site: Site) -> None:
    part = BucketPart(index=0, part=0, parts=1, rows=[code_row(BEN, "246802")])
    site.say(BucketReceived(1, 1, part, 7))
    assert refusals(site) == ["stale_revision"]


def test_a_bucket_in_parts_may_arrive_in_any_order(site: Site) -> None:
    rows = [code_row(ANNA, "493817"), code_row(BEN, "246802")]
    rev = site.offer(rows)
    for part in (1, 0, 1):
        site.say(BucketReceived(1, rev, BucketPart(index=0, part=part, parts=2, rows=[rows[part]]), part))
    site.type("246802#")
    assert site.strike.releases == 1


def test_a_bucket_that_does_not_come_is_asked_for_again(site: Site) -> None:
    site.offer([code_row(BEN, "246802")])
    site.uplink.requests.clear()
    site.wait(16.0)
    assert [request.need for request in site.uplink.requests if request.type == "buckets"] == [[0]]


def test_a_manifest_said_again_makes_the_lock_ask_again_at_once(site: Site) -> None:
    rev = site.offer([code_row(BEN, "246802")])
    site.uplink.requests.clear()
    site.offer([code_row(BEN, "246802")], rev=rev)
    assert [request.need for request in site.uplink.requests] == [[0]]


def test_a_newer_manifest_takes_the_place_of_one_that_is_still_arriving(site: Site) -> None:
    first, second = many(40), [code_row(ANNA, "493817"), code_row(BEN, "246802")]
    site.offer(first)
    site.say(site.bucket(first, (site.uplink.requests[-1].need or [0])[0], 16))
    site.install(*second)
    site.type("246802#")
    assert site.strike.releases == 1
    assert len(site.controller.codes.holding.table) == 2


def test_half_a_set_before_a_restart_is_finished_after_it(tmp_path: Path) -> None:
    rows = many(40)
    first = Site(tmp_path)
    first.connect()
    first.offer(rows)
    first.say(first.bucket(rows, (first.uplink.requests[-1].need or [0])[0], 16))
    first.close()
    second = Site(tmp_path, first.clock)
    second.connect()
    second.offer(rows, rev=1)
    second.deliver(rows)
    second.type(rows[7]["code"] + "#")
    assert second.strike.releases == 1
    second.close()


def test_two_codes_with_the_same_digits_leave_the_first_and_report_the_second(site: Site) -> None:
    site.install(code_row(ANNA, "493817"), code_row(BEN, "493817"))
    states = [row["detail"] for row in site.journal("code_state")]
    assert states == [{"access_code_id": BEN, "gen": 1, "state": "unset", "errors": ["duplicate_code"]}]
    site.type("493817#")
    assert site.journal("access_granted")[-1]["detail"]["access_code_id"] == ANNA


def test_a_duplicate_comes_to_life_when_the_first_is_removed(site: Site) -> None:
    site.install(code_row(ANNA, "493817"), code_row(BEN, "493817"))
    site.install(code_row(BEN, "493817"))
    site.type("493817#")
    assert site.journal("access_granted")[-1]["detail"]["access_code_id"] == BEN
    assert site.journal("code_state")[-1]["detail"]["state"] == "set"


def test_the_digits_of_a_code_that_has_ended_may_be_given_to_another(site: Site) -> None:
    site.install(code_row(ANNA, "493817", ends_at=NOON - 10), code_row(BEN, "493817"))
    site.type("493817#")
    assert site.journal("access_granted")[-1]["detail"]["access_code_id"] == BEN


def test_one_unusable_code_does_not_hold_up_the_others(site: Site) -> None:
    bad = [
        code_row("a" * 8 + "-0000-4000-8000-000000000000", "12a4"),
        code_row("b" * 8 + "-0000-4000-8000-000000000000", "123"),
        code_row("c" * 8 + "-0000-4000-8000-000000000000", "777777", starts_at=20, ends_at=10),
        code_row("d" * 8 + "-0000-4000-8000-000000000000", "888888", weekly=[{"days": [1]}]),
        code_row("e" * 8 + "-0000-4000-8000-000000000000", "999999", kind="master"),
    ]
    site.install(*bad, code_row(BEN, "246802"))
    errors = [row["detail"]["errors"] for row in site.journal("code_state")]
    assert errors == [
        ["digits_not_on_keypad"],
        ["code_length"],
        ["window_invalid"],
        ["schedule_invalid"],
        ["schema_unsupported"],
    ]
    site.type("246802#")
    assert site.strike.releases == 1


def test_a_code_with_a_rule_from_the_future_never_opens(site: Site) -> None:
    site.install(code_row(BEN, "246802", only_on_full_moon=True))
    site.type("246802#")
    assert site.strike.releases == 0


def test_a_row_edited_by_hand_is_found_refused_reported_and_fetched_again(tmp_path: Path) -> None:
    rows = [code_row(ANNA, "493817", ends_at=NOON + 50)]
    first = Site(tmp_path)
    first.connect()
    first.install(*rows)
    with first.store.database.transaction() as db:
        db.execute(
            "UPDATE access_code SET definition=replace(definition, ?, ?)", (str(NOON + 50), str(NOON * 2))
        )
    first.close()
    second = Site(tmp_path, first.clock)
    second.connect()
    second.wait(100.0)
    second.type("493817#")
    assert second.strike.releases == 0
    second.offer(rows, rev=1)
    second.deliver(rows)
    second.type("493817#")
    assert second.reasons()[-1] == "expired"
    second.close()


def test_ten_thousand_codes_arrive_and_each_opens(site: Site) -> None:
    rows = many(10_000)
    site.install(*rows)
    site.type(rows[-1]["code"] + "#")
    assert (len(site.controller.codes.holding.table), site.strike.releases) == (10_000, 1)


class Failing:
    """A connection to a database that fails at one statement, or right after the commit that ends it."""

    def __init__(self, connection: sqlite3.Connection, statement: str, *, after_commit: bool = False) -> None:
        self._connection = connection
        self._statement = statement
        self._after_commit = after_commit
        self._has_begun = self._is_dead = False

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if self._is_dead:
            raise KilledError
        self._has_begun = self._has_begun or self._statement in sql
        if self._has_begun and not self._after_commit:
            self._has_begun = False
            raise sqlite3.OperationalError("disk I/O error")
        cursor = self._connection.execute(sql, *values)
        self._is_dead = self._has_begun and sql == "COMMIT"
        return cursor


class KilledError(BaseException):
    """The process is gone."""


def test_a_set_that_cannot_be_made_true_leaves_the_old_one_and_is_made_true_later(
    site: Site, mocker: MockerFixture
) -> None:
    site.install(code_row(ANNA, "493817", max_uses=2))
    wanted = [code_row(ANNA, "493817", max_uses=2), code_row(BEN, "246802")]
    connection = Failing(site.store.database._connection, "UPDATE lock SET applied_rev")
    mocker.patch.object(site.store.database, "_connection", connection)
    site.install(*wanted)
    site.type("493817#")
    assert len(site.controller.codes.holding) == 1
    mocker.stopall()
    site.wait(20)
    site.deliver(wanted)
    site.type("246802#493817#493817#")
    assert (site.strike.releases, site.reasons()) == (3, ["used_up"])


def test_a_kill_right_after_a_set_became_true_loses_nothing_that_is_to_be_said_of_its_codes(
    site: Site, mocker: MockerFixture
) -> None:
    connection = Failing(site.store.database._connection, "UPDATE lock SET applied_rev", after_commit=True)
    mocker.patch.object(site.store.database, "_connection", connection)
    with pytest.raises(KilledError):
        site.install(code_row(ANNA, "493817"), code_row(BEN, "493817"))
    mocker.stopall()
    site.close()
    again = Site(Path(site.store.database.path).parent, site.clock)
    assert again.journal("code_set_applied")[-1]["detail"]["rev"] == 2
    assert [row["detail"]["errors"] for row in again.journal("code_state")] == [["duplicate_code"]]
    again.close()
