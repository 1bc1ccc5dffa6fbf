"""The bodies of all messages between lock and cloud, and the values the uplink posts to the controller.

Wire types are msgspec structs: unknown fields are tolerated (a newer cloud), wrong types are not.
Times on the wire are integer Unix seconds. Envelope and headers: `agent.envelope`.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

TOPIC_ROOT = "lock/v1"
MESSAGE_LIMIT_BYTES = 32 * 1024
"""No message over this is sent or opened."""
MANIFEST_LIMIT_BYTES = 12 * 1024
EVENT_BATCH_ROWS = 50
EVENT_BATCH_BYTES = 16 * 1024
EVENT_BATCHES_IN_FLIGHT = 4

UP_STREAMS = ("status", "events", "codes", "request")
DOWN_STREAMS = ("desired", "bucket", "command", "ack", "heartbeat", "offline", "keys", "renewal")

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Both sides keep these in databases and reckon with them as floats."""
UnixSeconds = Annotated[int, msgspec.Meta(ge=0, le=2**37)]
"""Until the year 6325: every calendar can show it. Milliseconds are refused."""


def topic(device_id: str, direction: str, stream: str) -> str:
    """`lock/v1/<device>/<up|down>/<stream>`."""
    return f"{TOPIC_ROOT}/{device_id}/{direction}/{stream}"


# --- cloud -> lock -----------------------------------------------------------------------------------


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `down/desired`, retained: the whole set by digest. `rev` and `set_epoch` are claims."""

    count: Count
    buckets: str
    """`code_set.pack_digests`."""
    root: str


class BucketPart(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `down/bucket`, sealed: rows of one bucket at revision `rev` (a claim). Digits are in `rows`."""

    index: int
    part: int
    """From 0."""
    parts: int
    rows: list[dict[str, Any]]
    """Definitions plus `code`, the digits."""

    def __repr__(self) -> str:
        return f"BucketPart(index={self.index}, part={self.part}, parts={self.parts}, rows={len(self.rows)})"


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `down/ack`: the cloud holds every row of `journal_epoch` up to `upto`, durably."""

    journal_epoch: str
    upto: int


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `down/heartbeat`: the newest revision and the time; with `nonce` it answers a time request."""

    head_rev: Count
    time: UnixSeconds
    nonce: str | None = None


class CommandBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `down/command`, never retained. Claims: `id`; `iat` and `exp`, at most 30 s apart; `sid`, the
    session of the lock's newest status."""

    type: str
    """See `agent.commands`."""
    args: dict[str, Any] = msgspec.field(default_factory=dict)


class PinnedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the cloud by which messages are signed; `until`: after that it counts no more."""

    key: dict[str, str]
    """Public JWK, Ed25519."""
    until: UnixSeconds | None = None


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `down/keys`, retained: all keys of the cloud that count, in place of those before.

    `rev` is a claim. Exactly one of `signing` has no end: the newest."""

    signing: Annotated[list[PinnedKey], msgspec.Meta(min_length=1, max_length=8)]
    sealing: dict[str, str]
    """Public JWK, X25519."""


class RenewedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `down/renewal`, never retained: the keys that the lock proposed count from now on.

    It answers one renewal and names the keys by their thumbprints (RFC 7638)."""

    renewal_id: str
    identity: str
    sealing: str
    certificate: str
    """Of the new TLS key, PEM."""


# --- lock -> cloud -----------------------------------------------------------------------------------


class Status(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of `up/status`, retained; also the will (`online` false, only `sid`)."""

    online: bool
    sid: str
    agent_version: str | None = None
    device_time: UnixSeconds | None = None
    clock: str | None = None
    """trusted, holdover or unknown."""
    strike: str | None = None
    """released, locked, or unconfirmed: told to lock, and its sensor does not say so."""
    mode: str | None = None
    """See `agent.core.modes`."""
    release_s: float | None = None
    """How long a release lasts that says nothing else."""
    settings: str | None = None
    """Digest of what the cloud set (`agent.changed_settings`); empty: the lock cannot use what it has."""
    door: str | None = None
    """open, closed or unknown."""
    alarms: list[str] = msgspec.field(default_factory=list)
    links: dict[str, bool] = msgspec.field(default_factory=dict)
    set_epoch: Count = 0
    applied_rev: Count = 0
    offline_rev: Count = 0
    """The setup for offline and rolling codes that counts; 0 for none."""
    keys_rev: Count = 0
    """The newest `Keys` that were taken; 0: those of the enrolment."""
    cloud_kid: str | None = None
    """The name of the signing key of the cloud that is the newest here."""


