"""What people at the control socket may make a door do: nothing, unless its configuration says so."""

from pathlib import Path
from typing import Any

import pytest

from agent.asked import Answer, Asked
from agent.command_side import Permissions
from firmware_sim.site import Site, code_row
from tests.controller.conftest import ANNA


def ask(site: Site, kind: Any, **args: Any) -> dict[str, Any]:
    """One command over the control socket; the line that is answered."""
    lines: list[dict[str, Any]] = []
    site.say(Asked("command", {"type": kind, "args": args}, Answer(lines.append)))
    return lines[0]


@pytest.fixture
def open_site(tmp_path: Path) -> Site:
    """A door that allows lockctl everything, and the cloud nothing."""
    every = frozenset({"unlock", "lock", "mode", "acknowledge", "identify"})
    site = Site(tmp_path, permissions=Permissions(remote=frozenset(), local=every))
    site.connect()
    site.install(code_row(ANNA, "493817"))
    return site


def test_by_default_nothing_is_done_and_the_answer_says_how_to_allow_it(site: Site) -> None:
    error = ask(site, "unlock")["error"]
    assert (error["code"], "[commands] local" in error["message"]) == ("forbidden", True)
    assert (site.strike.releases, site.refusals()) == (0, ["forbidden"])


def test_unlock_opens_and_says_in_the_journal_who_wanted_it(open_site: Site) -> None:
    assert ask(open_site, "unlock", for_s=3)["result"]["result"] == "done"
    assert open_site.strike.releases == 1
    assert open_site.journal("command_result")[0]["detail"]["source"] == "local"


def test_the_mode_can_be_changed_without_a_clock_and_a_cloud(open_site: Site) -> None:
    assert ask(open_site, "mode", mode="lockdown")["result"]["mode"] == "lockdown"
    open_site.type("493817#")
    assert open_site.reasons() == ["blocked_by_mode"]
    assert ask(open_site, "unlock")["error"]["code"] == "blocked_by_mode"


def test_what_lockctl_may_the_cloud_need_not(open_site: Site) -> None:
    open_site.command("unlock")
    assert open_site.results() == [("unlock", "refused", "forbidden")]


@pytest.mark.parametrize(("kind", "code"), [(7, "bad_argument"), ("reboot", "forbidden")])
def test_a_strange_command_is_refused(open_site: Site, kind: Any, code: str) -> None:
    assert ask(open_site, kind)["error"]["code"] == code


def test_wrong_arguments_are_refused_in_words(open_site: Site) -> None:
    error = ask(open_site, "mode", mode="party")["error"]
    assert (error["code"], "docs/commands.md" in error["message"]) == ("bad_args", True)
