"""The leak test finds what leaks and nothing else, with time that the tests make themselves."""

import random
import re
from collections.abc import Callable

import pytest

from agent.core.decision import Reason
from agent.entries import Seen
from benchmarks.leakcheck.__main__ import main
from benchmarks.leakcheck.controls import CONTROLS, PLANTED, control, planted
from benchmarks.leakcheck.decisions import FATES, PLACES, decision
from benchmarks.leakcheck.entries import RULES, whole_entry
from benchmarks.leakcheck.harness import CONTROL, REFERENCE, Effort, Instance, findings, leaks
from benchmarks.leakcheck.statistics import middle_mean, segment_t, strongest_t, welch_t

EFFORT = Effort(blocks=500)
ENTRIES = {REFERENCE: ["111111", "555555"], CONTROL: ["222222"], "expired": ["333333"], "early": ["444444"]}


class Clockwork:
    """A verifier whose time is written down: 10 us, some noise, and what each entry costs besides."""

    def __init__(self, extra_ns: dict[str, Callable[[int], int]]) -> None:
        """`extra_ns`: class -> number of the instance -> nanoseconds."""
        self.now = 0
        self.instances = 0
        self._extra = {ENTRIES[name][0]: cost for name, cost in extra_ns.items()}
        self._noise = random.Random(1)

    def time(self) -> int:
        return self.now

    def make(self, _: random.Random) -> Instance:
        self.instances += 1
        return Instance(self._verify, ENTRIES)

    def _verify(self, entry: str) -> None:
        interrupted = 50_000 if self._noise.random() < 0.01 else 0
        cost = self._extra.get(entry)
        extra = cost(self.instances) if cost else 0
        self.now += 10_000 + self._noise.randrange(100) + interrupted + extra


def leaking(extra_ns: dict[str, Callable[[int], int]]) -> set[str]:
    clockwork = Clockwork(extra_ns)
    return leaks(clockwork.make, EFFORT, random.Random(2), clockwork.time)[1]


def test_what_takes_the_same_time_does_not_leak() -> None:
    assert leaking({}) == set()


def test_a_fifth_of_a_microsecond_leaks_whichever_way() -> None:
    assert leaking({"expired": lambda _: 210}) == {"expired"}
    assert leaking({"early": lambda _: -210}) == {"early"}


def test_what_nobody_could_use_is_significant_and_no_leak() -> None:
    clockwork = Clockwork({"expired": lambda _: 60})
    found = {each.name: each for each in findings(clockwork.make, EFFORT, random.Random(2), clockwork.time)}
    assert all(each.t > each.t_limit for each in found["expired"].differences)
    assert not found["expired"].is_leak


def test_a_difference_that_belongs_to_the_key_and_not_to_the_code_is_no_leak() -> None:
    assert leaking({"expired": lambda instance: 400 if instance % 2 else -400}) == set()


def test_a_leak_that_is_not_there_in_a_second_run_is_none() -> None:
    assert leaking({"expired": lambda instance: 400 if instance <= EFFORT.instances else 0}) == set()


def test_a_restless_machine_raises_what_counts_as_an_effect() -> None:
    assert leaking({"expired": lambda _: 300, CONTROL: lambda _: 200}) == set()


@pytest.mark.parametrize("name", ["early exit", "constant compare, early exit", "short circuit"])
def test_a_leaky_verifier_is_caught_on_this_machine(name: str) -> None:
    found = findings(control(CONTROLS[name]), Effort(blocks=120, instances=2, needed=2), random.Random(3))
    assert "first" in {each.name for each in found if each.is_leak}


def test_of_two_unknown_entries_one_that_is_slow_by_chance_counts_half() -> None:
    clockwork = Clockwork({REFERENCE: lambda _: 150})
    found = {each.name: each for each in findings(clockwork.make, EFFORT, random.Random(2), clockwork.time)}
    assert all(-90 < each.effect_ns < -60 for each in found["expired"].differences)


