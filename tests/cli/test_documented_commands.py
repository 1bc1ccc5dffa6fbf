"""The pages of lockctl and lock-sim name the verbs and options that exist, all of them and no others."""

from agent.cli.lockctl import main as lockctl
from firmware_sim.__main__ import cli as lock_sim
from tests.cli.documented import grouped_verbs, grouped_verbs_in, options, options_in, verbs, verbs_in


def test_every_verb_of_lockctl_is_documented_and_exists() -> None:
    assert verbs_in("lockctl.md", "lockctl") == verbs(lockctl)


def test_every_verb_in_a_group_of_lockctl_is_documented_and_exists() -> None:
    assert grouped_verbs_in(
        "lockctl.md", "lockctl", {"clock", "codes", "offline", "readers", "totp"}
    ) == grouped_verbs(lockctl)


def test_every_option_of_lockctl_is_documented_and_exists() -> None:
    assert options_in("lockctl.md") == options(lockctl)


def test_every_verb_of_lock_sim_is_documented_and_exists() -> None:
    assert verbs_in("simulator.md", "lock-sim") == verbs(lock_sim)


def test_every_option_of_lock_sim_is_documented_and_exists() -> None:
    assert options_in("simulator.md") == options(lock_sim)
