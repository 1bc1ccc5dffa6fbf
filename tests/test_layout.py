"""Imports point one way, names say what they mean, and nothing is left unfinished."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("agent", "hal", "firmware_sim", "cloud_sim")

# Values and pure functions only. A new name here is a decision: the core has no I/O, clock, thread or chance.
CORE_MAY_IMPORT = {
    "array",
    "base64",
    "bisect",
    "collections",
    "collections.abc",
    "cryptography.hazmat.primitives.ciphers",
    "cryptography.hazmat.primitives.hashes",
    "cryptography.hazmat.primitives.kdf.hkdf",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "itertools",
    "json",
    "math",
    "operator",
    "typing",
}
# The last two are absent there and imported with a fallback.
MICROPYTHON_HAS = {"struct", "json", "os", "utime", "machine", "cryptolib", "collections.abc", "typing"}
FIRMWARE = [
    *(ROOT / "firmware_sim/controller").glob("*.py"),
    *(ROOT / "hal/osdp" / name for name in ("codec.py", "records.py", "secure.py", "__init__.py")),
    ROOT / "hal/__init__.py",
    ROOT / "hal/scan.py",
    ROOT / "firmware_sim/__init__.py",
]
WHERE_PINS_ARE_PINS = (
    "hal/gpio/",
    "firmware_sim/controller/",
    "firmware_sim/nets.py",
    "firmware_sim/wired_pins.py",
)
# The one thing besides hardware that is pinned here: a key that is to be believed from now on.
PINS_KEYS = ("cloud_sim/enrolments.py", "pin")


def imports(path: Path) -> Iterator[str]:
    """What a file imports, wherever in it; modules of ours by their full name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write imports out in full"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield (
                    name if (ROOT / name.replace(".", "/")).with_suffix(".py").exists() else str(node.module)
                )


def identifiers(path: Path) -> Iterator[str]:
    """Every name that a file binds or reads."""
    for node in ast.walk(ast.parse(path.read_text())):
        for field in ("id", "name", "arg", "attr", "asname"):
            if isinstance(name := getattr(node, field, None), str):
                yield name


def sources(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def is_of(name: str, packages: tuple[str, ...]) -> bool:
    return name.split(".")[0] in packages


def test_the_core_imports_values_and_itself_only() -> None:
    used = {name for path in sources("agent/core") for name in imports(path)}
    foreign = {name for name in used if name != "agent.core" and not name.startswith("agent.core.")}
    assert foreign <= CORE_MAY_IMPORT


def test_the_core_asks_no_clock() -> None:
    calls = [
        (path.name, node.func.attr)
        for path in sources("agent/core")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    assert [call for call in calls if call[1] in ("now", "utcnow", "today")] == []


@pytest.mark.parametrize(
    ("package", "above"),
    [("hal", ("agent", "firmware_sim", "cloud_sim")), ("agent", ("firmware_sim", "cloud_sim"))],
)
def test_no_import_points_upwards(package: str, above: tuple[str, ...]) -> None:
    wrong = [(path.name, name) for path in sources(package) for name in imports(path) if is_of(name, above)]
    assert wrong == []


def test_the_firmware_imports_what_micropython_has_and_what_it_takes_along() -> None:
    taken_along = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FIRMWARE}
    used = {(path.name, name) for path in FIRMWARE for name in imports(path)}
    assert {one for one in used if one[1] not in MICROPYTHON_HAS | taken_along} == set()


def test_what_micropython_lacks_is_imported_with_a_fallback() -> None:
    for path in FIRMWARE:
        unguarded = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ImportFrom)]
        assert {"collections.abc", "typing"}.isdisjoint(str(node.module) for node in unguarded), path


def test_what_people_type_is_called_a_code() -> None:
    word = re.compile(r"(?:^|_)pins?(?:_|$)|(?:^|[a-z])Pins?(?:[A-Z]|$)|pincode|pin_code", re.ASCII)
    found = [
        (str(path.relative_to(ROOT)), name.strip("_"))
        for path in sources(*OURS)
        if not str(path.relative_to(ROOT)).startswith(WHERE_PINS_ARE_PINS)
        for name in identifiers(path)
        if word.search(name)
    ]
    assert set(found) <= {PINS_KEYS}


def test_nothing_is_left_unfinished() -> None:
    marks = re.compile("|".join(("NotImplemented" + "Error", "TO" + "DO", "FIX" + "ME")))
    everything = sources(*OURS, "tests", "benchmarks")
    assert [path for path in everything if marks.search(path.read_text())] == []
