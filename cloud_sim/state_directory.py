"""Where each file of one cloud lives, and how private files are written."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

URL = "url"


class NotInitialised(Exception):
    """The state directory does not hold a complete cloud; the message says what to run."""


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """The files of one cloud below `root`."""

    root: Path

    @property
    def ca(self) -> Path:
        """Certificate of the private authority: what the broker and every lock trust."""
        return self.root / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """Private key of the authority."""
        return self.root / "ca-key.pem"

    @property
    def broker_certificate(self) -> Path:
        """Server certificate of the broker, for 127.0.0.1, ::1 and localhost."""
        return self.root / "broker.pem"

    @property
    def broker_key(self) -> Path:
        """Private key of the broker."""
        return self.root / "broker-key.pem"

    @property
    def revoked(self) -> Path:
        """The certificates of locks that count no more: a revocation list (RFC 5280) for the broker."""
        return self.root / "revoked.pem"

    @property
    def client_certificate(self) -> Path:
        """Certificate with which the cloud connects to the broker; its common name is `cloud`."""
        return self.root / "cloud.pem"

    @property
    def client_key(self) -> Path:
        """Private key to `client_certificate`."""
        return self.root / "cloud-key.pem"

    @property
    def signing_key(self) -> Path:
        """Ed25519 private key: everything the cloud tells a lock is signed by it."""
        return self.root / "signing-key.pem"

    @property
    def sealing_key(self) -> Path:
        """X25519 private key: what a lock seals for the cloud."""
        return self.root / "sealing-key.pem"

    @property
    def former_signing_keys(self) -> Path:
        """Directory of the signing keys that were replaced; not there before one was."""
        return self.root / "former-signing-keys"

    @property
    def former_sealing_keys(self) -> Path:
        """The same of sealing keys."""
        return self.root / "former-sealing-keys"

    @property
    def api_token(self) -> Path:
        """The bearer token of the HTTP API, one line, mode 0600."""
        return self.root / "api-token"

    @property
    def seam_api_key(self) -> Path:
        """The key of the Seam API, one line, mode 0600."""
        return self.root / "seam-api-key"

    @property
    def boards(self) -> Path:
        """Written by lock-sim: JSON, lock id -> host:port of the virtual board of that lock."""
        return self.root / "boards.json"

    @property
    def cut_off(self) -> Path:
        """There only where the broker obeys it, see `cut_off`: JSON, the ids of locks without a way to it."""
        return self.root / "cut-off.json"

    @property
    def url(self) -> Path:
        """Where the cloud that serves this state answers, one line: `http://127.0.0.1:PORT`."""
        return self.root / URL

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.root / "cloud.db"


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 durably and all at once: after a power cut it is whole or not there."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def read_private(path: Path) -> bytes:
    """The content of a file that `init` wrote, or `serve`. Raises NotInitialised."""
    try:
        return path.read_bytes()
    except OSError as error:
        made_by = "serve" if path.name == URL else "init"
        raise NotInitialised(
            f"cannot read {path}: {error.strerror}; run: python -m cloud_sim {made_by} --state {path.parent}"
        ) from error
