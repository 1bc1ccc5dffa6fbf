"""What a lock keeps of its enrolment with a cloud: its own keys, sealed, and the keys and names it pinned."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from agent.secrets import RootSecret, SecretFault, seal, sync_directory, unseal

DIRECTORY = "enrolment"
PUBLIC_FILES = ("enrolment.json", "tls-certificate.pem", "ca.pem")
KEYS_FILE = "keys.sealed"
TLS_KEY_FILE = "tls-key.pem"
REPLACED = f".{DIRECTORY}.replaced"

Jwk = dict[str, str]
"""A key as RFC 7517 writes it."""


class NotEnrolled(Exception):
    """This lock has no enrolment; the message says what to run."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """`enrolment.json`: what lock and cloud agreed on; all of it public."""

    device_id: str
    mqtt_url: str
    set_epoch: int
    identity_kid: str
    sealing_kid: str
    cloud_signing: dict[str, Jwk]
    """By kid; the keys whose messages this lock believes."""
    cloud_sealing: Jwk
    keys_rev: int = 0
    """The newest message by which the keys of the cloud were changed; 0: none has."""
    keys_digest: str = ""
    """SHA-256 of its body, hex."""
    retiring: dict[str, int] = {}
    """By kid, until when keys of `cloud_signing` still count, Unix seconds. All but the newest are here."""
    renewal_id: str = ""
    """The renewal by which the lock's own keys came; empty: they came with the enrolment."""

    @property
    def newest_signer(self) -> str:
        """The kid of the key that alone may change the others."""
        return next(kid for kid in self.cloud_signing if kid not in self.retiring)


class PendingKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Private keys that were made because the cloud asked for others, and do not count yet."""

    renewal_id: str
    """What the cloud calls its asking."""
    identity: Jwk
    sealing: Jwk
    tls: str
    """PEM, encrypted by nothing: it lies in `keys.sealed`."""

    def __repr__(self) -> str:
        return f"PendingKeys({self.renewal_id})"


class OwnKeys(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`keys.sealed`: the private keys of this lock, born here and never sent."""

    identity: Jwk
    sealing: Jwk
    pending: PendingKeys | None = None

    def __repr__(self) -> str:
        return "OwnKeys()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A loaded enrolment, ready for the uplink. Keys are JWKs, made into key objects where they are used."""

    terms: Terms
    identity: Mapping[str, str] = field(repr=False)
    """Private Ed25519 key: signs what this lock sends."""
    sealing: Mapping[str, str] = field(repr=False)
    """Private X25519 key: opens what is sealed to this lock."""
    ca: Path
    tls_certificate: Path
    tls_key: Path
    tls_password: str = field(repr=False)
    pending: PendingKeys | None = None
    """What is to take the place of the keys above."""

    @property
    def device_id(self) -> str:
        """Lower-case UUID; also the MQTT client id and the common name of the TLS certificate."""
        return self.terms.device_id

    @property
    def mqtt_url(self) -> str:
        """`mqtts://host:port`."""
        return self.terms.mqtt_url


def certificate_ends_s(enrolment: Enrolment) -> float | None:
    """Unix time at which the TLS certificate of this lock ends; None where it cannot be read."""
    from cryptography.x509 import load_pem_x509_certificate  # nothing that the keypad waits for

    try:
        certificate = load_pem_x509_certificate(enrolment.tls_certificate.read_bytes())
    except (OSError, ValueError):
        return None
    return certificate.not_valid_after_utc.timestamp()


def tls_password(root: RootSecret) -> str:
    """The password `tls-key.pem` is encrypted with."""
    return root.derive("tls").hex()


def is_enrolled(state_dir: Path) -> bool:
    """Whether there is an enrolment, sound or not."""
    _finish(state_dir)
    return (state_dir / DIRECTORY).exists()


