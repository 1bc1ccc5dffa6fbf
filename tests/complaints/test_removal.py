"""What is removed is gone, and nothing goes that was not removed: complaints 18 to 25."""

from typing import Any

import pytest

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
