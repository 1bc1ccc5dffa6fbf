"""What is removed is gone, and nothing goes that was not removed: complaints 18 to 25."""

from typing import Any

import pytest

from agent.messages import Status
from cloud_sim import (
    access_codes,
    offline_codes,
    offline_issuing,
    offline_revocation,
    offline_setups,
    unmanaged_codes,
)
from cloud_sim.code_rules import Rules
from cloud_sim.offline_issuing import WantedOfflineCode
from firmware_sim.enrolled import DEVICE_ID
from tests.complaints.pair import DAY_S, Pair

EVERY_DAY = '[{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "00:00"}]'


def test_complaint_18_no_code_is_called_gone_that_still_opens(pair: Pair) -> None:
    """Looked at after every single message of a removal, with the command that speeds it up lost."""
    for digits in ("493817", "246802"):
        pair.create(digits)
    pair.exchange()
    code = pair.create("135791")
    pair.exchange()
    pair.delete(code)
    seen = [(pair.is_known(code), pair.opens("135791"))]
    while pair.exchange_once():
        seen.append((pair.is_known(code), pair.opens("135791")))
    assert (False, True) not in seen
    assert (seen[0], seen[-1]) == ((True, True), (False, False))


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"starts_at": 1, "ends_at": 2**32},
        {"max_uses": 1},
        {"max_uses": 7},
        {"expires_after_first_use_s": 3600},
        {"first_use_within_s": 3600},
        {"weekly": EVERY_DAY, "zone": "Europe/Berlin"},
        {"enabled": 0},
        {"kind": "duress"},
        {"kind": "non_access"},
    ],
    ids=lambda rules: "+".join(rules) or "none",
)
def test_complaint_19_a_code_can_be_cleared_whatever_limits_it_has(pair: Pair, rules: dict[str, Any]) -> None:
    code = pair.create("493817")
    pair.change(code, **rules)
    pair.exchange()
    pair.opens("493817")
    pair.delete(code)
    pair.exchange()
    assert pair.agree()
    assert (pair.is_known(code), pair.opens("493817")) == (False, False)
    assert pair.site.reasons()[-1] == "unknown_code", "its digits mean nothing any more, and no others came"
    assert len(pair.site.controller.codes.holding.table) == 0


def test_complaint_19_the_digits_of_a_cleared_code_can_be_given_again(pair: Pair) -> None:
    for _ in range(3):
        code = pair.create("493817", is_one_time_use=True)
        pair.exchange()
        assert (pair.opens("493817"), pair.opens("493817")) == (True, False)
        pair.delete(code)
        pair.exchange()
    assert pair.agree()


def test_complaint_20_a_code_that_nobody_at_the_cloud_knows_does_not_stay_on_the_lock(pair: Pair) -> None:
    backup = pair.back_up()
    pair.create("493817")
    pair.exchange()
    pair.restore(backup)
    pair.cloud_connects()
    pair.exchange()
    assert (pair.agree(), pair.opens("493817")) == (True, False)


def test_complaint_23_a_revoked_offline_code_opens_no_more_used_or_not(pair: Pair) -> None:
    offline_setups.replace(pair.database, DEVICE_ID, {"keys": [{"kid": 1, "root": "5a" * 32}]})
    pair.fleet.downlink.offline_setup(DEVICE_ID)
    pair.exchange()
    used, unused, other = (issued(pair) for _ in range(3))
    assert pair.opens(used["code"])
    for row in (used, unused):
        with pair.database.transaction():
            offline_revocation.revoke(pair.database, row, pair.now)
    pair.fleet.downlink.offline_setup(DEVICE_ID)
    pair.exchange()
    assert [pair.opens(row["code"]) for row in (used, unused, other)] == [False, False, True]
    assert pair.site.reasons() == ["revoked", "unknown_code"]


def issued(pair: Pair) -> dict[str, Any]:
    """An offline code for two days."""
    wanted = WantedOfflineCode(starts_s=pair.now, ends_s=pair.now + 2 * DAY_S)
    with pair.database.transaction():
        made = offline_issuing.issue_code(pair.database, DEVICE_ID, wanted, pair.now)
    assert isinstance(made, str), made
    row = offline_codes.find(pair.database, made)
    assert row is not None
    return row


