"""A code set as both sides count it: canonical rows, bucket digests, root; no digits anywhere.

The cloud and the lock each compute these over their own copy; equal digests mean equal sets.
A *definition* is one access code as the cloud defines it: a JSON object of `access_code_id`, `gen`,
`code_rev`, `kind` and its rules, without digits and without a name (the cloud does not know the tag
key of the lock, and a name is not the lock's business). Absent and null are the same: nulls are left out.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence

DIGEST_BYTES = 16
BUCKET_COUNTS = (1, 16, 256)
PART_LIMIT_BYTES = 12 * 1024
"""Rows of one bucket message, as JSON; a larger bucket travels in parts."""

MAX_PARTS = 64

NOT_IN_DIGEST = frozenset({"code", "name"})


def canonical(definition: Mapping[str, object]) -> str:
    """RFC 8785 form of one definition. Definitions hold strings, integers, booleans, lists and objects,
    for which sorted keys without white space are that form; digits, names and nulls are left out."""
    kept = {key: value for key, value in definition.items() if key not in NOT_IN_DIGEST and value is not None}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def bucket_count(codes: int, current: int = 1) -> int:
    """How many buckets a set of `codes` codes uses: up past 32 and 512, down at half of that."""
    if codes > 512 or (current == 256 and codes > 256):
        return 256
    if codes > 32 or (current >= 16 and codes > 16):
        return 16
    return 1


def bucket_of(access_code_id: str, buckets: int) -> int:
    """The bucket an access code belongs to, 0 .. buckets - 1."""
    return hashlib.sha256(access_code_id.encode()).digest()[0] * buckets // 256


def bucket_digest(canonical_rows: Iterable[str]) -> bytes:
    """First 16 bytes of SHA-256 over the canonical rows of one bucket, sorted (the id leads the keys)."""
    return hashlib.sha256("\n".join(sorted(canonical_rows)).encode()).digest()[:DIGEST_BYTES]


def bucket_digests(canonical_by_id: Mapping[str, str], buckets: int) -> list[bytes]:
    """The digest of every bucket of a whole set, in order. `canonical_by_id`: access_code_id -> row."""
    rows: list[list[str]] = [[] for _ in range(buckets)]
    for access_code_id, row in canonical_by_id.items():
        rows[bucket_of(access_code_id, buckets)].append(row)
    return [bucket_digest(bucket) for bucket in rows]


class BucketCounter:
    """Counts the digests of a set whose rows come one by one, without keeping them."""

    def __init__(self, buckets: int) -> None:
        self._hashes = [hashlib.sha256() for _ in range(buckets)]
        self._last = [""] * buckets

    def add(self, access_code_id: str, row: str) -> bool:
        """Count a canonical row. False: it sorts before one of its bucket that came before it, so that
        bucket has to be counted in another way. Rows in the order of their ids, all UUIDs, never do."""
        index = bucket_of(access_code_id, len(self._hashes))
        last = self._last[index]
        self._hashes[index].update(f"\n{row}".encode() if last else row.encode())
        self._last[index] = row
        return last < row

    def digests(self) -> list[bytes]:
        """The digest of every bucket, in order."""
        return [each.digest()[:DIGEST_BYTES] for each in self._hashes]


def root(device_id: str, set_epoch: int, rev: int, digests: Sequence[bytes]) -> str:
    """SHA-256 in hex over device, epoch, revision and all bucket digests: names one set of one lock."""
    head = b"root/1" + device_id.encode() + set_epoch.to_bytes(4, "big") + rev.to_bytes(8, "big")
    return hashlib.sha256(head + b"".join(digests)).hexdigest()


def pack_digests(digests: Sequence[bytes]) -> str:
    """The `buckets` field of a manifest: base64url of the digests, unpadded."""
    return urlsafe_b64encode(b"".join(digests)).rstrip(b"=").decode()


def unpack_digests(packed: str) -> list[bytes]:
    """The reverse of `pack_digests`. Raises ValueError unless it holds 1, 16 or 256 digests."""
    raw = urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    digests = [raw[i : i + DIGEST_BYTES] for i in range(0, len(raw), DIGEST_BYTES)]
    if len(digests) not in BUCKET_COUNTS or len(digests[-1]) != DIGEST_BYTES:
        raise ValueError(f"a manifest has 1, 16 or 256 bucket digests, this one has {len(raw)} bytes of them")
    return digests


def differing(ours: Sequence[bytes], theirs: Sequence[bytes]) -> list[int]:
    """The buckets to fetch; all of them when the two sides count in different numbers of buckets."""
    if len(ours) != len(theirs):
        return list(range(len(theirs)))
    return [index for index, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
