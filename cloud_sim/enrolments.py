"""Invites locks, and enrols those that answer: pins their keys and certifies them."""

import json
import secrets
from dataclasses import dataclass
from typing import Literal

from agent.enrol_exchange import (
    AcceptedRequest,
    Answer,
    Invitation,
    RequestRefused,
    open_request,
    public_jwk,
    write_answer,
    write_invitation,
)
from agent.jose import kid_of
from cloud_sim import authority as certificates
from cloud_sim import code_sets, locks, message_order, told_keys
from cloud_sim.authority import Authority
from cloud_sim.database import Database

INVITATION_LIFE_S = 24 * 3600

Refused = Literal["malformed", "unknown_device", "wrong_token", "bad_signature", "bad_key", "bad_csr"]


@dataclass(frozen=True, slots=True)
class Enroller:
    """Enrols locks. `enrolment_url` is where locks post, `mqtt_url` where they are sent afterwards."""

    database: Database
    authority: Authority
    enrolment_url: str
    mqtt_url: str

    def invite(self, name: str | None, lock_id: str | None, wall: float) -> tuple[str, str]:
        """(device id, invitation) for a new lock, or again for `lock_id`; an older invitation is withdrawn.

        The invitation is worth an enrolment: show it to the technician and nowhere else."""
        token = secrets.token_urlsafe(32)
        expires_ms = int((wall + INVITATION_LIFE_S) * 1000)
        with self.database.transaction():
            device_id = lock_id or locks.add_lock(self.database, name, wall)
            if lock_id is not None and name is not None:
                self.database.run("UPDATE locks SET name = ? WHERE lock_id = ?", name, lock_id)
            self.database.run("DELETE FROM invitations WHERE lock_id = ?", device_id)
            self.database.run(
                "INSERT INTO invitations (lock_id, token, expires_ms) VALUES (?, ?, ?)",
                device_id,
                token,
                expires_ms,
            )
        invitation = Invitation(
            device_id=device_id,
            url=self.enrolment_url,
            token=token,
            cloud_key=kid_of(self.authority.keyring.signing),
        )
        return device_id, write_invitation(invitation)

    def enrol(self, body: bytes, wall: float) -> tuple[str, bytes] | Refused:
        """(device id, signed answer) for a request that proves its invitation, which is used up by it."""
        accepted = open_request(body, lambda device_id: self._token(device_id, wall))
        if isinstance(accepted, RequestRefused):
            return accepted.reason
        try:
            certificate = self.authority.certify(accepted.csr, accepted.device_id)
        except certificates.RequestRefused:
            return "bad_csr"
        self._pin(accepted, certificate, wall)
        answer = Answer(
            device_id=accepted.device_id,
            identity=kid_of(accepted.identity),
            certificate=certificate,
            ca=self.authority.ca_pem,
            mqtt_url=self.mqtt_url,
            cloud_signing=public_jwk(self.authority.keyring.signing),
            cloud_sealing=public_jwk(self.authority.keyring.sealing),
            set_epoch=code_sets.head(self.database, accepted.device_id)[0],
        )
        return accepted.device_id, write_answer(answer, self.authority.keyring.signing)

    def _token(self, device_id: str, wall: float) -> str | None:
        row = self.database.row(
            "SELECT token FROM invitations WHERE lock_id = ? AND expires_ms > ?", device_id, int(wall * 1000)
        )
        return None if row is None else str(row["token"])

    def _pin(self, accepted: AcceptedRequest, certificate: str, wall: float) -> None:
        """The new keys replace older ones, and what was reported under those counts no more."""
        lock_id = accepted.device_id
        with self.database.transaction():
            self.database.run(
                "INSERT OR IGNORE INTO former_identities SELECT lock_id, identity FROM device_keys"
                " WHERE lock_id = ?",
                lock_id,
            )
            self.database.run(
                "INSERT INTO device_keys VALUES (?, ?, ?, ?, ?) ON CONFLICT (lock_id) DO UPDATE SET"
                " identity = excluded.identity, sealing = excluded.sealing,"
                " certificate = excluded.certificate, pinned_ms = excluded.pinned_ms",
                lock_id,
                json.dumps(public_jwk(accepted.identity)),
                json.dumps(public_jwk(accepted.sealing)),
                certificate,
                int(wall * 1000),
            )
            message_order.forget(self.database, lock_id)
            for table in ("told_keys", "invitations", "key_renewals", "reported_status", "reported_codes"):
                self.database.run(f"DELETE FROM {table} WHERE lock_id = ?", lock_id)
        told_keys.remember(self.database, self.authority.keyring)