class Codes(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `up/codes`, retained: what the lock holds. A code not named by a `code_state` row is set."""

    set_epoch: Count
    rev: Count
    root: str
    count: Count
    capacity: Count
    constraints: dict[str, Any]
    highest_rev: Count = 0
    """The newest manifest that was accepted, whose set may still be on its way; nothing below is believed."""
    highest_root: str = ""
    local: int = 0
    """How many codes besides were made at the door; they take up capacity too."""


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of `up/request`: `type` is `buckets` (with `rev`, `need`), `time`, or `retire`: the lock is being
    wiped, and its keys count no more (both with `nonce`, and answered by a heartbeat that carries it), or
    `renew` (with `proposal`, see `agent.renewal_exchange`)."""

    type: str
    rev: int | None = None
    need: list[int] | None = None
    nonce: str | None = None
    proposal: str | None = None


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `up/events`: consecutive journal rows, oldest first (see `JournalRow.wire`)."""

    journal_epoch: str
    rows: list[dict[str, Any]]


# --- uplink -> controller (posted to the inbox) --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UplinkChanged:
    """The session with the broker came up (with its new `sid`) or went down."""

    is_up: bool
    sid: str
    reason: str


@dataclass(frozen=True, slots=True)
class ManifestReceived:
    """A signed manifest for this lock; revision rules are the controller's. `settle` it when durable."""

    set_epoch: int
    rev: int
    manifest: Manifest
    token: int


@dataclass(frozen=True, slots=True)
class BucketReceived:
    """One opened part of a bucket of revision `rev`."""

    set_epoch: int
    rev: int
    bucket: BucketPart
    token: int


@dataclass(frozen=True, slots=True)
class AckReceived:
    """The cloud acknowledged journal rows."""

    ack: Ack
    token: int


@dataclass(frozen=True, slots=True)
class HeartbeatReceived:
    """Signed time and newest revision; `arrived_s` is `now` at arrival, `exp` its end of life (wall)."""

    heartbeat: Heartbeat
    exp: int
    arrived_s: float
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReceived:
    """A genuine command for this lock; whether it is meant for now is the controller's to judge.

    `arrived_s` is `now` at arrival, the other times are Unix seconds."""

    id: str
    type: str
    args: dict[str, Any]
    iat: int
    exp: int
    sid: str
    arrived_s: float
    token: int


@dataclass(frozen=True, slots=True)
class OfflineReceived:
    """A whole setup for offline and rolling codes (`agent.offline_setup`), in JSON, with its keys."""

    set_epoch: int
    rev: int
    document: bytes = field(repr=False)
    token: int


@dataclass(frozen=True, slots=True)
class KeysReceived:
    """Other keys of the cloud; `signer` is the name of the pinned key that signed them."""

    rev: int
    keys: Keys
    signer: str
    token: int


@dataclass(frozen=True, slots=True)
class RenewalReceived:
    """The cloud's answer to the keys this lock proposed; `signer` as in `KeysReceived`."""

    answer: RenewedKeys
    signer: str
    token: int


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """A message that was not believed: nothing of it was used."""

    stream: str
    reason: str


@dataclass(frozen=True, slots=True)
class RowsWanted:
    """The uplink can send journal rows after `after_seq`; answer with `Uplink.rows`, possibly empty."""

    after_seq: int
    limit: int


UplinkSignal = (
    UplinkChanged
    | ManifestReceived
    | BucketReceived
    | AckReceived
    | HeartbeatReceived
    | CommandReceived
    | OfflineReceived
    | KeysReceived
    | RenewalReceived
    | MessageRefused
    | RowsWanted
)
