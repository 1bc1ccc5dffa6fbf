"""Looks for a secret in bytes, in every form in which somebody could have written it down."""

import base64
from collections.abc import Iterator, Mapping


def forms(secret: bytes) -> Iterator[bytes]:
    """As it is, in hex, in base64 wherever it stands, and as text of two bytes a character."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret)
        whole = text[(before * 8 + 5) // 6 : (before + len(secret)) * 8 // 6]
        yield whole
        yield whole.replace(b"+", b"-").replace(b"/", b"_")
    for order in ("utf-16-le", "utf-16-be"):
        yield secret.decode("latin-1").encode(order)


def leaked(secrets: Mapping[str, bytes], content: bytes) -> list[str]:
    """The names of the secrets that are in there."""
    return [name for name, secret in secrets.items() if any(form in content for form in forms(secret))]
