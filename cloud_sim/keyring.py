"""The keys with which a cloud speaks to its locks, the newest and those before, and how they are replaced.

A private key that was replaced is kept: locks that were away still believe nothing else, and what they sealed
for it is still under way.
"""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import OKPKey

from agent.jose import kid_of
from cloud_sim.state_directory import NotInitialised, StateDirectory, read_private, write_private


@dataclass(slots=True)
class Keyring:
    """On the loop's thread. `state` None: keys of a test, which cannot be replaced."""

    signing: OKPKey = field(repr=False)
    """Ed25519, the newest."""
    sealing: OKPKey = field(repr=False)
    """X25519, the newest."""
    former_signing: dict[str, OKPKey] = field(default_factory=dict, repr=False)
    former_sealing: dict[str, OKPKey] = field(default_factory=dict, repr=False)
    state: StateDirectory | None = None

    def signing_named(self, kid: str | None) -> OKPKey:
        """The signing key of that name; the newest for a name we do not know."""
        return self.former_signing.get(kid or "", self.signing)

    def sealing_named(self, kid: str | None) -> OKPKey:
        """The same of sealing keys."""
        return self.former_sealing.get(kid or "", self.sealing)

    def replace_signing(self) -> None:
        """A new signing key, durable when this returns; the one of before is a former one."""
        if self.state is None:
            raise NotInitialised("these keys have no files")
        _replace(self.state.signing_key, self.state.former_signing_keys, ed25519.Ed25519PrivateKey.generate())
        self.former_signing[kid_of(self.signing)] = self.signing
        self.signing = _read(self.state.signing_key)

    def replace_sealing(self) -> None:
        """The same for the sealing key."""
        if self.state is None:
            raise NotInitialised("these keys have no files")
        _replace(self.state.sealing_key, self.state.former_sealing_keys, x25519.X25519PrivateKey.generate())
        self.former_sealing[kid_of(self.sealing)] = self.sealing
        self.sealing = _read(self.state.sealing_key)


def load(state: StateDirectory) -> Keyring:
    """The keys in `state`. Raises NotInitialised for what is missing or damaged."""
    try:
        ring = Keyring(_read(state.signing_key), _read(state.sealing_key), state=state)
        ring.former_signing = _former(state.former_signing_keys, kid_of(ring.signing))
        ring.former_sealing = _former(state.former_sealing_keys, kid_of(ring.sealing))
    except ValueError as error:  # no message of the parser: it may quote what it read
        raise NotInitialised(f"a key in {state.root} is damaged; restore it") from error
    return ring


def _read(path: Path) -> OKPKey:
    return OKPKey.import_key(read_private(path))


def _former(directory: Path, newest: str) -> dict[str, OKPKey]:
    """A power cut may have left the newest among the former ones."""
    found = {kid_of(key): key for key in map(_read, sorted(directory.glob("*.pem")))}
    return {kid: key for kid, key in found.items() if kid != newest}


def _replace(path: Path, former: Path, new: ed25519.Ed25519PrivateKey | x25519.X25519PrivateKey) -> None:
    """First the old key has a second name, then the new one takes the first: neither is ever missing."""
    former.mkdir(mode=0o700, exist_ok=True)
    old = read_private(path)
    write_private(former / f"{kid_of(OKPKey.import_key(old))}.pem", old)
    write_private(path, new.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
