"""Inputs made by atheris, which keeps those that reach new lines (`python -m tests.fuzz.by_atheris`).

libFuzzer ends the process when it is done, so that each run is a process of its own (`search`).
"""

import argparse
import logging
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module, util
from pathlib import Path

from tests.fuzz.corpus import DIRECTORY
from tests.fuzz.mutations import LONGEST_BYTES, mutated
from tests.fuzz.run import LONGEST_S, Result, memory
from tests.fuzz.target import Check

END_WITHIN_S = 60
OURS = ("agent", "hal", "cloud_sim", "firmware_sim.controller")
"""Whose lines are counted. They must be imported first when they are: nothing up here imports them."""
_INPUTS = re.compile(r"number_of_executed_units: (\d+)")
_COVERAGE = re.compile(r"cov: (\d+) ft: (\d+)")


def is_there() -> bool:
    """Whether atheris is installed: extra `fuzz`, on Linux with x86-64."""
    return util.find_spec("atheris") is not None


def search(name: str, seconds: float, directory: Path) -> Result:
    """Run a target for so long; `directory` keeps its log and the inputs that reached new lines."""
    corpus, log = directory / "corpus" / name, directory / f"{name}.log"
    corpus.mkdir(parents=True, exist_ok=True)
    # The process is ended by libFuzzer and clears nothing up.
    with tempfile.TemporaryDirectory() as found, tempfile.TemporaryDirectory(dir=memory()) as work:
        run = [
            sys.executable,
            "-m",
            "tests.fuzz.by_atheris",
            name,
            str(int(seconds)),
            str(corpus),
            found,
            work,
        ]
        limit_s = seconds + LONGEST_S + END_WITHIN_S
        with log.open("wb") as output:
            ended = subprocess.run(run, stdout=output, stderr=output, check=False, timeout=limit_s)
        findings = [path.read_bytes() for path in sorted(Path(found).iterdir())]
    text = log.read_text(errors="replace")
    counted = _INPUTS.findall(text)
    return Result(
        inputs=int(counted[-1]) if counted else 0,
        finding=findings[0] if findings else None,
        why=text[-4000:] if ended.returncode or findings else "",
        coverage=_coverage(text),
    )


def _coverage(text: str) -> str:
    seen = _COVERAGE.findall(text)
    if not seen:
        return ""
    first, last = seen[0], seen[-1]
    return f"edges {first[0]} -> {last[0]}, features {first[1]} -> {last[1]}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Fuzz in this process, which ends with it."""
    options = _options(arguments)
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=list(OURS)):
        target = import_module(f"tests.fuzz.targets.{options.name}").TARGET
    logging.basicConfig(filename=os.devnull)  # lines are written all the same, and cost little
    flags = [
        f"-max_total_time={options.seconds}",
        f"-max_len={LONGEST_BYTES}",
        f"-timeout={int(LONGEST_S)}",
        f"-artifact_prefix={options.found}/",
        "-print_final_stats=1",
        "-rss_limit_mb=4096",
    ]
    kept = DIRECTORY / options.name
    change = _change(
        [path.read_bytes() for path in sorted(kept.glob("*"))], lambda *given: atheris.Mutate(*given)
    )
    check = _keeping(target.check(options.work), options.found / "found")
    atheris.Setup([sys.argv[0], *flags, str(options.corpus), str(kept)], check, custom_mutator=change)
    atheris.Fuzz()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("seconds", type=int)
    for directory in ("corpus", "found", "work"):
        parser.add_argument(directory, type=Path)
    return parser.parse_args(arguments)


def _keeping(check: Check, path: Path) -> Check:
    """The check, which writes down what breaks a rule: libFuzzer does not always live to do so."""

    def one(data: bytes) -> None:
        try:
            check(data)
        except BaseException:
            path.write_bytes(data)
            raise

    return one


def _change(
    seeds: list[bytes], by_bytes: Callable[[bytes, int], bytes]
) -> Callable[[bytes, int, int], bytes]:
    """How libFuzzer is to change an input. A third begins with a seed: it drops those that reach no line of
    their own."""

    def changed(data: bytes, longest: int, number: int) -> bytes:
        rng = random.Random(number)
        match rng.randrange(3):
            case 0 if seeds:
                return mutated(rng.choice(seeds), rng, seeds)[:longest]
            case 1:
                return bytes(by_bytes(data, longest))
            case _:
                return mutated(bytes(data), rng, seeds)[:longest]

    return changed


if __name__ == "__main__":
    main()
