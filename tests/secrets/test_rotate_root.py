"""`lock-agent rotate-root`, where the root secret is a systemd credential: it says what root has to do."""

import argparse
from importlib import resources
from pathlib import Path

import pytest

from agent.cli.rotate_root import rotate_root

COMMISSION = (Path(__file__).parents[2] / "docs" / "commission.md").read_text()


def said(tmp_path: Path, capsys: pytest.CaptureFixture[str], *, finish: bool) -> list[str]:
    """The lines of what it says."""
    text = resources.files("agent").joinpath("example.toml").read_text()
    config = tmp_path / "lock-agent.toml"
    config.write_text(text.replace("root_secret_file =", "# ").replace("# root_secret_c", "root_secret_c"))
    assert rotate_root(argparse.Namespace(config=config, finish=finish)) == 0
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("finish", [False, True])
def test_it_says_what_the_page_says(tmp_path: Path, capsys: pytest.CaptureFixture[str], finish: bool) -> None:
    commands = [line for line in said(tmp_path, capsys, finish=finish) if "systemd-creds encrypt" in line]
    assert commands
    page = COMMISSION.replace("/etc/lock-agent/", "")
    assert all(command.replace("/etc/lock-agent/", "") in page for command in commands)


def test_the_line_for_the_unit_is_that_of_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = [line for line in said(tmp_path, capsys, finish=False) if line.startswith("LoadCredential")]
    assert f"\n{line}\n" in COMMISSION
