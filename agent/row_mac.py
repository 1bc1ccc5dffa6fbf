"""The MAC over a row of the database: one that was edited by hand does not count."""

import hmac
import json

MAC_BYTES = 16
NO_MAC = bytes(MAC_BYTES)
"""Of no row: what is false stays false when the key changes."""


def row_mac(row_key: bytes, *values: object) -> bytes:
    """Of the columns in their order, behind a label for the table. `row_key`: 32 bytes."""
    plain = [value.hex() if isinstance(value, bytes) else value for value in values]
    return hmac.digest(row_key, json.dumps(plain).encode(), "sha256")[:MAC_BYTES]
