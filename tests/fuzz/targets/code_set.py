"""Code sets: what a genuine set says, and nothing else, is what opens; a bad row costs itself alone."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from agent.core import code_set
from agent.core.decision import Granted, Outcome, decide, outcome_of
from agent.core.verifier import tag_of
from agent.envelope import Opener, Signer, kid_of
from agent.messages import MESSAGE_LIMIT_BYTES, topic
from agent.uplink.inbound import Arrival, Inbound
from firmware_sim.enrolled import DEVICE_ID, ROOT
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON
from tests.fuzz.doors import Doors
from tests.fuzz.keys import CLOUD_SIGNING, LOCK_SEALING, public
from tests.fuzz.plain_rules import DEEPEST, OPENING, Row, depth, is_code, permits
from tests.fuzz.target import Check, Target

AROUND_ROWS = 2
"""The claims and the body of their message."""
ANNA, BEN = (
    code_row(f"{n}" * 8 + "-0000-4000-8000-000000000000", code) for n, code in ((1, "493817"), (2, "602934"))
)
"""Anna is in every set that is tried, Ben was in the one before."""
OPENER = Opener(DEVICE_ID, {kid_of(CLOUD_SIGNING): public(CLOUD_SIGNING)}, LOCK_SEALING)


def deliver(site: Site, rows: Sequence[Any], rev: int) -> None:
    """A set of these rows, signed and sealed, whole and in one bucket, as if all were right."""
    canonical = [_canonical(row) for row in rows]
    digests = [code_set.bucket_digest(canonical)]
    root = code_set.root(DEVICE_ID, 1, rev, digests)
    _say(site, "desired", {"count": len(rows), "buckets": code_set.pack_digests(digests), "root": root}, rev)
    with suppress(ValueError, RecursionError):  # what nobody could write down
        written = msgspec.Raw(json.dumps(rows).encode())
        _say(site, "bucket", {"index": 0, "part": 0, "parts": 1, "rows": written}, rev)


def _canonical(row: Row) -> str:
    """What would match if it could be counted; where it cannot be, nothing does."""
    try:
        return code_set.canonical(row).encode(errors="replace").decode()
    except RecursionError:
        return ""


def _say(site: Site, stream: str, body: dict[str, Any], rev: int) -> None:
    signer, claims = Signer(DEVICE_ID, CLOUD_SIGNING), {"iat": NOON, "set_epoch": 1, "rev": rev}
    raw = (
        signer.seal(stream, body, LOCK_SEALING, **claims)
        if stream == "bucket"
        else signer.sign(stream, body, **claims)
    )
    if len(raw) <= MESSAGE_LIMIT_BYTES:
        arrival = Arrival(topic(DEVICE_ID, "down", stream), raw, False, site.clock.now_s)
        site.say(Inbound(OPENER).read(arrival, 1, NOON))


def judged(site: Site, digits: str) -> Outcome:
    """What the table says of digits, without costing a guess."""
    table, clock = site.controller.codes.holding.table, site.controller.clock.reading(site.clock.now_s)
    return outcome_of(table, *decide(table, tag_of(ROOT.derive("tag"), digits), clock))


def check(directory: Path, judge: Callable[[Site, str], Outcome] = judged) -> Check:
    """`judge`: what is to be tried."""
    doors = Doors(directory, prepare=lambda site: deliver(site, [BEN], 1))

    def one(data: bytes) -> None:
        rows = _rows(data)
        if rows is None:
            return
        with doors.door() as site:
            deliver(site, rows, 2)
            is_applied = site.controller.codes.revision.applied_rev == 2
            assert is_applied or not _is_clean(rows), "a bad row cost the others"
            _compare(site, rows if is_applied else [BEN], rows, judge)
            assert site.strike.releases == 0, "a set of codes opened the door"
            _type_one(site, rows)
            assert _is_elsewhere(rows) or ANNA["code"] not in doors.told(site), "digits in log or journal"
            assert not site.controller.recorder.is_failing

    return one


def _is_elsewhere(rows: Sequence[Row]) -> bool:
    """Whether Anna's digits stand where no digits belong."""
    try:
        return ANNA["code"] in json.dumps([{**row, "code": ""} for row in rows])
    except (ValueError, RecursionError):
        return True


