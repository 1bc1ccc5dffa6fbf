"""What a lock needs to know for offline and rolling codes, as one document: keys, policies, technicians.

The same form stands in a file on a bench (`lockctl offline`, `lockctl totp`). It holds secrets; nothing here
shows them in a repr or an error.
"""

import base64
import binascii
import os
import re
import secrets
import stat
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.core.offline_code import IssuerKey, OfflineFormat, derive_key
from agent.core.offline_policy import LATEST_SLOT, MOST_KEYS, AcceptedKey, FirstUse, KeyName, Policy
from agent.core.totp import FOREVER, SECRET_BYTES, Technician
from agent.secrets import sync_directory

Octet = Annotated[int, Meta(ge=0, le=255)]
Slot = Annotated[int, Meta(ge=0, le=LATEST_SLOT)]
UnixSeconds = Annotated[int, Meta(ge=0, le=2**40)]
LONGEST_NAME = 24
"""No field has a longer one; the shortest secret has 26 characters."""
_UNKNOWN_FIELD = re.compile(
    r"Object contains unknown field `(?P<name>.*?)`(?P<where>|( - at `\$[^`]*`))", re.DOTALL
)
_CODE_NAMESPACE = uuid.UUID("4f4c4331-0b1e-4d0e-8c55-6c0f2a9d7e11")


class SetupFault(Exception):
    """A document that cannot be used; the message says where and how to mend it, and nothing secret."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Any object of the document."""


class PolicyPart(_Part, frozen=True):
    """What an issuer may issue, see `agent.core.offline_policy.Policy`."""

    serials: int = 4
    once_serials: int = 48
    longest_h: int = 8808
    start_hours: list[int] | None = None
    may_cancel: bool = True

    def policy(self) -> Policy:
        """As the core takes it; ValueError for what no code could follow."""
        hours = frozenset(range(24) if self.start_hours is None else self.start_hours)
        return Policy(self.serials, self.once_serials, self.longest_h, hours, self.may_cancel)


class KeyPart(_Part, frozen=True):
    """A key: either the `root` of its kid (which makes keys of every issuer) or the `key` of this issuer
    alone, 64 hexadecimal digits; the slots it is for; the slot of the newest cancellation."""

    kid: Octet
    issuer: Octet = 0
    root: str | None = None
    key: str | None = None
    first_slot: Slot = 0
    last_slot: Slot = LATEST_SLOT
    cancelled_before_slot: Slot = 0
    policy: PolicyPart = PolicyPart()

    def __repr__(self) -> str:
        return f"KeyPart(kid={self.kid}, issuer={self.issuer})"

    def issuer_key(self, issuer: int | None = None) -> IssuerKey:
        """The key, or with a root that of any `issuer`. ValueError if it is none."""
        of = self.issuer if issuer is None else issuer
        if (self.root is None) == (self.key is None):
            raise ValueError("needs either root or key, and not both")
        if self.root is not None:
            return IssuerKey(self.kid, of, derive_key(bytes.fromhex(self.root), self.kid, of))
        return IssuerKey(self.kid, of, bytes.fromhex(self.key or ""))

    def accepted(self) -> AcceptedKey:
        """As the core takes it."""
        return AcceptedKey(self.issuer_key(), self.policy.policy(), self.first_slot, self.last_slot)


class TechnicianPart(_Part, frozen=True):
    """Somebody with an authenticator app: slot, base32 secret, when it is valid, whether it is revoked."""

    slot: Annotated[int, Meta(ge=0, le=999)]
    secret: str
    name: str = ""
    starts_at: UnixSeconds | None = None
    ends_at: UnixSeconds | None = None
    is_revoked: bool = False

    def __repr__(self) -> str:
        return f"TechnicianPart(slot={self.slot})"

    def technician(self) -> Technician:
        """As the core takes it; ValueError if the secret is none."""
        try:
            secret = base64.b32decode(self.secret + "=" * (-len(self.secret) % 8))
        except binascii.Error:
            raise ValueError("the secret is not base32") from None
        ends_at = FOREVER if self.ends_at is None else self.ends_at
        return Technician(
            slot=self.slot,
            secret=secret,
            starts_at=self.starts_at or 0,
            ends_at=ends_at,
            is_revoked=self.is_revoked,
        )


class Denied(_Part, frozen=True):
    """A code that was revoked before anybody used it."""

    kid: Octet
    issuer: Octet
    slot: Slot
    q: Annotated[int, Meta(ge=0, le=4095)]


