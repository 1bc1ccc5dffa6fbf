"""`python -m benchmarks.leakcheck`: whether the time of a decision tells anything about codes.

Ends with 0: nothing leaks, and the verifiers that do leak were caught. 1: something leaks. 2: a leaky
verifier was not caught, so that this run shows nothing; the machine may be too busy.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from benchmarks.figures import machine
from benchmarks.leakcheck.controls import CONTROLS, control
from benchmarks.leakcheck.decisions import FATES, decision
from benchmarks.leakcheck.harness import Effort, Finding, findings, leaks
from benchmarks.leakcheck.offline import offline

HEAD = f"{'class':<30}{'median us':>10}{'effect ns':>11}{'floor ns':>10}{'|t|':>8}{'limit':>7}  leaks in"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the controls, then the decision; print a table of each."""
    options = _options(arguments)
    effort = Effort(blocks=options.blocks)
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        print(machine(Path(directory)))
    print(
        f"seed {seed}, {effort.blocks} blocks on each of {effort.instances} tables; a leak shows on", end=""
    )
    print(f" {effort.needed} of them, and in a second run")
    missed = [name for name in CONTROLS if not _is_caught(name, effort, rng)]
    leaking: set[str] = set()
    for codes in options.codes:
        found, confirmed = leaks(decision(codes), effort, rng)
        _show(f"the decision, {codes:,} codes", found)
        leaking |= confirmed
    found, confirmed = leaks(offline, effort, rng)
    _show("offline and rolling codes", found)
    leaking |= confirmed
    if missed:
        print(f"INCONCLUSIVE: these leak and were not caught: {', '.join(missed)}; try on a quieter machine")
        return 2
    print(
        f"LEAK: {', '.join(sorted(leaking))}" if leaking else "No leak found, and every control was caught."
    )
    return 1 if leaking else 0


def _is_caught(name: str, effort: Effort, rng: random.Random) -> bool:
    found = findings(control(CONTROLS[name]), effort, rng)
    _show(f"control: {name}", found)
    return any(each.is_leak for each in found)


def _show(title: str, found: Sequence[Finding]) -> None:
    print(f"\n{title}\n{HEAD}")
    for each in found:
        differences = each.differences
        median_us = fmean(difference.median_ns for difference in differences) / 1000
        effect, floor, t, limit = (
            fmean(getattr(difference, name) for difference in differences)
            for name in ("effect_ns", "floor_ns", "t", "t_limit")
        )
        numbers = f"{median_us:>10.1f}{effect:>+11.0f}{floor:>10.0f}{min(t, 9999):>8.1f}{limit:>7.1f}"
        verdict = f"{each.leaks_in} of {len(differences)}{'  LEAK' if each.is_leak else ''}"
        print(f"{each.name:<30}{numbers}  {verdict}", flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leakcheck", description=__doc__)
    parser.add_argument("--codes", type=int, nargs="+", default=[100, 10_000], help="sizes of the table")
    parser.add_argument("--blocks", type=int, default=2500, help="how often each class is timed on a table")
    parser.add_argument("--seed", type=int, help="of the keys, the digits and the order")
    options = parser.parse_args(arguments)
    if min(options.codes) < 2 * len(FATES):
        parser.error(f"--codes must be {2 * len(FATES)} or more: there is a code of every fate in the table")
    if options.blocks < 10:
        parser.error("--blocks must be 10 or more; with fewer than 500 most leaks go unseen")
    return options


if __name__ == "__main__":
    sys.exit(main())
