"""What is known of one person, and how it is forgotten: names, person ids, digits of codes that are over.

A person is whoever a code was made for: `person` is the `person_id` of codes, or their `name`. What locks
wrote in their journals holds neither, so it stays as it is, hash chain and all.
"""

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cloud_sim import access_codes, code_sets, offline_codes
from cloud_sim.database import Database

ERASED = "(erased)"
"""Stands in events where a name or digits of the person stood."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was forgotten, and the locks whose wanted set changed by it."""

    access_codes: int
    events: int
    lock_ids: frozenset[str]


def codes_of(database: Database, person: str) -> list[dict[str, Any]]:
    """The codes of a person, those being deleted too, with what their locks report of them."""
    return database.rows(
        f"{access_codes.WITH_REPORT} WHERE person_id = ?1 OR name = ?1 ORDER BY created_ms, access_code_id",
        person,
    )


def events_of(database: Database, access_code_ids: Collection[str]) -> list[dict[str, Any]]:
    """The events of locks about these codes, oldest first at each lock. Alarms of duress stay in their own
    list: whoever exports must not come upon them by the way."""
    rows = database.rows(
        "SELECT event FROM events WHERE json_extract(event, '$.access_code_id') IN"
        " (SELECT value FROM json_each(?)) ORDER BY lock_id, sequence",
        json.dumps(list(access_code_ids)),
    )
    return [json.loads(row["event"]) for row in rows]


def told_of(database: Database, person: str, access_code_ids: Collection[str]) -> list[dict[str, Any]]:
    """What clients of the Seam API were told about these codes, or with this name in it; oldest first."""
    return [json.loads(row["event"]) for row in _told(database, {person}, access_code_ids)]


def journal_rows_of(database: Database, access_code_ids: Collection[str]) -> list[dict[str, Any]]:
    """The rows of locks' journals about these codes, as they were received."""
    rows = database.rows(
        "SELECT lock_id, journal_epoch, row FROM journal_rows WHERE"
        " json_extract(row, '$.detail.access_code_id') IN (SELECT value FROM json_each(?))"
        " ORDER BY lock_id, received_ms, seq",
        json.dumps(list(access_code_ids)),
    )
    return [{**row, "row": json.loads(row["row"])} for row in rows]


def erase(database: Database, person: str, wall: float) -> Erased:
    """Forget a person. Durable when this returns, and then in no byte of the database's files.

    Codes that are not over go on opening doors, nameless: delete them first if they should not."""
    with database.transaction():
        codes = codes_of(database, person)
        offline = offline_codes.of_person(database, person)
        over = {row["access_code_id"] for row in codes if _is_over(row, wall)}
        over |= {row["access_code_id"] for row in offline if row["ends_at"] <= wall}
        lock_ids = _forget_codes(database, codes, over)
        offline_codes.forget_person(database, offline, over)
        of_both = (*codes, *offline)
        words = {person} | {word for row in of_both for word in (row["name"], row["person_id"]) if word}
        ids = {row["access_code_id"] for row in of_both}
        events = _forget_told(database, words, ids, over)
        _forget_news(database, words, ids, over)
    database.scrub()
    return Erased(len(ids), events, lock_ids)


def _is_over(row: Mapping[str, Any], wall: float) -> bool:
    """One made at the door opens until the lock says that it is gone."""
    is_over = row["deleted_ms"] is not None or access_codes.has_ended(dict(row), wall)
    return is_over and not row["is_at_door"]


def _forget_codes(database: Database, codes: Collection[Mapping[str, Any]], over: set[str]) -> frozenset[str]:
    touched = set()
    for row in codes:
        database.run(
            "UPDATE access_codes SET name = NULL, person_id = NULL WHERE access_code_id = ?",
            row["access_code_id"],
        )
        if row["access_code_id"] in over:
            if row["is_in_set"]:
                touched.add(row["lock_id"])
                _drop(database, row)
            database.run(
                "UPDATE access_codes SET code = '', before = NULL WHERE access_code_id = ?",
                row["access_code_id"],
            )
        _forget_key(database, row)
    return frozenset(touched)


def _drop(database: Database, row: Mapping[str, Any]) -> None:
    """It could open no more; without digits it cannot be in a set either."""
    rev = code_sets.head(database, row["lock_id"])[1] + 1
    access_codes.drop(database, {row["access_code_id"]}, rev)
    code_sets.record_revision(database, row["lock_id"], rev, [row["bucket_byte"]])


def _forget_key(database: Database, row: Mapping[str, Any]) -> None:
    """A common key is the client's own word and may be the name; codes that share it go on sharing one."""
    key = row["common_code_key"]
    words = [word.casefold() for word in (row["name"], row["person_id"]) if word]
    if key is not None and any(word in key.casefold() for word in words):
        database.run(
            "UPDATE access_codes SET common_code_key = ? WHERE common_code_key = ?",
            f"erased_{uuid.uuid4()}",
            key,
        )


def _told(database: Database, words: Collection[str], ids: Collection[str]) -> list[dict[str, Any]]:
    quoted = [json.dumps(word, ensure_ascii=False) for word in words]
    return database.rows(
        "SELECT sequence, access_code_id, event FROM seam_events"
        " WHERE access_code_id IN (SELECT value FROM json_each(?1))"
        " OR EXISTS (SELECT 1 FROM json_each(?2) WHERE instr(event, value)) ORDER BY sequence",
        json.dumps(list(ids)),
        json.dumps(quoted),
    )


def _forget_told(database: Database, words: set[str], ids: set[str], over: set[str]) -> int:
    """Also in what waits for webhooks: they are sent what stands here."""
    count = 0
    for row in _told(database, words, ids):
        document = json.loads(row["event"])
        cleared = _cleared(document, words, _hidden(row["access_code_id"], ids, over))
        if cleared != document:
            count += 1
            text = json.dumps(cleared, ensure_ascii=False)
            database.run("UPDATE seam_events SET event = ? WHERE sequence = ?", text, row["sequence"])
    return count


def _forget_news(database: Database, words: set[str], ids: set[str], over: set[str]) -> None:
    """What is told next; our own changes of a moment ago among it."""
    for row in database.rows("SELECT news_id, about, detail FROM news WHERE detail IS NOT NULL"):
        detail = json.loads(row["detail"])
        cleared = _cleared(detail, words, _hidden(row["about"], ids, over))
        if cleared != detail:
            text = json.dumps(cleared, ensure_ascii=False)
            database.run("UPDATE news SET detail = ? WHERE news_id = ?", text, row["news_id"])


def _hidden(access_code_id: str | None, ids: Collection[str], over: Collection[str]) -> frozenset[str]:
    """The properties of a code of which nothing is kept."""
    names = {"name"} if access_code_id in ids else set()
    return frozenset(names | ({"code"} if access_code_id in over else set()))


def _cleared(value: Any, words: Collection[str], hidden: Collection[str], key: str = "") -> Any:
    """A document without what is `hidden`, and without names that are among `words`. `key`: what `value` is
    the value of, also where it stands as `from` or `to` of a property."""
    if isinstance(value, dict):
        about = value.get("property")
        return {
            name: _cleared(each, words, hidden, str(about) if about and name in ("from", "to") else name)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_cleared(each, words, hidden) for each in value]
    is_gone = key in hidden or (key == "name" and value in words)
    return ERASED if is_gone and value is not None else value
