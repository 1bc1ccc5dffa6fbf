"""A lock and its cloud while its keys are renewed, without a broker, and what either says."""

import json
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.jwk import OKPKey

from agent import jose
from agent.enrol import NewKeys, make_csr, new_keys
from agent.enrol_exchange import public_jwk
from agent.envelope import Message, Opener, Signer, kid_of
from agent.messages import CommandBody, RenewedKeys, Request, Status, topic
from agent.renewal_exchange import PROPOSAL_TYP, Proposal
from cloud_sim import (
    answers,
    device_keys,
    key_renewals,
    locks,
    wanted_renewals,
)
from cloud_sim.authority import Authority
from cloud_sim.database import Database, open_database
from cloud_sim.downlink import Downlink
from cloud_sim.fleet import Fleet

WALL = time.time()
KINDS = ("identity", "sealing", "tls")


@dataclass
class Renewing:
    """One enrolled lock and its cloud, without a broker: what was published, newest last."""

    path: Path
    authority: Authority
    keys: NewKeys = field(default_factory=new_keys)
    new: NewKeys = field(default_factory=new_keys)
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    wall: float = WALL
    numbers: int = 0
    database: Database = field(init=False)
    fleet: Fleet = field(init=False)
    lock_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.database = open_database(self.path)
        with self.database.transaction():
            self.lock_id = locks.add_lock(self.database, "Front door", 0.0)
        self.enrol(self.lock_id, self.keys)
        self._serve()

    def enrol(self, lock_id: str, keys: NewKeys) -> None:
        certificate = self.authority.certify(make_csr(keys.tls, lock_id), lock_id)
        jwks = [json.dumps(public_jwk(key)) for key in (keys.identity, keys.sealing)]
        self.database.run("INSERT INTO device_keys VALUES (?, ?, ?, ?, 0)", lock_id, *jwks, certificate)

    def _serve(self) -> None:
        downlink = Downlink(
            self.database, self.authority.keyring, self._publish, lambda: self.wall, lambda *_: None
        )
        self.fleet = Fleet(self.database, downlink, lambda: self.wall, self.authority.certify)
        self.fleet.connected()

    def restart(self) -> None:
        """The cloud dies and comes back."""
        self.database.close()
        self.sent.clear()
        self.database = open_database(self.path)
        self._serve()

    def _publish(self, topic: str, payload: bytes, *, retain: bool, expiry_s: int | None = None) -> int:
        del retain, expiry_s
        self.sent.append((topic, payload))
        return len(self.sent)

    # --- the operator and the lock ------------------------------------------------------------------

    def want(self, *, again: bool = False) -> str:
        """The operator wants other keys; the id of the renewal."""
        assert wanted_renewals.want(self.database, self.lock_id, self.wall)
        key_renewals.ask(self.database, self.fleet.downlink, self.lock_id, self.wall, at_once=again)
        renewal = wanted_renewals.under_way(self.database, self.lock_id)
        assert renewal is not None
        return str(renewal["renewal_id"])

    def say(self, stream: str, body: Any, key: OKPKey | None = None, sid: str | None = None) -> bytes:
        """One message of the lock, signed by `key`: without one by the identity of its enrolment."""
        self.numbers += 1
        signer = Signer(self.lock_id, key or self.keys.identity)
        raw = signer.sign(
            stream, body, iat=int(self.wall), id=str(uuid.uuid4()), sid=sid, life="life", nth=self.numbers
        )
        self.fleet.received(topic(self.lock_id, "up", stream), raw, is_retained=False)
        return raw

    def status(self, sid: str = "s1", key: OKPKey | None = None) -> None:
        self.say("status", Status(online=True, sid=sid, set_epoch=1), key, sid)

    def proposal(self, renewal_id: str, signed_by: OKPKey | None = None, **changes: Any) -> str:
        """What the lock would propose; `changes` make it a wrong one."""
        keys = changes.pop("keys", self.new)
        csr = make_csr(changes.pop("tls", keys.tls), changes.pop("csr_name", self.lock_id))
        given: dict[str, Any] = {
            "device_id": self.lock_id,
            "renewal_id": renewal_id,
            "identity": public_jwk(keys.identity),
            "sealing": public_jwk(keys.sealing),
            "csr": csr.public_bytes(Encoding.PEM).decode(),
        }
        proposal = Proposal(**(given | changes))
        return jose.sign(PROPOSAL_TYP, msgspec.json.encode(proposal), signed_by or keys.identity).decode()

    def propose(self, proposal: str, key: OKPKey | None = None) -> bytes:
        return self.say("request", Request(type="renew", proposal=proposal), key)

    # --- what can be seen ---------------------------------------------------------------------------

    def told(self, stream: str, *keys: OKPKey) -> list[Message]:
        """What the lock was told on a stream and opens, with one of these sealing keys where it is sealed."""
        cloud = self.authority.keyring.signing
        opener = Opener(self.lock_id, {kid_of(cloud): cloud}, *keys)
        name = topic(self.lock_id, "down", stream)
        opened = [opener.open(raw, stream, None) for topic, raw in self.sent if topic == name]
        return [each for each in opened if isinstance(each, Message)]

    def asked(self) -> list[str]:
        """The renewals that the lock was asked for."""
        bodies = [msgspec.json.decode(each.body, type=CommandBody) for each in self.told("command")]
        return [body.args["renewal_id"] for body in bodies if body.type == "renew_keys"]

    def answers(self) -> list[RenewedKeys]:
        return [msgspec.json.decode(each.body, type=RenewedKeys) for each in self.told("renewal")]

    def refused(self) -> dict[str, int]:
        return {each["reason"]: each["count"] for each in answers.refused(self.database, self.lock_id)}

    def believed(self) -> set[str]:
        return set(device_keys.identities(self.database, self.lock_id))

    def state(self) -> str:
        return str(wanted_renewals.state(self.database, self.lock_id)["status"])
