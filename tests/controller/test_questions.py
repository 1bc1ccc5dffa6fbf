"""What a technician is told."""

from typing import Any

from agent.asked import Answer, Asked
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON


def ask(site: Site, verb: str, **args: Any) -> list[dict[str, Any]]:
    """All lines that came back."""
    lines: list[dict[str, Any]] = []
    site.say(Asked(verb, args, Answer(lines.append, 1)))
    return lines


def result(site: Site, verb: str, **args: Any) -> dict[str, Any]:
    """The result of a verb that works."""
    answer: dict[str, Any] = ask(site, verb, **args)[0]["result"]
    return answer


def test_codes_are_listed_with_what_they_would_do_now_and_without_digits(site: Site) -> None:
    site.install(
        code_row("1" * 8 + "-1111-4111-8111-111111111111", "493817", max_uses=1),
        code_row("2" * 8 + "-2222-4222-8222-222222222222", "246802", starts_at=NOON + 9000),
    )
    site.type("493817#")
    listed = result(site, "codes")["codes"]
    assert [code["reason_now"] for code in listed] == ["used_up", "not_yet_valid"]
    assert (listed[0]["uses"], listed[0]["max_uses"]) == (1, 1)
    assert "493817" not in str(listed)


def test_status_says_where_everything_stands(site: Site) -> None:
    status = result(site, "status")
    assert status["clock"]["trust"] == "trusted"
    assert status["code_set"] == {
        "set_epoch": 1,
        "applied_rev": 1,
        "head_rev": 1,
        "count": 1,
        "local": 0,
        "syncing": False,
        "withheld_rev": None,
    }
    assert (status["strike"], status["uplink"]["connected"]) == ("locked", True)


def test_the_journal_can_be_read_from_any_row_on(site: Site) -> None:
    assert [row["seq"] for row in result(site, "journal", limit=2)["rows"]] == [
        site.store.journal.last_seq - 1,
        site.store.journal.last_seq,
    ]
    assert result(site, "journal", after=1, limit=1)["rows"][0]["seq"] == 2


def test_a_wrong_argument_or_verb_is_refused_with_what_is_right(site: Site) -> None:
    assert "1 to 1000" in ask(site, "journal", limit=0)[0]["error"]["message"]
    for after in ("x", -1, 2**63, 2**70, True):
        assert "row" in ask(site, "journal", after=after)[0]["error"]["message"]
    assert "status, codes" in ask(site, "open")[0]["error"]["message"]


def test_a_watcher_sees_each_row_once_as_it_becomes_durable(site: Site) -> None:
    lines: list[dict[str, Any]] = []
    site.say(Asked("watch", {}, Answer(lines.append, 1)))
    site.type("493817#")
    site.open_door()
    assert [line["event"]["kind"] for line in lines[1:]] == ["access_granted", "door_opened"]


def test_a_watcher_that_left_is_forgotten(site: Site) -> None:
    lines: list[dict[str, Any]] = []
    answer = Answer(lines.append, 1)
    site.say(Asked("watch", {}, answer))
    answer.closed = True
    site.open_door()
    assert len(lines) == 1


def test_doctor_gets_the_yearly_chance_of_guessing_in(site: Site) -> None:
    risk = result(site, "facts")["throttle_risk"]["short"]
    assert risk["is_bound_met"]
    assert 0 < risk["yearly_chance"] < 0.011
