"""A real control socket that answers lockctl with the facts of one healthy lock."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent import __version__
from agent.cli.lockctl import main
from agent.control import Asked, ControlSocket

CODE_ID = "0b6e1c1e-58f5-4b5c-8d5e-9a7f2f1f7a10"

STATUS: dict[str, Any] = {
    "device_id": "6f0c3a52-8a3f-4f3e-9a51-7f1f0c8a2b11",
    "agent_version": __version__,
    "set_epoch": 1,
    "applied_rev": 7,
    "offline_rev": 0,
    "keys_rev": 0,
    "cloud_kid": "C",
    "uptime_s": 11523.4,
    "clock": {
        "trust": "trusted",
        "wall_s": 1763824563.2,
        "bound_s": 1.2,
        "floor_s": 1763824000,
        "rtc_fault": "",
    },
    "strike": "locked",
    "door": "closed",
    "mode": "normal",
    "mode_by": "",
    "mode_until_s": None,
    "release_s": 5.0,
    "settings": "",
    "alarms": [],
    "links": {"outside": True, "inside": True},
    "uplink": {"connected": True, "since_s": 130.0, "reason": "", "silent_s": 130.0, "is_stale": False},
    "code_set": {
        "set_epoch": 1,
        "applied_rev": 7,
        "head_rev": 7,
        "count": 12,
        "syncing": False,
        "withheld_rev": None,
    },
    "throttle": {"short": {"tokens": 5.0, "failures": 0}, "long": {"tokens": 5.0, "failures": 0}},
    "journal": {"epoch": "00112233aabbccdd", "last_seq": 3, "acked_seq": 3},
}

RISK = {
    "chance_per_guess": 1e-6,
    "refill_s": 3155.8,
    "yearly_chance": 0.0099,
    "is_bound_met": True,
    "allowed_per_year": 0.01,
}

FACTS: dict[str, Any] = {
    "keys": {
        "rev": 0,
        "identity": "I",
        "sealing": "S",
        "cloud_signing": "C",
        "cloud_retiring": {},
        "certificate_ends_s": 1763824563.2 + 3650 * 86400,
        "is_renewing": False,
    },
    "constraints": {"digits": "0123456789"},
    **STATUS,
    "secrets_source": "systemd credential root-secret, sealed by the TPM2 of this machine",
    "secrets_off_disk": True,
    "root_secret_stage": "none",
    "sqlite": {"version": "3.40.1", "quick_check": "ok"},
    "changed_codes": 0,
    "set_aside": [],
    "emergency_code": "off",
    "disk_free_bytes": 4 * 2**30,
    "throttle_risk": {"short": RISK, "long": RISK},
    "length_that_meets": 6,
    "long_chance_until_off": 0.001,
    "is_offline_off": False,
    "config_path": "/etc/lock-agent/lock-agent.toml",
    "drivers": ["osdp-keypad", "osdp-strike"],
    "readers": {"key_refused": {}, "next_key": []},
}

CODES = [
    {
        "access_code_id": CODE_ID,
        "gen": 1,
        "kind": "standard",
        "starts_at": 1763824000,
        "ends_at": 1763910400,
        "max_uses": 1,
        "uses": 0,
        "state": "set",
        "errors": [],
        "reason_now": None,
    }
]


def row(seq: int, kind: str, **detail: Any) -> dict[str, Any]:
    """A journal row as the wire has it."""
    moment = {"boot": 1, "boottime_ms": 1000 * seq, "wall_ms": 1763824563120 + seq, "clock": "trusted"}
    return {"seq": seq, **moment, "kind": kind, "detail": detail, "hash": "00" * 32}


ROWS = [
    row(1, "boot", version="0.1.0"),
    row(2, "access_granted", access_code_id=CODE_ID, gen=1, keypad="outside"),
    row(3, "access_denied", reason="unknown_code", keypad="outside"),
]


class OneLock:
    """Answers the verbs as the controller does; `facts` can be made unhealthy."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: dict[str, Any] = dict(FACTS)
        self.watchers: list[Asked] = []
        self.commands: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.inbox: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self.control = ControlSocket(path, None, self.inbox.put)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while (asked := self.inbox.get()) is not None:
            self._handle(asked)

    def _handle(self, asked: Asked) -> None:
        match asked.verb:
            case "status" | "codes":
                asked.answer({"status": STATUS, "codes": {"codes": CODES}}[asked.verb])
            case "journal":
                rows = [one for one in ROWS if one["seq"] > asked.args.get("after", 0)]
                asked.answer({"rows": rows[-asked.args["limit"] :]})
            case "facts" if self.facts:
                asked.answer(self.facts)
            case "watch":
                asked.answer(STATUS)
                self.watchers.append(asked)
            case "reader_install" | "reader_rekey" | "reader_comset":
                self._reader(asked)
            case "command" if asked.args["type"] != "unlock":
                self.commands.append(dict(asked.args))
                asked.answer({"id": "one", "result": "done", "mode": "lockdown"})
            case "command":
                asked.answer.refuse("forbidden", "name it in [commands] local = [...]")
            case "code_add" | "code_remove":
                self.asked.append((asked.verb, dict(asked.args)))
                asked.answer({"access_code_id": asked.args.get("access_code_id", "new-one")})
            case "clock_set":
                self.asked.append((asked.verb, dict(asked.args)))
                asked.answer(asked.args)
            case _:
                asked.answer.refuse("unknown_verb", f"there is no verb {asked.verb!r}")

    def _reader(self, asked: Asked) -> None:
        if asked.args["reader"] != "outside":
            asked.answer.refuse("unknown_reader", "there is no reader 'garage'; there are: outside")
            return
        self.asked.append((asked.verb, dict(asked.args)))
        asked.answer({"reader": "outside", "action": asked.verb.removeprefix("reader_"), "result": "done"})

    def happens(self, event: dict[str, Any]) -> None:
        """One event to everybody who watches."""
        for asked in self.watchers:
            asked.answer(event)

    def lockctl(self, *args: str) -> Result:
        """Run lockctl against this lock."""
        return CliRunner().invoke(main, ["--socket", str(self.path), *args])


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[OneLock]:
    one = OneLock(tmp_path / "control.sock")
    one.control.start()
    one.thread.start()
    yield one
    one.control.stop()
    one.inbox.put(None)
    one.thread.join(5)
