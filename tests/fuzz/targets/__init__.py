"""Every target, by name; each is loaded where it is run."""

from importlib import import_module

from tests.fuzz.target import Target

NAMES = (
    "envelope",
    "code_set",
    "to_lock",
    "to_cloud",
    "olc1",
    "offline_setup",
    "entry",
    "config",
    "enrolment",
    "control",
    "osdp",
    "keypads",
)


def target(name: str) -> Target:
    """The target of that name."""
    found: Target = import_module(f"tests.fuzz.targets.{name}").TARGET
    return found
