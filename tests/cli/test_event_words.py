"""Each kind of journal row is told in words, and in one line of a terminal."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.cli.event_words import SAYINGS, event_line
from agent.cli.words import Style
from agent.journal import GAP
from tests.cli.conftest import CODE_ID, row

AGENT = Path(__file__).parents[2] / "agent"
WRITERS = {"Event", "Note", "record_often"}
"""What makes a row; its kind is the first argument."""
TABLES = {"_KINDS"}


def kinds_written() -> set[str]:
    """Every kind of row that a file of the agent names."""
    trees = [ast.parse(path.read_text()) for path in AGENT.rglob("*.py")]
    return {kind for tree in trees for node in ast.walk(tree) for kind in _kinds_of(node)}


def _kinds_of(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(name) | ast.Attribute(attr=name), args=[kind, *_]) if name in WRITERS:
            yield from _texts(kind)
        case ast.Assign(targets=[ast.Name("kind")], value=ast.IfExp() as kind):
            yield from _texts(kind)
        case ast.Assign(targets=[ast.Name(name)], value=ast.Dict(values=values)) if name in TABLES:
            for value in values:
                yield from _texts(value)


def _texts(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may come to; the condition of `a if b else c` is none of them."""
    match node:
        case ast.Constant(str(text)):
            yield text
        case ast.IfExp(body=first, orelse=second):
            yield from (*_texts(first), *_texts(second))
        case ast.Tuple(elts=parts):
            for part in parts:
                yield from _texts(part)


def test_every_kind_of_row_that_the_agent_writes_has_words_and_no_other() -> None:
    assert kinds_written() | {GAP} == set(SAYINGS)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (row(1, "boot", version="0.1.0"), "boot: agent 0.1.0 started"),
        (row(1, "door_forced"), "door forced"),
        (row(1, "relocked", why="closed"), "relocked, the door closed"),
        (row(1, "tamper", unit="outside", is_tampered=True), "tamper: the case of outside is open"),
        (row(1, "link_lost", unit="inside", reason="no answer"), "link lost: inside, no answer"),
        (
            row(1, "access_denied", reason="used_up", access_code_id=CODE_ID),
            "access denied: used up, code 0b6e1c1e",
        ),
        (
            row(1, "access_denied", stream="outside", reason="throttled", count=12),
            "access denied: throttled, 12 times",
        ),
        (
            row(1, "access_granted", access_code_id=CODE_ID, keypad="inner", direction="out"),
            "access granted, code 0b6e1c1e, going out",
        ),
        (row(1, "code_state", access_code_id=CODE_ID, gen=1, state="set", errors=[]), "code 0b6e1c1e set"),
        (
            row(1, "code_state", access_code_id=CODE_ID, gen=1, state="failed", errors=["code_weak"]),
            "code 0b6e1c1e failed: code weak",
        ),
        (
            row(1, "code_set_applied", rev=2, root="0f" * 32, set_epoch=1),
            "code set applied: revision 2 of set 1, root 0f0f0f0f",
        ),
        (row(1, "mode", mode="passage", why="schedule"), "mode passage, by schedule"),
        (row(1, "mode", mode="lockdown", why="kept"), "mode lockdown, kept over a boundary of the schedule"),
        (
            row(1, "settings", changed=["release_s"], digest="ab" * 8),
            "settings of the cloud: release s; digest abababab",
        ),
        (row(1, "fire_alarm", is_on=True, releases=True), "fire alarm, the door is free"),
        (row(1, "fire_alarm", is_on=False, releases=True), "fire alarm over"),
        (
            row(1, "unit_fault", unit="outside", what="stuck key", is_faulty=False),
            "unit fault over: outside, stuck key",
        ),
        (
            row(1, "reader_setup", unit="outside", action="comset", result="failed", reason="no answer"),
            "reader outside: comset failed: no answer",
        ),
        (row(1, "fault", what="code_set_drifted", buckets=[3, 5]), "fault: code set drifted, buckets 3, 5"),
        (
            row(1, "stale", silent_s=259_200, refuses_codes=True),
            "stale: nothing fresh was heard of the cloud for 3 d; no code opens",
        ),
        (
            row(1, "gap", **{"from": 1, "to": 512, "counts": {"door_opened": 300, "rex": 212}}),
            "gap: rows 1 to 512 are gone: 300 door opened, 212 rex",
        ),
    ],
)
def test_a_row_is_told_in_words(event: dict[str, Any], words: str) -> None:
    assert event_line(event).text.endswith(f"Z  {words}")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (row(1, "something_new", size=3, is_on=True), "something new: size 3, is on yes"),
        (row(1, "stale", hours=72), "stale: hours 72"),
    ],
)
def test_a_row_of_another_version_of_the_agent_is_told_as_it_is(event: dict[str, Any], words: str) -> None:
    assert event_line(event).text.endswith(f"Z  {words}")


@pytest.mark.parametrize(
    ("event", "style"),
    [
        (row(1, "tamper", unit="outside", is_tampered=True), "bad"),
        (row(1, "tamper", unit="outside", is_tampered=False), "plain"),
        (row(1, "access_granted", technician=42), "good"),
    ],
)
def test_only_what_is_wrong_is_shown_as_wrong(event: dict[str, Any], style: Style) -> None:
    assert event_line(event).style == style
