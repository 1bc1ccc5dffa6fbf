"""Keys that are the same in every run, so that a message kept in a file is genuine again tomorrow."""

from base64 import urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from joserfc.jwk import OKPKey


def _jwk(curve: str, private: bytes, public: bytes) -> OKPKey:
    parts = {"d": private, "x": public}
    written = {name: urlsafe_b64encode(value).rstrip(b"=").decode() for name, value in parts.items()}
    return OKPKey.import_key({"kty": "OKP", "crv": curve, **written})


def signing(name: bytes) -> OKPKey:
    """An Ed25519 key."""
    private = name.ljust(32, b".")
    return _jwk(
        "Ed25519", private, Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    )


def sealing(name: bytes) -> OKPKey:
    """An X25519 key."""
    private = name.ljust(32, b".")
    return _jwk(
        "X25519", private, X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    )


def public(key: OKPKey) -> OKPKey:
    """Its public half."""
    return OKPKey.import_key(key.as_dict(private=False))


CLOUD_SIGNING, CLOUD_SEALING = signing(b"cloud"), sealing(b"cloud")
LOCK_SIGNING, LOCK_SEALING = signing(b"lock"), sealing(b"lock")
