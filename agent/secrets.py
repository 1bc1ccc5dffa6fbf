"""The root secret of a lock: where it comes from, the keys derived from it, and sealing with those."""

import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from agent.credential_seal import Seal, seal_of

ROOT_SECRET_BYTES = 32
KEY_BYTES = 32
"""Of a derived key."""
NONCE_BYTES = 12
TAG_BYTES = 16

Purpose = Literal["tag", "row", "store", "tls", "emergency"]
"""tag: tags of codes; row: MACs of rows; store: what must be reversible; tls: the password of the TLS key;
emergency: the tag of the emergency code."""


class SecretFault(Exception):
    """A secret cannot be read, made or opened; the message says what to do and holds nothing secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource:
    """Where the root secret is: a file of ours, or the name of a systemd credential. Exactly one is set."""

    file: Path | None = None
    credential: str | None = None

    def __post_init__(self) -> None:
        if (self.file is None) == (self.credential is None):
            raise SecretFault("set exactly one of root_secret_file and root_secret_credential")


@dataclass(frozen=True, slots=True)
class RootSecret:
    """32 random bytes that never leave this process; only keys derived from them are used."""

    _secret: bytes = field(repr=False)
    _where: str
    is_off_disk: bool = False
    """Whoever takes the disk does not have it."""

    def derive(self, purpose: Purpose) -> bytes:
        """The 32-byte key for `purpose`: HKDF-SHA256 (RFC 5869), so no key tells another."""
        info = f"lock-agent/{purpose}/1".encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._secret)

    def describe(self) -> str:
        """Where the secret lives and what that means if the storage is stolen; for people."""
        return self._where


SEALED_CREDENTIALS = Path("/etc/lock-agent")
"""Where an encrypted credential NAME is looked at, as NAME.cred: a service is not told how it was sealed."""
TAKES_ALL = "whoever takes the disk finds the digits of every code, and speaks as this lock"
TAKES_RECORD = (
    "whoever takes the disk reads which code was used when, its rules and length; no digits, no keys"
)


def load_root_secret(source: SecretSource, sealed_in: Path = SEALED_CREDENTIALS) -> RootSecret:
    """Read the root secret. Raises SecretFault, saying how to mend it."""
    if source.file is not None:
        where = f"key file {source.file}: {TAKES_ALL}"
        return RootSecret(_parse(_read_private(source.file), source.file), where)
    path = _credential_path(source.credential or "")
    secret = _parse(_read(path), path)
    sealed, plain = sealed_in / f"{source.credential}.cred", sealed_in / f"{source.credential}"
    seal = seal_of(sealed)
    where = f"systemd credential {source.credential}, {_SEALED_BY[seal].format(sealed=sealed)}"
    if plain.exists():
        return RootSecret(secret, f"systemd credential {source.credential}, in clear in {plain}: {TAKES_ALL}")
    return RootSecret(secret, where, is_off_disk=seal is Seal.TPM2)


_SEALED_BY = {
    Seal.TPM2: f"sealed by the TPM2 of this machine: {TAKES_RECORD}",
    Seal.HOST: f"sealed by a host key that is on the disk as well: {TAKES_ALL}",
    Seal.NOTHING: f"sealed by nothing: {TAKES_ALL}",
    Seal.UNKNOWN: f"from a place that is not {{sealed}}: unless that is off the disk, {TAKES_ALL}",
}


def is_there(source: SecretSource) -> bool:
    """Whether there is anything at all that we may look at."""
    if source.file is not None:
        return os.path.lexists(source.file)
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return directory is not None and os.path.lexists(_credential_path(source.credential or ""))


def create_root_secret_file(path: Path, owner_of: Path | None = None) -> None:
    """Write a new root secret, mode 0400, durably; made by root, it belongs to whoever `owner_of` belongs to.
    Never replaces one: its codes would be lost."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(ROOT_SECRET_BYTES) + "\n")
                file.flush()
                if owner_of is not None and os.geteuid() == 0:
                    owner = owner_of.stat()
                    os.fchown(descriptor, owner.st_uid, owner.st_gid)
                os.fsync(file.fileno())
            os.link(draft, path)  # unlike a rename, a link never replaces
        finally:
            draft.unlink()
        sync_directory(path.parent)
    except FileExistsError:
        raise SecretFault(
            f"{path} exists; it is not replaced, since every code stored under it would be lost"
        ) from None
    except OSError as error:
        raise SecretFault(f"cannot create the root secret {path}: {error.strerror}") from None


def seal(key: bytes, plaintext: bytes, aad: str) -> bytes:
    """AES-256-GCM under a derived key: nonce, ciphertext and tag. `aad` names the record: no swapping."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, _bound(aad))


def unseal(key: bytes, sealed: bytes, aad: str) -> bytes:
    """The reverse of `seal`. Raises SecretFault if sealed under another key or name, or altered."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise SecretFault(f"{aad}: too short to be sealed data")
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(aad))
    except InvalidTag:
        raise SecretFault(f"{aad}: not sealed under this root secret, or damaged") from None


def _bound(aad: str) -> bytes:
    return b"lock-agent|" + aad.encode()


def _credential_path(name: str) -> Path:
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise SecretFault(
            f"no credential {name}: CREDENTIALS_DIRECTORY is not set; start under systemd with "
            f"LoadCredentialEncrypted={name}, or set root_secret_file"
        )
    if "/" in name or name in ("", ".", ".."):
        raise SecretFault(f"root_secret_credential is a name, not a path: {name!r}")
    return Path(directory) / name


def _read_private(path: Path) -> str:
    try:
        with path.open() as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise SecretFault(f"{path} has mode {mode:04o}, so others can read it: chmod 0400 {path}")
            return file.read(4096)
    except FileNotFoundError:
        raise SecretFault(f"{path} does not exist: make it with lock-agent new-root-secret") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SecretFault(f"cannot read the root secret {path}: {error}") from None


def _read(path: Path) -> str:
    # systemd guards credentials by directory and ACL; the mode may show the ACL's mask, so it says nothing.
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretFault(f"cannot read the credential {path}: {error}") from None


def _parse(text: str, path: Path) -> bytes:
    try:
        secret = bytes.fromhex(text.strip())
    except ValueError:
        secret = b""
    if len(secret) != ROOT_SECRET_BYTES:
        raise SecretFault(f"{path} must hold {ROOT_SECRET_BYTES * 2} hexadecimal digits and nothing else")
    return secret


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable (a file's own fsync does not)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
