"""What an answer of a reader says about the command it was given."""

from hal.osdp import codec, records
from hal.osdp.events import Command

_SESSION_REFUSALS = (codec.NAK_SEQUENCE, codec.NAK_SECURITY_BLOCK, codec.NAK_SECURITY_REQUIRED)


def ends_session(nak: bytes) -> bool:
    """Whether a NAK is about the session, not about one packet; one without a reason may be anything."""
    return not nak or nak[0] in _SESSION_REFUSALS


def new_key(command: Command) -> bytes | None:
    """The key that a command gives the reader, if it does."""
    return records.key_of(command.data) if command.code == codec.KEYSET else None


def failure(command: Command, code: int, data: bytes) -> str:
    """Why it was not done, or not as it was meant; "" if it was."""
    if code == codec.NAK:
        return f"the reader refused it (NAK {data.hex()})"
    if command.code == codec.COMSET and data != command.data:
        address, baud = records.com(data) or ("?", "?")
        return f"the reader chose address {address} and {baud} baud"
    return ""
