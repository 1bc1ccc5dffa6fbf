"""The firmware and what it shares with the agent stay fit for MicroPython."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "hal/osdp" / f"{name}.py" for name in ("codec", "secure", "records")]
FILES += sorted((ROOT / "firmware_sim/controller").glob("*.py"))
MODULES = {"struct", "collections.abc", "hal.osdp", "firmware_sim.controller.lights"}
MODULES |= {"firmware_sim.controller.outputs"}


def imports(tree: ast.AST) -> set[str]:
    """The modules a file imports."""
    found = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    return found | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_imported_that_a_microcontroller_lacks(path: Path) -> None:
    assert imports(ast.parse(path.read_text())) <= MODULES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_syntax_is_used_that_micropython_does_not_know(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    assert not [node for node in nodes if isinstance(node, ast.Match | ast.TryStar)]
    assert not [node for node in nodes if isinstance(node, ast.arguments) and node.posonlyargs]
    assert not [node for node in nodes if isinstance(node, ast.ClassDef) and node.decorator_list]
