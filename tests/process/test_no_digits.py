"""Digits are in memory and in sealed messages, keys in memory alone; neither is where a thief, a technician,
the owner of the broker or another user looks.

One door lives through everything that digits are typed for, with its log at its most talkative and its
messages written down. Then everything that it left is searched, in every form in which a secret is written.
"""

import base64
import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from seam.seam import Seam

from agent.core.tag_keys import TagKeys
from agent.core.verifier import tag_of
from agent.database import Database
from agent.emergency_code import FILE_NAME, make_emergency_code
from agent.enrolment import load_enrolment
from agent.secrets import Purpose, RootSecret, SecretSource, load_root_secret
from agent.tag_key_rows import TagKeyRows
from firmware_sim.site_processes import Site
from tests.process.doors import AGENT, Door
from tests.process.leaked import forms, leaked
from tests.waiting import wait_for

pytestmark = pytest.mark.process

NUMBER = 950
TYPED = {
    "good": "90817263",
    "used up": "82736459",
    "wrong": "71625348",
    "half typed": "60514237",
    "chief": "51403926",
    "made at the door": "42930158",
    "not repeated": "38291047",
    "removed": "29180736",
    "duress": "18273645",
    "passage": "27364518",
    "offline, wrong": "9182736450",
}
OLC_ROOT, TOTP_SECRET = "5c" * 16 + "a7" * 16, "MZXW6YTBOI2DKNRXHA4TAMJSGM2DKNRX"
OFFLINE_SETUP = {
    "keys": [{"kid": 1, "root": OLC_ROOT, "policy": {"serials": 3}}],
    "technicians": [{"slot": 42, "secret": TOTP_SECRET, "name": "Ana"}],
}
RULES: dict[str, dict[str, Any]] = {
    "good": {},
    "used up": {"is_one_time_use": True},
    "removed": {},
    "chief": {"kind": "programming"},
    "duress": {"kind": "duress"},
    "passage": {"kind": "passage"},
}
VERBS = ("status", "codes", "journal", "facts")


@dataclass(frozen=True)
class Lived:
    """A door that has lived, and what must be nowhere."""

    door: Door
    secrets: Mapping[str, bytes]
    said: Path
    """All messages that its agent sent and got."""
    own_files: frozenset[Path]
    """Where keys are on purpose: the root secret, and those of the readers."""


@pytest.fixture(scope="module")
def lived(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    door = Door(site, NUMBER)
    try:
        yield live(site, door, tmp_path_factory.mktemp("messages") / "said")
    finally:
        door.close()


def live(site: Site, door: Door, said: Path) -> Lived:
    """Everything that digits are typed for."""
    root = load_root_secret(SecretSource(file=door.files.root_secret))
    emergency = make_emergency_code(door.files.state / FILE_NAME, root.derive("emergency"), again=False)
    config = door.files.config
    config.write_text('log_level = "debug"\n' + config.read_text() + "\n[emergency]\nenabled = true\n")
    door.start("tell-messages", str(said))
    site.cloud.put(f"/locks/{door.device_id}/offline_setup", OFFLINE_SETUP)
    backup = backup_code(site, door)
    for name, rules in RULES.items():
        door.new_codes(1, digits=TYPED[name], **rules)
    for name in ("good", "used up", "used up", "duress"):
        door.opens(TYPED[name])
    assert door.opens(backup)
    program(door)
    assert door.opens(TYPED["made at the door"])
    for name in ("passage", "passage", "wrong", "offline, wrong"):
        type_all(door, f"{TYPED[name]}#")
    wait_for(lambda: len(refusals(door)) == 3, what="the last of them to be refused")
    assert door.opens(emergency)
    door.stop()
    rotated = subprocess.run(
        [*AGENT, "rotate-root", "--config", str(config)], capture_output=True, check=True
    )
    assert b"restart the agent" in rotated.stdout
    door.start("tell-messages", str(said))
    type_all(door, TYPED["half typed"])
    digits = {**TYPED, "backup": backup, "emergency": emergency}
    own = frozenset({door.files.root_secret, *door.files.root.glob("*.scbk")})
    written = {name: each.encode() for name, each in digits.items()}
    former = {f"former {name}": each for name, each in derived(root).items()}
    return Lived(door, written | former | keys_of(door, own), said, own)


def refusals(door: Door) -> list[str]:
    return [row["detail"]["reason"] for row in door.rows() if row["kind"] == "access_denied"]


def program(door: Door) -> None:
    """What a programming code is there for, and what it is refused."""
    made, odd, good, gone = (TYPED[each] for each in ("made at the door", "not repeated", "good", "removed"))
    for keys in (f"1{made}#{made}#", f"1{odd}#{TYPED['wrong']}#", f"1{good}#{good}#", f"2{gone}#"):
        type_all(door, f"{TYPED['chief']}#{keys}")


def derived(root: RootSecret) -> dict[str, bytes]:
    purposes: tuple[Purpose, ...] = ("tag", "row", "store", "tls", "emergency")
    return {f"key for {each}": root.derive(each) for each in purposes}


def keys_of(door: Door, own: frozenset[Path]) -> dict[str, bytes]:
    """All that the lock must keep to itself, as bytes."""
    root = load_root_secret(SecretSource(file=door.files.root_secret))
    enrolment = load_enrolment(door.files.state, root)
    return {
        **{path.name: bytes.fromhex(path.read_text().strip()) for path in own},
        **derived(root),
        "identity key": base64.urlsafe_b64decode(enrolment.identity["d"] + "=="),
        "sealing key": base64.urlsafe_b64decode(enrolment.sealing["d"] + "=="),
        "root key of offline codes": bytes.fromhex(OLC_ROOT),
        "secret of a technician": TOTP_SECRET.encode(),
        "secret of a technician, as bytes": base64.b32decode(TOTP_SECRET),
    }


def backup_code(site: Site, door: Door) -> str:
    """A code from the pool, which the lock had before anybody asked for it."""
    api = site.ready_document()["seam_api"]
    seam = Seam(api_key=api["api_key"], endpoint=api["base_url"])
    moments = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + each)) for each in (-60, 3600)]
    code = seam.access_codes.create(
        device_id=door.device_id,
        starts_at=moments[0],
        ends_at=moments[1],
        preferred_code_length=8,
        use_backup_access_code_pool=True,
    )
    wait_for(
        lambda: seam.access_codes.get(access_code_id=code.access_code_id).is_backup_access_code_available,
        20,
        "the pool",
    )
    return str(seam.access_codes.pull_backup_access_code(access_code_id=code.access_code_id).code)


