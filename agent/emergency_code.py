"""The emergency code: one code for one opening, kept apart from the database.

It is for when the table is lost and the network gone. Only a keyed tag of its ten digits is kept, over a slow
hash (scrypt, RFC 7914): whoever has the file and the root secret still needs eleven core-years for all of
them. It is off unless the configuration says so. An entry of ten digits that nothing else opens is compared
with it, after it was counted like any other.
"""

import hmac
import json
import os
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
from agent.offline_admission import Admission
from agent.offline_rows import NOTHING
from agent.row_mac import row_mac
from agent.secrets import KEY_BYTES, SecretFault, seal, sync_directory, unseal

FILE_NAME = "emergency.code"
DIGITS = 10
"""The most that an entry can have: 8,765 guesses a year hit it with a chance of one in a million."""
_COST = 2**14
"""16 MiB and 35 ms an entry, measured on a server; a refusal shows after 400 ms."""
_NO_SALT = bytes(16)
_FORMER = "emergency_code|former"

State = Literal["off", "none", "ready", "changed"]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is in the file."""

    id: str
    salt: bytes
    tag: bytes = field(repr=False)
    former: tuple[bytes, ...] = field(default=(), repr=False)
    """The keys of the tag from before the root secret was replaced: each later one wraps what it made."""


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
        keys = (*kept.former, self._key) if kept else (self._key,)
        tag = _tag(keys, kept.salt if kept else _NO_SALT, digits)
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
    _write(path, key, _Kept(str(uuid.uuid4()), salt, _tag((key,), salt, digits)))
    return digits


def move_emergency_code(path: Path, old: bytes, new: bytes) -> None:
    """Have the file be under the key `new`, if it is under `old`: one that another hand has changed stays as
    it is, and opens nothing. Raises SecretFault."""
    kept = _read(path, old)
    if kept is not None:
        tag = hmac.digest(new, kept.tag, "sha256")
        _write(path, new, _Kept(kept.id, kept.salt, tag, (*kept.former, old)))


def _write(path: Path, key: bytes, kept: _Kept) -> None:
    sealed = {"former": seal(key, b"".join(kept.former), _FORMER).hex()} if kept.former else {}
    text = {"id": kept.id, "salt": kept.salt.hex(), "tag": kept.tag.hex(), **sealed}
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps({**text, "mac": _mac(key, kept).hex()}) + "\n")
        _sync(draft)
        draft.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise SecretFault(f"cannot keep the emergency code in {path}: {error.strerror}") from None


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _tag(keys: tuple[bytes, ...], salt: bytes, digits: str) -> bytes:
    tag = Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(digits.encode())
    for key in keys:
        tag = hmac.digest(key, tag, "sha256")
    return tag


def _mac(key: bytes, kept: _Kept) -> bytes:
    return row_mac(key, "emergency_code", kept.id, kept.salt, kept.tag, *kept.former)


def _read(path: Path, key: bytes) -> _Kept | None:
    """None where there is none, and where another hand has changed it."""
    try:
        text = json.loads(path.read_text("ascii"))
        former = _former(key, text["former"]) if "former" in text else ()
        kept = _Kept(text["id"], bytes.fromhex(text["salt"]), bytes.fromhex(text["tag"]), former)
        genuine = hmac.compare_digest(bytes.fromhex(text["mac"]), _mac(key, kept))
    except (OSError, ValueError, TypeError, KeyError, SecretFault):
        return None
    return kept if genuine else None


def _former(key: bytes, sealed: str) -> tuple[bytes, ...]:
    keys = unseal(key, bytes.fromhex(sealed), _FORMER)
    return tuple(keys[start : start + KEY_BYTES] for start in range(0, len(keys), KEY_BYTES))
