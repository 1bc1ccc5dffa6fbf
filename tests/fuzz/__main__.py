"""`python -m tests.fuzz [TARGET ...]`: bad input for as long as you like. Ends with 1 if a rule was broken.

Findings go to `.fuzz/found/TARGET/`; put one that was mended into `tests/fuzz/corpus/TARGET/`, where each
test run tries it again.
"""

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz import by_atheris, by_hypothesis, corpus
from tests.fuzz.run import Result, keep, memory
from tests.fuzz.target import Target
from tests.fuzz.targets import NAMES, target

DIRECTORY = Path(".fuzz")
ENGINES = ("atheris", "hypothesis")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for, and say what came of it."""
    options = _options(arguments)
    names = options.targets or list(NAMES)
    if options.seeds:
        for name in names:
            print(f"{name}: {corpus.write_seeds(target(name))} seeds")
        return 0
    if options.input is not None:
        return _once(target(names[0]), options.input)
    engine = options.engine or ENGINES[not by_atheris.is_there()]
    print(f"{len(names)} targets, {options.seconds:g} s each, by {engine}", flush=True)
    logging.basicConfig(filename=os.devnull)  # what is refused is also logged, by the thousand
    results = [_run(target(name), engine, options.seconds) for name in names]
    return int(any(result.why for result in results))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"all by default: {', '.join(NAMES)}")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each target (30)")
    parser.add_argument("--engine", choices=ENGINES, help="atheris where it is installed, else hypothesis")
    parser.add_argument("--input", type=Path, help="run the first target on this file, once")
    parser.add_argument("--seeds", action="store_true", help="write the seeds of the targets anew, and end")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.targets) - set(NAMES)):
        parser.error(f"there is no target {unknown[0]!r}; there are {', '.join(NAMES)}")
    if options.input is not None and len(options.targets) != 1:
        parser.error("--input needs the one target that it is for")
    return options


def _run(each: Target, engine: str, seconds: float) -> Result:
    if engine == "atheris":
        result = by_atheris.search(each.name, seconds, DIRECTORY)
    else:
        with tempfile.TemporaryDirectory(dir=memory()) as directory:
            check, until_s = each.check(Path(directory)), time.monotonic() + seconds
            result = by_hypothesis.search(check, corpus.kept(each), until_s=until_s)
    _tell(each, result)
    return result


def _tell(each: Target, result: Result) -> None:
    seen = f", {result.coverage}" if result.coverage else ""
    print(f"{each.name:<14}{result.inputs:>9,} inputs{seen}", flush=True)
    if result.why:
        print(result.why, f"BROKEN: {each.rules}", sep="\n")
    if result.finding is not None:
        path = keep(result.finding, DIRECTORY / "found" / each.name)
        print(f'Again: make fuzz ARGS="{each.name} --input {path}"', flush=True)


def _once(each: Target, path: Path) -> int:
    with tempfile.TemporaryDirectory() as directory:
        each.check(Path(directory))(path.read_bytes())
    print(f"{each.name}: {each.rules}: it holds for {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