def test_a_planted_leak_is_one_and_leaves_the_rest_as_it_is() -> None:
    make = planted(decision(100), 3_000)
    found = findings(make, Effort(blocks=120, instances=2, needed=2), random.Random(3))
    assert [each.name for each in found if each.is_leak] == [PLANTED]


def test_every_fate_has_a_code_in_the_table_and_is_decided_as_it_should() -> None:
    instance = decision(100)(random.Random(4))
    digits = [each for entries in instance.entries.values() for each in entries]
    assert len(set(digits)) == len(digits)
    outcomes = {name: instance.verify(entries[0]) for name, entries in instance.entries.items()}
    assert (outcomes["first"], outcomes["middle"], outcomes["last"]) == ((0, None), (50, None), (99, None))
    reasons = {name: outcome[1] for name, outcome in outcomes.items() if isinstance(outcome, tuple)}
    granted = {name for name, reason in reasons.items() if reason is None}
    assert granted == {*PLACES, "duress", "in its window"}
    refusals = [reasons[name] for name in FATES if name not in granted]
    assert len(set(refusals)) == len(refusals)
    assert {reasons[name] for name in reasons if "unknown" in name} == {Reason.UNKNOWN_CODE}


def test_a_whole_entry_knows_every_class_that_is_timed() -> None:
    instance = whole_entry(random.Random(4))
    seen = {name: instance.verify(entries[0]) for name, entries in instance.entries.items()}
    looks = {name: each for name, each in seen.items() if isinstance(each, Seen)}
    assert len(looks) == len(instance.entries)
    in_table = {name: each.reason for name, each in looks.items() if each.row < 101}
    assert in_table == dict.fromkeys(PLACES) | {
        "expired": Reason.EXPIRED,
        "early": Reason.NOT_YET_VALID,
        "used up": Reason.USED_UP,
        "revoked": Reason.REVOKED,
        "disabled": Reason.DISABLED,
        "outside its hours": Reason.OUTSIDE_SCHEDULE,
        "offline, used": Reason.USED_UP,
    }
    assert set(RULES) < set(in_table)
    accepted = {name for name, each in looks.items() if each.look.accepted}
    assert accepted == {"offline, valid", "offline, for one opening", "offline, used"}
    rolling = {name: each.look.rolling.refusal for name, each in looks.items() if each.look.rolling}
    assert [name for name, refusal in rolling.items() if refusal is None] == ["technician"]


def test_a_table_too_small_for_all_fates_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--codes", "10"])
    assert "a code of every fate" in capsys.readouterr().err


def test_without_enough_blocks_the_run_says_that_it_shows_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONTROLS, "blind", lambda *_: None)
    assert main(["--codes", "28", "--blocks", "20", "--tables", "1", "--seed", "5"]) == 2
    assert re.search(r"^INCONCLUSIVE: not caught were .*\bblind\b", capsys.readouterr().out, re.M)


def test_statistics_of_simple_samples() -> None:
    assert welch_t([1, 2, 3, 4], [1, 2, 3, 4]) == 0
    assert welch_t([2, 4, 6, 8], [1, 3, 5, 7]) == pytest.approx(0.5477, abs=1e-4)
    assert welch_t([1.0], [2.0]) == 0
    assert middle_mean([0, 10, 12, 1000]) == 11
    assert abs(segment_t([5, -5] * 500)) < 1e-9
    assert segment_t([5, 6] * 500) > 100


def test_an_interrupt_does_not_hide_what_the_code_does() -> None:
    noise = random.Random(6)
    slow = [1010 + noise.randrange(10) + (10**6 if noise.random() < 0.02 else 0) for _ in range(2000)]
    fast = [1000 + noise.randrange(10) + (10**6 if noise.random() < 0.02 else 0) for _ in range(2000)]
    assert abs(welch_t(slow, fast)) < 10 < strongest_t(slow, fast)