def test_complaint_24_a_code_switched_off_and_on_keeps_its_window_through_cloud_and_lock(pair: Pair) -> None:
    code = pair.create("493817", ends_at=int(pair.now) + 1000, max_uses=9)
    for enabled in (0, 1):
        pair.change(code, enabled=enabled)
        pair.exchange()
        assert pair.opens("493817") == bool(enabled)
    pair.wait(1000)
    assert (pair.opens("493817"), pair.site.reasons()) == (False, ["disabled", "expired"])
    assert pair.row(code)["max_uses"] == 9


def test_complaint_25_a_temporary_code_becomes_permanent_through_cloud_and_lock(pair: Pair) -> None:
    code = pair.create("493817", ends_at=int(pair.now) + 1000)
    pair.exchange()
    pair.change(code, ends_at=None)
    pair.exchange()
    pair.wait(2 * DAY_S)
    assert (pair.status(code), pair.opens("493817")) == ("set", True)


# --- codes made at the door -----------------------------------------------------------------------------


def make_at_door(pair: Pair, digits: str) -> None:
    """Somebody with a programming code types a new code, twice."""
    pair.create("135799", rules=Rules(kind="programming"))
    pair.exchange()
    pair.site.type(f"135799#1{digits}#{digits}#")


def unmanaged(pair: Pair) -> list[dict[str, Any]]:
    """The codes that nobody at the cloud made, as it knows them."""
    rows = access_codes.of_lock(pair.database, DEVICE_ID)
    return [row for row in rows if not row["is_managed"]]


def test_complaint_10_a_code_made_at_the_door_is_not_taken_for_one_of_the_cloud(pair: Pair) -> None:
    make_at_door(pair, "246802")
    wanted = pair.create("493817")
    pair.exchange()
    (apart,) = unmanaged(pair)
    assert (apart["code"], apart["access_code_id"] != wanted) == ("246802", True)
    assert (pair.status(wanted), pair.opens("493817"), pair.opens("246802")) == ("set", True, True)
    pair.exchange()
    assert pair.row(wanted)["uses"] == 1


def test_complaint_10_digits_typed_in_before_the_cloud_wanted_them_are_not_set_by_mistake(
    pair: Pair,
) -> None:
    """The cloud has not heard of them when it makes its own code of the same digits."""
    pair.create("135799", rules=Rules(kind="programming"))
    pair.exchange()
    pair.lose_all()
    pair.site.type("135799#1246802#246802#")
    wanted, other = pair.create("246802"), pair.create("493817")
    pair.exchange()
    assert (pair.status(wanted), pair.status(other)) == ("setting", "set")
    assert [each["error_code"] for each in pair.shown(wanted)["errors"]] == ["duplicate_code_on_device"]


def test_complaint_20_a_code_made_at_the_door_can_be_seen_and_deleted_from_the_cloud(pair: Pair) -> None:
    make_at_door(pair, "246802")
    pair.exchange()
    (ghost,) = unmanaged(pair)
    access_codes.delete(pair.database, ghost, pair.now)
    unmanaged_codes.have_deleted(pair.database, pair.fleet.downlink, DEVICE_ID, pair.now)
    pair.exchange()
    assert (unmanaged(pair), pair.opens("246802")) == ([], False)


def test_complaint_20_a_lock_that_never_answers_a_deletion_fills_no_database(pair: Pair) -> None:
    make_at_door(pair, "246802")
    pair.exchange()
    (ghost,) = unmanaged(pair)
    access_codes.delete(pair.database, ghost, pair.now)
    for _ in range(200):
        pair.lose_all()
        pair.site.clock.now_s += 45
        pair.site.cloud_wall_s += 45
        pair.from_lock("status", Status(online=True, sid=pair.sid, set_epoch=1), sid=pair.sid)
    (row,) = pair.database.rows("SELECT count(*) AS kept FROM commands")
    assert 3600 // 45 - 2 < row["kept"] < 3600 // 45 + 4
    pair.exchange()
    assert unmanaged(pair) == []


def test_complaint_20_a_deletion_waits_for_a_lock_that_is_away(pair: Pair) -> None:
    make_at_door(pair, "246802")
    pair.exchange()
    (ghost,) = unmanaged(pair)
    access_codes.delete(pair.database, ghost, pair.now)
    pair.lose_all()
    pair.restart_lock()
    pair.restart_cloud()
    pair.lose_all()
    assert (len(unmanaged(pair)), pair.opens("246802")) == (1, True)
    pair.connect()
    pair.exchange()
    assert (unmanaged(pair), pair.opens("246802")) == ([], False)