def _rows(data: bytes) -> list[Any] | None:
    """Those of the input, and Anna's."""
    try:
        rows = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    return [*rows, ANNA]


def _is_clean(rows: Sequence[Row]) -> bool:
    """Whether each row can be told from the others and counted, whatever else is wrong with it."""
    ids = [row.get("access_code_id") for row in rows]
    try:
        text = json.dumps(rows)
    except (ValueError, RecursionError):
        return False
    is_flat = depth(rows) + AROUND_ROWS <= DEEPEST
    is_counted = (
        is_flat
        and "\\ud" not in text
        and not any(isinstance(value, float) or _is_huge(value) for value in _values(rows))
    )
    return (
        all(isinstance(each, str) for each in ids)
        and len(set(ids)) == len(ids)
        and is_counted
        and len(text) < 12_000
    )


def _is_huge(value: Any) -> bool:
    return type(value) is int and abs(value) > 2**53


def _values(value: Any) -> Iterator[Any]:
    """Everything in it, however deep."""
    left = [value]
    while left:
        one = left.pop()
        yield one
        left += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()


def _compare(
    site: Site, valid: Sequence[Row], tried: Sequence[Row], judge: Callable[[Site, str], Outcome]
) -> None:
    wall_s = int(site.controller.clock.reading(site.clock.now_s).wall_s)
    for digits in {row["code"] for row in (*valid, *tried, BEN) if is_code(row.get("code"))}:
        outcome = judge(site, digits)
        may = [row for row in valid if row.get("code") == digits and permits(row, wall_s)]
        if isinstance(outcome, Granted):
            assert outcome.code.access_code_id in [row["access_code_id"] for row in may], (
                "opened without a rule"
            )
        elif may:
            others = [row for row in valid if row.get("code") == digits and row not in may]
            assert others, "a sound row does not open"


def _type_one(site: Site, rows: Sequence[Row]) -> None:
    """What the table says is what the strike does."""
    digits = next((row["code"] for row in rows if is_code(row.get("code"))), ANNA["code"])
    outcome = judged(site, digits)
    opens = isinstance(outcome, Granted) and outcome.code.kind.value in OPENING
    site.type(f"{digits}#")
    assert site.strike.releases == opens


def seeds() -> list[bytes]:
    """Codes with each rule."""
    weekly = [
        {"days": [1, 2, 3], "from": "08:00", "to": "18:30"},
        {"days": [7], "from": "22:00", "to": "06:00"},
    ]
    holidays = [{"date": "2026-09-21", "rule": "deny"}, {"date": "2026-09-22", "rule": {"as_day": 7}}]
    rules: list[dict[str, Any]] = [
        {"starts_at": NOON - 60, "ends_at": NOON + 60},
        {"starts_at": NOON + 60},
        {"ends_at": NOON},
        {"max_uses": 1, "name": "Carla"},
        {"weekly": weekly, "zone": "Europe/Berlin"},
        {"weekly": weekly, "zone": "Europe/Berlin", "holidays": holidays},
        {"holidays": holidays[1:], "zone": "America/New_York"},
        {"enabled": False},
        {"first_use_within_s": 3600, "starts_at": NOON - 1800, "expires_after_first_use_s": 600},
        {"works_without_clock": True, "extended_release": True, "is_external_modification_allowed": True},
        *({"kind": kind} for kind in ("duress", "non_access", "remote_only", "passage", "programming")),
    ]
    rows = [
        code_row(f"{place:08x}-0000-4000-8000-000000000000", f"{730_411 + place}", **each)
        for place, each in enumerate(rules)
    ]
    return [*(json.dumps([row]).encode() for row in rows), json.dumps(rows).encode(), b"[]"]


TARGET = Target(
    name="code_set",
    rules="what a genuine set permits opens, and nothing else; a bad row costs itself alone",
    check=check,
    seeds=seeds,
    quick=30,
)
