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
from collections.abc import Sequence
from importlib import import_module, util
from pathlib import Path

from tests.fuzz.corpus import DIRECTORY
from tests.fuzz.mutations import LONGEST_BYTES, mutated
from tests.fuzz.run import LONGEST_S, Result, memory

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
    with tempfile.TemporaryDirectory() as found, log.open("wb") as output:
        command = [sys.executable, "-m", "tests.fuzz.by_atheris", name, str(int(seconds)), str(corpus), found]
        limit_s = seconds + LONGEST_S + END_WITHIN_S
        outcome = subprocess.run(command, stdout=output, stderr=output, check=False, timeout=limit_s)
        findings = sorted(Path(found).iterdir())
        text = log.read_text(errors="replace")
        counted = _INPUTS.findall(text)
        return Result(
            inputs=int(counted[-1]) if counted else 0,
            finding=findings[0].read_bytes() if findings else None,
            why=text[-4000:] if outcome.returncode or findings else "",
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("seconds", type=int)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("found", type=Path)
    options = parser.parse_args(arguments)
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=list(OURS)):
        target = import_module(f"tests.fuzz.targets.{options.name}").TARGET
    seeds = [path.read_bytes() for path in sorted((DIRECTORY / options.name).glob("*"))]

    def changed(data: bytes, longest: int, seed: int) -> bytes:
        """A third begins with a seed: libFuzzer drops those that reach no line of their own."""
        rng = random.Random(seed)
        match rng.randrange(3):
            case 0 if seeds:
                return mutated(rng.choice(seeds), rng, seeds)[:longest]
            case 1:
                return bytes(atheris.Mutate(data, longest))
            case _:
                return mutated(bytes(data), rng, seeds)[:longest]

    with tempfile.TemporaryDirectory(dir=memory()) as directory:
        check = target.check(Path(directory))
        flags = [
            f"-max_total_time={options.seconds}",
            f"-max_len={LONGEST_BYTES}",
            f"-timeout={int(LONGEST_S)}",
            f"-artifact_prefix={options.found}/",
            "-print_final_stats=1",
            "-rss_limit_mb=4096",
        ]

        def one(data: bytes) -> None:
            try:
                check(data)
            except BaseException:
                (options.found / "found").write_bytes(data)  # libFuzzer does not always live to do so
                raise

        logging.basicConfig(filename=os.devnull)  # lines are written all the same, and cost little
        places = [str(options.corpus), str(DIRECTORY / options.name)]
        atheris.Setup([sys.argv[0], *flags, *places], one, custom_mutator=changed)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
