"""Names of keys for offline codes in a database that was made before they were remembered."""

import json
import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest

from agent.offline_setup import SetupFault
from cloud_sim import offline_kids, offline_setups
from cloud_sim.database import open_database

ROOT, LOCK = "5a" * 32, "0f5b2d0e-6f5c-4d7e-9a35-1c1b7f6f2a10"
BEFORE = 18
"""The last version of the schema without these names."""


def test_the_names_of_an_older_database_are_known_after_an_update(tmp_path: Path) -> None:
    steps = sorted(step.name for step in files("cloud_sim").joinpath("schema").iterdir())[:BEFORE]
    old = sqlite3.connect(tmp_path / "cloud.db")
    for step in steps:
        old.executescript(files("cloud_sim").joinpath("schema", step).read_text())
    old.execute(
        "INSERT INTO locks (lock_id, name, created_ms, head_rev) VALUES (?, 'Front door', 0, 0)", (LOCK,)
    )
    keys = [{"kid": 2, "root": ROOT}, {"kid": 2, "issuer": 7, "root": ROOT}]
    old.execute(
        "INSERT INTO offline_setups (lock_id, rev, journal_epoch, setup, keys_rev, journal_rev)"
        " VALUES (?, 9, 'e', ?, 4, 1)",
        (LOCK, json.dumps({"keys": keys})),
    )
    old.execute(
        "INSERT INTO offline_codes (access_code_id, lock_id, code, kid, issuer, slot, q, starts_at, ends_at,"
        " first_use_by, is_one_time_use, setup_rev, created_ms)"
        " VALUES ('a', ?, '1', 1, 0, 1, 1, 1, 2, 2, 0, 1, 0)",
        (LOCK,),
    )
    old.execute(f"PRAGMA user_version = {BEFORE}")
    old.commit()
    old.close()
    database = open_database(tmp_path / "cloud.db")
    setup = offline_setups.kept(database, LOCK)
    assert setup is not None
    own, phone = setup.decoded(LOCK).keys
    assert [offline_kids.since_rev(database, LOCK, key) for key in (own, phone)] == [4, 4]
    assert offline_kids.used(database, LOCK) == {1, 2}
    with pytest.raises(SetupFault, match="kid 1 of issuer 0 was taken from this lock"):
        offline_setups.replace(database, LOCK, {"keys": [{"kid": 1, "root": ROOT}]})
    database.close()
