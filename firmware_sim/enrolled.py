"""An enrolment as if `lock-agent enrol` had made it, for doors whose cloud is a test."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from agent.enrolment import OwnKeys, Terms, is_enrolled, save_enrolment, tls_password
from agent.envelope import OKPKey, kid_of, new_sealing_key, new_signing_key
from agent.key_ring import KeyRing
from agent.secrets import RootSecret

DEVICE_ID = "0f5b2d0e-6f5c-4d7e-9a35-1c1b7f6f2a10"
ROOT = RootSecret(bytes(32), "in a test")
IDENTITY, LOCK_SEALING = new_signing_key(), new_sealing_key()
"""The lock's own keys."""
TLS_KEY = generate_private_key(SECP256R1())
CLOUD_SIGNING, CLOUD_SEALING = new_signing_key(), new_sealing_key()
"""The cloud's."""


def jwk_of(key: OKPKey, *, private: bool) -> dict[str, str]:
    """A key as a JWK with nothing more in it."""
    names = ("kty", "crv", "x", "d")
    return {name: str(value) for name, value in key.as_dict(private=private).items() if name in names}


def key_ring(state_dir: Path, root: RootSecret = ROOT, *, ca: bytes = b"") -> KeyRing:
    """The keys of a lock with this state; made, if it has none. It pins this CA (PEM)."""
    if not is_enrolled(state_dir):
        terms = Terms(
            device_id=DEVICE_ID,
            mqtt_url="mqtts://127.0.0.1:9",
            set_epoch=1,
            identity_kid=kid_of(IDENTITY),
            sealing_kid=kid_of(LOCK_SEALING),
            cloud_signing={kid_of(CLOUD_SIGNING): jwk_of(CLOUD_SIGNING, private=False)},
            cloud_sealing=jwk_of(CLOUD_SEALING, private=False),
        )
        keys = OwnKeys(identity=jwk_of(IDENTITY, private=True), sealing=jwk_of(LOCK_SEALING, private=True))
        password = BestAvailableEncryption(tls_password(root).encode())
        tls_key = TLS_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, password)
        save_enrolment(state_dir, root, terms, keys, tls_key, b"", ca)
    return KeyRing(state_dir, root)
