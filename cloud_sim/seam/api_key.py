"""Makes the key of the Seam API in the form that its SDKs accept."""

import secrets

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def new_api_key() -> str:
    """`seam_` and two random words, 144 bits and more. The first begins with a digit: `at`, `cst` and `pk`
    there would make an SDK take it for a token of another kind."""
    short = secrets.choice("123456789") + _word(7)
    return f"seam_{short}_{_word(24)}"


def _word(length: int) -> str:
    return "".join(secrets.choice(_BASE58) for _ in range(length))
