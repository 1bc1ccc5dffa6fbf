"""The enrolment under another root secret: the lock's private keys sealed anew, all else as it is."""

from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from agent.enrolment import DIRECTORY, KEYS_FILE, TLS_KEY_FILE, binding_of, tls_password
from agent.secrets import RootSecret, SecretFault, seal, unseal


def enrolment_under(new: RootSecret, old: RootSecret, state_dir: Path) -> Mapping[str, bytes]:
    """The files of the enrolment, which is under `old`, as they are to be under `new`, by name. Nothing is
    changed. Raises SecretFault."""
    directory = state_dir / DIRECTORY
    try:
        files = {path.name: path.read_bytes() for path in directory.iterdir()}
        bound_to = binding_of(files)
        keys = unseal(old.derive("store"), files[KEYS_FILE], bound_to)
        tls_key = load_pem_private_key(files[TLS_KEY_FILE], tls_password(old).encode())
    except (OSError, ValueError, KeyError) as error:
        raise SecretFault(f"{directory} cannot be read ({error}): enrol again with --again") from None
    files[KEYS_FILE] = seal(new.derive("store"), keys, bound_to)
    password = BestAvailableEncryption(tls_password(new).encode())
    files[TLS_KEY_FILE] = tls_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, password)
    return files
