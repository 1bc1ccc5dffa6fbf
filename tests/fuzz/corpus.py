"""The inputs that are kept: seeds from genuine values, and what once broke a rule."""

from pathlib import Path

from tests.fuzz.target import Target

DIRECTORY = Path(__file__).parent / "corpus"


def kept(target: Target) -> list[bytes]:
    """Those of a target, in the order of their names."""
    return [path.read_bytes() for path in sorted((DIRECTORY / target.name).glob("*"))]


def write_seeds(target: Target) -> int:
    """Make the seeds anew, and leave what was found (`found-*`); how many there are."""
    directory = DIRECTORY / target.name
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("seed-*"):
        old.unlink()
    seeds = target.seeds()
    for place, seed in enumerate(seeds):
        (directory / f"seed-{place:02}").write_bytes(seed)
    return len(seeds)