class OfflineSetup(_Part, frozen=True):
    """The whole document."""

    device_id: Annotated[str, Meta(min_length=1)]
    digits: int = 10
    phase_s: int = 0
    first_use_within_h: int = 24
    tolerance_s: int = 300
    journal_epoch: str = ""
    """The journal of the lock that the sender knows. With any other, codes that started before that journal
    began are refused: nobody could tell whether they were used."""
    keys: tuple[KeyPart, ...] = ()
    denied: tuple[Denied, ...] = ()
    technicians: tuple[TechnicianPart, ...] = ()

    def format(self) -> OfflineFormat:
        """What the codes of this lock have in common."""
        return OfflineFormat(self.device_id, self.digits, self.phase_s)

    def first_use(self) -> FirstUse:
        """When its codes may be used first."""
        return FirstUse(self.first_use_within_h, self.tolerance_s)

    def floors(self) -> dict[KeyName, int]:
        """Slots before which codes were cancelled, by key."""
        return {(key.kid, key.issuer): key.cancelled_before_slot for key in self.keys}


def decode_setup(document: bytes) -> OfflineSetup:
    """Read and check a whole document. Raises SetupFault; a document is good as a whole or not at all."""
    try:
        setup = msgspec.json.decode(document, type=OfflineSetup)
    except msgspec.MsgspecError as error:  # says where, never what stands there
        raise SetupFault(_without_long_name(str(error))) from None
    except (UnicodeDecodeError, RecursionError):
        raise SetupFault("it is no JSON that could be a setup") from None
    _checked("", lambda: (setup.format(), setup.first_use()))
    for place, key in enumerate(setup.keys):
        _checked(f"keys[{place}]: ", key.accepted)
    for place, technician in enumerate(setup.technicians):
        _checked(f"technicians[{place}]: ", technician.technician)
    if len(setup.keys) > MOST_KEYS:
        raise SetupFault(f"a lock has at most {MOST_KEYS} keys for offline codes, not {len(setup.keys)}")
    if len({(key.kid, key.issuer) for key in setup.keys}) < len(setup.keys):
        raise SetupFault("two keys have the same kid and issuer: leave one out")
    if len({one.slot for one in setup.technicians}) < len(setup.technicians):
        raise SetupFault("two technicians have the same slot: give one of them another")
    return setup


def _without_long_name(problem: str) -> str:
    """A field that does not belong there is named, but for one that may be a secret in the wrong place."""
    unknown = _UNKNOWN_FIELD.fullmatch(problem)
    if unknown is None or len(unknown["name"]) <= LONGEST_NAME:
        return problem
    return f"Object contains an unknown field with a name that is too long to show{unknown['where']}"


def _checked(where: str, make: Callable[[], object]) -> None:
    try:
        make()
    except ValueError as error:
        reason = "not hexadecimal" if "fromhex" in str(error) else str(error)
        raise SetupFault(f"{where}{reason}") from None


def load_setup(path: Path) -> OfflineSetup:
    """Read a file that its owner alone can read. Raises SetupFault."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise SetupFault(f"{path} has mode {mode:04o}, so others can read it: chmod 0400 {path}")
            document = file.read()
    except OSError as error:
        raise SetupFault(f"cannot read {path}: {error.strerror}") from None
    try:
        return decode_setup(document)
    except SetupFault as fault:
        raise SetupFault(f"{path}: {fault}") from None


def save_setup(path: Path, setup: OfflineSetup, *, replace: bool) -> None:
    """Write a file, mode 0400, durably and at once. Without `replace` an existing one stays (SetupFault)."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    document = msgspec.json.format(msgspec.json.encode(setup), indent=2) + b"\n"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(document)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                draft.replace(path)
            else:
                os.link(draft, path)  # unlike a rename, a link never replaces
        finally:
            draft.unlink(missing_ok=True)
        sync_directory(path.parent)
    except FileExistsError:
        raise SetupFault(
            f"{path} exists; it is not replaced, since every code of its keys would be lost"
        ) from None
    except OSError as error:
        raise SetupFault(f"cannot write {path}: {error.strerror}") from None


def new_secret() -> str:
    """A technician's secret: 20 random bytes in base32."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def offline_id(device_id: str, kid: int, issuer: int, slot: int, q: int) -> str:
    """The access_code_id of an offline code, the same wherever it is reckoned: cloud and lock need not have
    spoken."""
    return str(uuid.uuid5(_CODE_NAMESPACE, f"{device_id}/{kid}/{issuer}/{slot}/{q}"))
