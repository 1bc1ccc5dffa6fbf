"""The frame of `doctor` and its first checks, on facts as a lock reports them."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.cli.lockctl import main
from agent.doctor import CHECKS, END, Facts, Finding, check_name, examine
from tests.cli.conftest import FACTS, OneLock

RISK_NOT_MET = {"yearly_chance": 0.3, "allowed_per_year": 0.01, "is_bound_met": False}

Change = Callable[[dict[str, Any]], object]


def levels(change: Change) -> dict[str, str]:
    facts = copy.deepcopy(FACTS)
    change(facts)
    return {finding.name: finding.level for finding in examine(facts) if finding.level != "ok"}


def test_a_healthy_lock_has_nothing_to_mend() -> None:
    assert [finding for finding in examine(FACTS) if finding.level != "ok" or finding.mend] == []


PROBLEMS: list[tuple[str, str, Change]] = [
    ("links", "fail", lambda facts: facts["links"].update(inside=False)),
    ("links", "warn", lambda facts: facts["links"].clear()),
    ("keypads", "warn", lambda facts: facts.update(drivers=["gpio-strike", "wiegand-keypad"])),
    ("alarms", "fail", lambda facts: facts["alarms"].append("door_forced")),
    ("mode", "warn", lambda facts: facts.update(mode="lockdown")),
    ("clock", "fail", lambda facts: facts["clock"].update(trust="unknown", bound_s=None)),
    ("clock", "warn", lambda facts: facts["clock"].update(trust="holdover")),
    ("clock", "warn", lambda facts: facts["clock"].update(rtc_fault="rtc_stepped")),
    ("uplink", "warn", lambda facts: facts["uplink"].update(connected=False, reason="refused")),
    ("readers", "fail", lambda facts: facts["readers"]["key_refused"].update(outside="it has another key")),
    ("readers", "warn", lambda facts: facts["readers"]["next_key"].append("outside")),
    ("uplink", "fail", lambda facts: facts["uplink"].update(is_stale=True, silent_s=300_000.0)),
    ("keys", "warn", lambda facts: facts["keys"].update(certificate_ends_s=1763824563.2 + 59 * 86400)),
    ("code set", "fail", lambda facts: facts["code_set"].update(withheld_rev=9)),
    ("code set", "warn", lambda facts: facts["code_set"].update(head_rev=8)),
    ("journal", "warn", lambda facts: facts["journal"].update(last_seq=5000)),
    ("database", "fail", lambda facts: facts["sqlite"].update(quick_check="row 7 missing")),
    ("database", "fail", lambda facts: facts.update(changed_codes=2)),
    ("database", "warn", lambda facts: facts.update(set_aside=["lock.db.set-aside-1"])),
    ("disk space", "fail", lambda facts: facts.update(disk_free_bytes=1000)),
    ("disk space", "warn", lambda facts: facts.update(disk_free_bytes=100 * 2**20)),
    ("root secret", "warn", lambda facts: facts.update(secrets_off_disk=False)),
    ("root secret", "warn", lambda facts: facts.update(root_secret_stage="unused")),
    ("root secret", "warn", lambda facts: facts.update(root_secret_stage="failed")),
    ("root secret", "warn", lambda facts: facts.update(root_secret_stage="unfinished")),
    ("guesses left", "warn", lambda facts: facts["throttle"]["short"].update(tokens=0.2, failures=7)),
    ("emergency code", "warn", lambda facts: facts.update(emergency_code="none")),
    ("emergency code", "fail", lambda facts: facts.update(emergency_code="changed")),
    ("guesses left", "fail", lambda facts: facts.update(is_offline_off=True)),
    ("guessing risk", "warn", lambda facts: facts["throttle_risk"].update(short=RISK_NOT_MET)),
]


@pytest.mark.parametrize(("name", "level", "change"), PROBLEMS)
def test_a_problem_is_found_under_its_name_alone(name: str, level: str, change: Change) -> None:
    assert levels(change) == {name: level}


@pytest.mark.parametrize(("name", "level", "change"), PROBLEMS)
def test_every_problem_says_how_to_mend_it(name: str, level: str, change: Change) -> None:
    facts = copy.deepcopy(FACTS)
    change(facts)
    assert all(finding.mend for finding in examine(facts) if (finding.name, finding.level) == (name, level))


def test_a_bound_that_is_not_met_names_the_chance_and_the_length_that_would_meet_it() -> None:
    findings = {
        one.name: one
        for one in examine({**FACTS, "throttle_risk": {**FACTS["throttle_risk"], "short": RISK_NOT_MET}})
    }
    assert "NOT MET: short codes 30.00% a year" in findings["guessing risk"].text
    assert "give every code 6 digits" in findings["guessing risk"].mend


def test_of_long_codes_it_says_as_well_what_a_guesser_reaches_before_somebody_looks() -> None:
    risks = {"short": FACTS["throttle_risk"]["short"], "long": RISK_NOT_MET}
    findings = {one.name: one for one in examine({**FACTS, "throttle_risk": risks})}
    assert "0.10% until a hundred wrong ones turn long codes off" in findings["guessing risk"].text


def test_where_no_length_is_enough_or_offline_codes_are_the_reason_that_is_said() -> None:
    for change, says in (
        (
            {"throttle_risk": {**FACTS["throttle_risk"], "short": RISK_NOT_MET}, "length_that_meets": None},
            "have fewer codes",
        ),
        (
            {"throttle_risk": {"short": FACTS["throttle_risk"]["short"], "long": RISK_NOT_MET}},
            "offline codes",
        ),
    ):
        findings = {one.name: one for one in examine({**FACTS, **change})}
        assert says in findings["guessing risk"].mend


def test_of_readers_that_do_not_answer_nothing_is_said_about_their_keys() -> None:
    (finding,) = [one for one in examine(FACTS | {"links": {"outside": False}}) if one.name == "readers"]
    assert finding.text == "those that answer with the key they should have"


def test_a_mode_that_the_schedule_wants_is_no_problem() -> None:
    assert levels(lambda facts: facts.update(mode="passage", mode_by="schedule")) == {}


def test_a_check_that_crashes_becomes_a_finding_and_the_others_still_report() -> None:
    def check_broken(facts: Facts) -> Finding:
        raise ZeroDivisionError(facts)

    first, *rest = examine(FACTS, [check_broken, *CHECKS])
    assert (first.name, first.level) == ("broken", "fail")
    assert "ZeroDivisionError" in first.text
    assert len(rest) == len(CHECKS)


def test_missing_facts_never_hide_the_rest() -> None:
    assert len(examine({})) == len(CHECKS)
    assert {finding.level for finding in examine({})} == {"fail"}


def test_the_report_of_a_healthy_lock_exits_0_and_ends_as_it_should(lock: OneLock) -> None:
    result = lock.lockctl("doctor")
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, END)


def test_a_failed_check_makes_doctor_exit_1(lock: OneLock) -> None:
    lock.facts = {**FACTS, "alarms": ["door_forced"]}
    assert lock.lockctl("doctor").exit_code == 1


def test_an_agent_of_another_version_than_lockctl_is_a_warning(lock: OneLock) -> None:
    lock.facts = {**FACTS, "agent_version": "0.0.9"}
    assert "version 0.0.9 runs" in " ".join(lock.lockctl("doctor").output.split())


def test_the_report_in_json_holds_every_finding(lock: OneLock) -> None:
    report = json.loads(lock.lockctl("doctor", "--json").output)
    assert len(report["findings"]) == len(CHECKS) + 1
    assert set(report["findings"][0]) == {"name", "level", "text", "mend"}


def test_without_an_agent_the_report_still_ends_as_it_should(lock: OneLock) -> None:
    lock.control.stop()
    text = lock.lockctl("doctor").output
    assert text.startswith("fail  agent")
    assert "Not checked without an agent: links, readers, keypads" in text
    assert text.endswith(f"{END}\n")


def test_every_check_reports_under_the_name_it_is_listed_by() -> None:
    assert [finding.name for finding in examine(FACTS)] == [check_name(check) for check in CHECKS]


def test_doctor_names_what_is_wrong_in_the_configuration_without_an_agent(tmp_path: Path) -> None:
    config = tmp_path / "lock-agent.toml"
    config.write_text("stat_dir = '/var/lib/lock-agent'")
    args = ["doctor", "--socket", str(tmp_path / "nobody"), "--config", str(config)]
    result = CliRunner().invoke(main, args)
    assert "stat_dir" in result.output
    assert (result.exit_code, result.output.splitlines()[-1]) == (3, END)
