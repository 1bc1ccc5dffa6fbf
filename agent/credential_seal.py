"""What a systemd credential on the disk is sealed with, by its first bytes (`systemd-creds encrypt`)."""

import base64
import binascii
from enum import Enum
from pathlib import Path

_ID_BYTES = 16
_TEXT_CHARACTERS = 24
"""Of base64: as many as are needed, and whole groups of four."""


class Seal(Enum):
    """Which key opens it."""

    TPM2 = "tpm2"
    HOST = "host"
    NOTHING = "nothing"
    UNKNOWN = "unknown"


# The identifiers of src/shared/creds-util.h in systemd 252 to 257; with a TPM2 the host key may be in it too.
_SEALS = {
    "5a1c6a86df9d4096b1d5a65e0862f19a": Seal.HOST,
    "55b9ed1d38594d43a8319d2ebb332ac6": Seal.HOST,
    "0c7cc07b117645919c4b0bea08bc20fe": Seal.TPM2,
    "faf7eb9341e3412ca1a436f95a29362f": Seal.TPM2,
    "93a894094874449090caf2fc93cab553": Seal.TPM2,
    "ef4ac13679a9480ea7db68897f9f165d": Seal.TPM2,
    "af4950a849134eb1a73846304ff30c05": Seal.TPM2,
    "adbc4ca3efb64201ba881b6f2e4095ea": Seal.TPM2,
    "058469daf6f54324800549da0f8ea2fb": Seal.NOTHING,
}


def seal_of(path: Path) -> Seal:
    """Of an encrypted credential. What cannot be read, or is of a kind to come, is unknown."""
    try:
        start = base64.b64decode(path.read_bytes()[:_TEXT_CHARACTERS])
    except (OSError, binascii.Error):
        return Seal.UNKNOWN
    return _SEALS.get(start[:_ID_BYTES].hex(), Seal.UNKNOWN)
