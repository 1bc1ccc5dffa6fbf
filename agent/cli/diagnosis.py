"""The report of `lockctl doctor`: whether an agent answers, then every check on what it knows of itself."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent import __version__
from agent.cli.client import AgentRefused, AgentUnreachable, Client
from agent.cli.words import Line, Style
from agent.doctor import CHECKS, END, Finding, check_name, examine

LEVEL_STYLES: dict[str, Style] = {"ok": "good", "warn": "plain", "fail": "bad"}
WIDTH = 80


@dataclass(frozen=True, slots=True)
class Report:
    """What was found; `unchecked` names the checks that had no agent to ask."""

    findings: list[Finding]
    unchecked: list[str]
    is_reachable: bool


def diagnose(path: Path, config: Path | None) -> Report:
    """Ask the agent at `path` and look at `config`, if given. Faults of either become findings."""
    findings = [] if config is None else [_config_finding(config)]
    try:
        with Client(path) as client:
            facts = client.ask("facts")
    except AgentUnreachable as error:
        findings.append(Finding("agent", "fail", "no answer", str(error)))
        return Report(findings, [check_name(check) for check in CHECKS], is_reachable=False)
    except AgentRefused as error:
        findings.append(Finding("agent", "fail", f"it will not tell: {error}", "restart it"))
        return Report(findings, [check_name(check) for check in CHECKS], is_reachable=True)
    findings.append(_agent_finding(path, str(facts.get("agent_version"))))
    return Report(findings + examine(facts), [], is_reachable=True)


def _agent_finding(path: Path, running: str) -> Finding:
    if running == __version__:
        return Finding("agent", "ok", f"version {running} answers at {path}")
    text = f"version {running} runs at {path}, {__version__} is installed"
    return Finding(
        "agent", "warn", text, "restart it: `systemctl restart lock-agent`; the door locks meanwhile"
    )


def _config_finding(path: Path) -> Finding:
    from agent.config import load_config  # only here: the other verbs start faster without
    from agent.errors import ConfigFault

    try:
        load_config(path)
    except ConfigFault as error:
        return Finding("configuration", "fail", str(error), f"edit {path}")
    return Finding("configuration", "ok", f"{path} is valid")


def finding_lines(report: Report) -> Iterator[Line]:
    """The report for people, ended by a line that a truncated one lacks."""
    for finding in report.findings:
        head = f"{finding.level:<6}{finding.name:<16}"
        yield from _wrapped(finding.text, head, LEVEL_STYLES[finding.level])
        if finding.mend:
            yield from _wrapped(f"-> {finding.mend}", " " * len(head))
    if report.unchecked:
        yield from _wrapped(f"Not checked without an agent: {', '.join(report.unchecked)}.", "")
    yield Line(END, "dim")


def _wrapped(text: str, head: str, style: Style = "plain") -> Iterator[Line]:
    lines = textwrap.wrap(text, WIDTH - len(head), break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(lines):
        yield Line((head if number == 0 else " " * len(head)) + line, style)