def type_all(door: Door, keys: str) -> None:
    door.type(keys)
    wait_for(lambda: door.see()["keys_waiting"] == 0, what="the keys to be fetched")


def files_below(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_no_secret_is_in_any_file_of_the_lock_or_its_broker(lived: Lived) -> None:
    root = lived.door.files.root
    files = {**files_below(root), **files_below(root.parent / "logs"), **files_below(root.parent / "broker")}
    searched = {path: content for path, content in files.items() if path not in lived.own_files}
    assert {
        path: found for path, content in searched.items() if (found := leaked(lived.secrets, content))
    } == {}
    assert {"lock.db", "lock.db-wal", "agent-950.log"} <= {path.name for path in searched}


def test_no_secret_is_in_any_topic_or_message(lived: Lived) -> None:
    content = lived.said.read_bytes()
    assert leaked(lived.secrets, content) == []
    for stream in ("down/bucket", "down/offline", "up/events", "up/request", "down/desired"):
        assert f"{lived.door.device_id}/{stream}".encode() in content, stream


def test_no_secret_is_in_what_the_agent_answers(lived: Lived) -> None:
    answers = {verb: json.dumps(lived.door.ask(verb)).encode() for verb in VERBS}
    assert {verb: found for verb, answer in answers.items() if (found := leaked(lived.secrets, answer))} == {}


def test_no_secret_is_in_the_process_list_or_the_environment_of_the_agent(lived: Lived) -> None:
    assert lived.door.agent is not None
    seen = b""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            seen += (process / "cmdline").read_bytes()
    with suppress(PermissionError):  # which is what forbidding dumps does where the agent is not of root
        seen += Path(f"/proc/{lived.door.agent.pid}/environ").read_bytes()
    assert (b"lock-agent.toml" in seen, leaked(lived.secrets, seen)) == (True, [])


def test_the_agent_leaves_no_core_dump(lived: Lived) -> None:
    assert lived.door.agent is not None
    limits = Path(f"/proc/{lived.door.agent.pid}/limits").read_text().splitlines()
    (core,) = [line.split()[-3:-1] for line in limits if line.startswith("Max core file size")]
    assert core == ["0", "0"]


def test_no_secret_is_in_the_events_of_the_cloud(lived: Lived) -> None:
    wait_for(lambda: any(event.get("reason") == "unknown_code" for event in lived.door.events()))
    assert leaked(lived.secrets, json.dumps(lived.door.events()).encode()) == []


def test_a_stolen_card_confirms_no_guess_at_digits(lived: Lived, tmp_path: Path) -> None:
    """The thief knows how tags are made and has every byte but the root secret, and the one of before."""
    for file in lived.door.files.state.glob("lock.db*"):
        shutil.copy(file, tmp_path)
    with closing(sqlite3.connect(tmp_path / "lock.db")) as db:
        tags = {tag for (tag,) in db.execute("SELECT tag FROM access_code WHERE tag NOT NULL")}
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        cells = {cell for table in tables for row in db.execute(f"SELECT * FROM {table}") for cell in row}
    keys = {bytes(32), lived.door.device_id.encode(), lived.secrets["former key for tag"]}
    for cell in cells:
        text = cell if isinstance(cell, bytes) else str(cell).encode()
        keys |= {text, text[:16], text[:32], text[-32:]}
    for path, content in files_below(lived.door.files.state).items():
        step = 64 if path.name.startswith("lock.db") else 1
        keys |= {content[start : start + 32] for start in range(0, len(content), step)}
    assert tags.isdisjoint({tag_of(key, TYPED["good"]) for key in keys if key})
    assert tags_made_by(lived, tmp_path / "lock.db").tag_of(TYPED["good"]) in tags, (
        "with the root secret it would"
    )


def tags_made_by(lived: Lived, database: Path) -> TagKeys:
    opened = Database(database, lived.secrets["key for row"])
    keys = TagKeyRows(opened, lived.secrets["key for store"]).with_newest(lived.secrets["key for tag"])
    opened.close()
    return keys


def test_the_search_would_find_what_it_looks_for() -> None:
    for form in forms(b"90817263"):
        assert leaked({"it": b"90817263"}, b"some text, " + form + b"; more") == ["it"]
    for before in ("", "a", "ab", "abc"):
        text = base64.b64encode(f"{before}90817263 and so on".encode())
        assert leaked({"it": b"90817263"}, text) == ["it"]
