"""The emergency code: one code for one opening, kept apart from the database.

It is for when the table is lost and the network gone. Only a keyed tag of its ten digits is kept, over a slow
hash (scrypt, RFC 7914): whoever has the file and the root secret still needs eleven core-years for all of
them. It is off unless the configuration says so. An entry of ten digits that nothing else opens is compared
with it, after it was counted like any other.
"""

import hmac
import json
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from agent.core.access_code import AccessCode, Kind
from agent.core.constraints import ALL_DIGITS
from agent.core.lifetime import History
from agent.errors import StorageFault
from agent.offline_rows import NOTHING
from agent.offline_side import Admission
from agent.row_mac import row_mac
from agent.secrets import SecretFault, sync_directory

FILE_NAME = "emergency.code"
DIGITS = 10
"""The most that an entry can have: 8,765 guesses a year hit it with a chance of one in a million."""
_COST = 2**14
"""16 MiB and 35 ms an entry, measured on a server; a refusal shows after 400 ms."""
_NO_SALT = bytes(16)

State = Literal["off", "none", "ready", "changed"]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is in the file."""

    id: str
    salt: bytes
    tag: bytes = field(repr=False)


class EmergencyCode:
    """The one of this lock. Controller thread only; may raise StorageFault."""

    def __init__(
        self, path: Path, key: bytes, history_of: Callable[[str, int], History | None], *, enabled: bool
    ) -> None:
        """`key`: 32 bytes. `history_of` tells what the database knows of a use, by id and generation."""
        self._path = path
        self._key = key
        self._history_of = history_of
        self._enabled = enabled

    def state(self) -> State:
        """For people: switched off, not made or used, ready, or changed by another hand."""
        if not self._enabled:
            return "off"
        if not self._path.exists():
            return "none"
        return "ready" if _read(self._path, self._key) is not None else "changed"

    def look(self, digits: str) -> Admission | None:
        """What opens if these are its digits. Where there is none, the work is the same."""
        if not self._enabled or len(digits) != DIGITS:
            return None
        kept = _read(self._path, self._key)
        tag = _tag(self._key, kept.salt if kept else _NO_SALT, digits)
        if kept is None or not hmac.compare_digest(tag, kept.tag):
            return None
        history = self._history_of(kept.id, 1)
        if history is None or history.uses:
            return None  # a file from before its use was put back
        code = AccessCode(access_code_id=kept.id, gen=1, code_rev=1, kind=Kind.STANDARD, max_uses=1)
        return Admission(code=code, change=NOTHING, detail={"method": "emergency_code"})

    def burn(self) -> None:
        """It is used; durable when this returns, and before anything opens."""
        try:
            self._path.unlink()
            sync_directory(self._path.parent)
        except OSError as error:
            raise StorageFault(f"cannot use up the emergency code: {error.strerror}") from error


def make_emergency_code(path: Path, key: bytes, *, again: bool, keys: str = ALL_DIGITS) -> str:
    """Make a code of the keys there are, and return its digits, which are kept nowhere. Raises SecretFault
    where there is one, and it is not made `again`."""
    if path.exists() and not again:
        raise SecretFault(
            f"{path} exists: there is an emergency code; --again makes another one in its place"
        )
    digits = "".join(secrets.choice(keys) for _ in range(DIGITS))
    salt = secrets.token_bytes(len(_NO_SALT))
    kept = _Kept(str(uuid.uuid4()), salt, _tag(key, salt, digits))
    text = {"id": kept.id, "salt": salt.hex(), "tag": kept.tag.hex(), "mac": _mac(key, kept).hex()}
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(text) + "\n")
        sync_directory(path.parent)
        draft.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise SecretFault(f"cannot keep the emergency code in {path}: {error.strerror}") from None
    return digits


def _tag(key: bytes, salt: bytes, digits: str) -> bytes:
    slow = Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(digits.encode())
    return hmac.digest(key, slow, "sha256")


def _mac(key: bytes, kept: _Kept) -> bytes:
    return row_mac(key, "emergency_code", kept.id, kept.salt, kept.tag)


def _read(path: Path, key: bytes) -> _Kept | None:
    """None where there is none, and where another hand has changed it."""
    try:
        text = json.loads(path.read_text("ascii"))
        kept = _Kept(text["id"], bytes.fromhex(text["salt"]), bytes.fromhex(text["tag"]))
        genuine = hmac.compare_digest(bytes.fromhex(text["mac"]), _mac(key, kept))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return kept if genuine else None