def load_enrolment(state_dir: Path, root: RootSecret) -> Enrolment:
    """The enrolment in `state_dir`. Raises NotEnrolled, or SecretFault when it was damaged or altered."""
    directory = state_dir / DIRECTORY
    if not is_enrolled(state_dir):
        raise NotEnrolled(
            "this lock is not enrolled: run lock-agent enrol and paste the invitation of the cloud"
        )
    try:
        public = {name: (directory / name).read_bytes() for name in PUBLIC_FILES}
        sealed = (directory / KEYS_FILE).read_bytes()
        keys = msgspec.json.decode(unseal(root.derive("store"), sealed, binding_of(public)), type=OwnKeys)
        terms = msgspec.json.decode(public["enrolment.json"], type=Terms)
    except (OSError, msgspec.MsgspecError) as error:
        raise SecretFault(f"{directory} cannot be read ({error}): enrol again with --again") from None
    except SecretFault:
        raise SecretFault(
            f"{directory} was altered, or the root secret is another one: restore it, or enrol with --again"
        ) from None
    return Enrolment(
        terms=terms,
        identity=keys.identity,
        sealing=keys.sealing,
        ca=directory / "ca.pem",
        tls_certificate=directory / "tls-certificate.pem",
        tls_key=directory / TLS_KEY_FILE,
        tls_password=tls_password(root),
        pending=keys.pending,
    )


def save_enrolment(
    state_dir: Path,
    root: RootSecret,
    terms: Terms,
    keys: OwnKeys,
    tls_key: bytes,
    certificate: bytes,
    ca: bytes,
    *,
    keeps_old: bool = True,
) -> None:
    """Keep an enrolment, whole or not at all, wherever the power goes; one that was there before becomes
    `enrolment.old`, or without `keeps_old` is gone, once `forget_replaced` was called.

    `tls_key` is PEM, encrypted with `tls_password`; `certificate` and `ca` are PEM. Raises SecretFault."""
    public = dict(zip(PUBLIC_FILES, (msgspec.json.encode(terms), certificate, ca), strict=True))
    sealed = seal(root.derive("store"), msgspec.json.encode(keys), binding_of(public))
    keep_files(state_dir, {**public, KEYS_FILE: sealed, TLS_KEY_FILE: tls_key}, keeps_old=keeps_old)


def keep_files(state_dir: Path, files: Mapping[str, bytes], *, keeps_old: bool = True) -> None:
    """Let these files be the enrolment; see `save_enrolment`."""
    draft = state_dir / f".{DIRECTORY}.{secrets.token_hex(4)}"
    try:
        _forget_drafts(state_dir)
        draft.mkdir(mode=0o700)
        for name, content in files.items():
            _write(draft / name, content)
        sync_directory(draft)
        _put_in_place(draft, state_dir, f"{DIRECTORY}.old" if keeps_old else REPLACED)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise SecretFault(f"cannot keep the enrolment in {state_dir}: {error.strerror}") from None


def forget_replaced(state_dir: Path) -> None:
    """Remove what a power cut left of an enrolment that was replaced, with its private keys. Only whoever may
    change the enrolment may call this."""
    shutil.rmtree(state_dir / REPLACED, ignore_errors=True)


def forget_older(state_dir: Path) -> None:
    """Leave nothing of any enrolment but the one that counts. Raises SecretFault."""
    try:
        _forget_drafts(state_dir)
        for end in (".old", ".next"):
            if (other := state_dir / f"{DIRECTORY}{end}").exists():
                shutil.rmtree(other)
        sync_directory(state_dir)
    except OSError as error:
        raise SecretFault(f"cannot remove older enrolments in {state_dir}: {error.strerror}") from None


def binding_of(public: Mapping[str, bytes]) -> str:
    """What the sealed keys are bound to."""
    # The public files are bound to the sealed keys, so that nobody who can write here pins another cloud.
    digests = "|".join(hashlib.sha256(public[name]).hexdigest() for name in PUBLIC_FILES)
    return f"enrolment|{digests}"


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _put_in_place(draft: Path, state_dir: Path, old_name: str) -> None:
    # From the first of these names on, the new enrolment is complete: `_finish` ends what a power cut left.
    current, coming = (state_dir / f"{DIRECTORY}{end}" for end in ("", ".next"))
    old = state_dir / old_name
    shutil.rmtree(coming, ignore_errors=True)
    draft.rename(coming)
    sync_directory(state_dir)
    if current.exists():
        shutil.rmtree(old, ignore_errors=True)
        current.rename(old)
    coming.rename(current)
    sync_directory(state_dir)


def _finish(state_dir: Path) -> None:
    """Between two renames there is no enrolment under its name, only the one to come."""
    coming, current = state_dir / f"{DIRECTORY}.next", state_dir / DIRECTORY
    if coming.exists() and not current.exists():
        coming.rename(current)


def _forget_drafts(state_dir: Path) -> None:
    for draft in state_dir.glob(f".{DIRECTORY}.*"):
        shutil.rmtree(draft)
