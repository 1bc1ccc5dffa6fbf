"""`python -m benchmarks.leakcheck`: whether the time of a decision tells anything about codes.

Ends with 0: nothing leaks, and all that does leak was caught. 1: something leaks. 2: a leaky verifier was not
caught, or not the leak that was put into what is under test, so that this run shows nothing; the machine may
be too busy.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from benchmarks.figures import machine
from benchmarks.leakcheck.controls import CONTROLS, PLANTED, control, planted
from benchmarks.leakcheck.decisions import LEAST_CODES, decision
from benchmarks.leakcheck.entries import whole_entry
from benchmarks.leakcheck.harness import Effort, Finding, Make, findings, leaks, least_ns

HEAD = f"{'class':<30}{'median us':>10}{'effect ns':>11}{'floor ns':>10}{'|t|':>8}{'limit':>7}  leaks in"
PLANTED_SHARE = 3.0
"""So many times the smallest effect that counts is the leak that has to be found."""


class Report:
    """Prints what is measured, and gathers what was missed and what leaks."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.missed: list[str] = []
        self.leaking: set[str] = set()

    def control(self, name: str, make: Make, effort: Effort) -> None:
        """Measure what leaks."""
        found = findings(make, effort, self._rng)
        _show(f"control: {name}", found)
        if not any(each.is_leak for each in found):
            self.missed.append(name)

    def measure(self, title: str, make: Make, effort: Effort) -> None:
        """Measure what should not leak, and what of a leak would be seen in it."""
        found, confirmed = leaks(make, effort, self._rng)
        _show(title, found)
        self.leaking |= {f"{name} ({title})" for name in confirmed}
        extra_ns = PLANTED_SHARE * least_ns(_median_ns(found[0]))
        by = findings(planted(make, extra_ns), effort, self._rng)
        is_caught = any(each.name == PLANTED and each.is_leak for each in by)
        print(
            f"a leak of {extra_ns:.0f} ns put into it: {'caught' if is_caught else 'NOT CAUGHT'}", flush=True
        )
        if not is_caught:
            self.missed.append(f"{extra_ns:.0f} ns in {title}")

    def verdict(self) -> int:
        """Print what this run has shown; the exit status."""
        seen = ", ".join(sorted(self.leaking))
        if self.missed:
            print(f"INCONCLUSIVE: not caught were {', '.join(self.missed)}; try on a quieter machine")
            print(f"What looked like leaks: {seen or 'nothing'}")
            return 2
        print(f"LEAK: {seen}" if seen else "No leak found, and everything that does leak was caught.")
        return 1 if seen else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the controls, then what is under test; print a table of each."""
    options = _options(arguments)
    # One table of six may differ by chance.
    effort = Effort(options.blocks, options.tables, options.tables - options.tables // 6)
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    with tempfile.TemporaryDirectory() as directory:
        print(machine(Path(directory)))
    print(
        f"seed {seed}, {effort.blocks} blocks on each of {effort.instances} tables; a leak shows on", end=""
    )
    print(f" {effort.needed} of them, and in a second run")
    report = Report(random.Random(seed))
    for name, compare in CONTROLS.items():
        report.control(name, control(compare), effort)
    for codes in options.codes:
        report.measure(f"the decision, {codes:,} codes", decision(codes), effort)
    # It takes ten times as long, so that fewer are as good.
    report.measure("a whole entry", whole_entry, replace(effort, blocks=effort.blocks // 2))
    return report.verdict()


def _median_ns(finding: Finding) -> float:
    return fmean(each.median_ns for each in finding.differences)


def _show(title: str, found: Sequence[Finding]) -> None:
    print(f"\n{title}\n{HEAD}")
    for each in found:
        effect, floor, t, limit = (
            fmean(getattr(difference, name) for difference in each.differences)
            for name in ("effect_ns", "floor_ns", "t", "t_limit")
        )
        median_us = _median_ns(each) / 1000
        numbers = f"{median_us:>10.1f}{effect:>+11.0f}{floor:>10.0f}{min(t, 9999):>8.1f}{limit:>7.1f}"
        verdict = f"{each.leaks_in} of {len(each.differences)}{'  LEAK' if each.is_leak else ''}"
        print(f"{each.name:<30}{numbers}  {verdict}", flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leakcheck", description=__doc__)
    parser.add_argument("--codes", type=int, nargs="+", default=[100, 10_000], help="sizes of the table")
    parser.add_argument("--blocks", type=int, default=2500, help="how often each class is timed on a table")
    parser.add_argument("--tables", type=int, default=6, help="how many tables, each with a key of its own")
    parser.add_argument("--seed", type=int, help="of the keys, the digits and the order")
    options = parser.parse_args(arguments)
    if min(options.codes) < LEAST_CODES:
        parser.error(f"--codes must be {LEAST_CODES} or more: there is a code of every fate in the table")
    if options.blocks < 10:
        parser.error("--blocks must be 10 or more; with fewer than 500 most leaks go unseen")
    if options.tables < 1:
        parser.error("--tables must be 1 or more; with fewer than 6 a layout may look like a leak")
    return options


if __name__ == "__main__":
    sys.exit(main())
