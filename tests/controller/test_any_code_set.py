"""Whatever the cloud signs as a code set: nothing stops, nothing is half applied, the next is taken."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.core import code_set
from agent.envelope import OKPKey, Opener, Signer, kid_of, new_sealing_key, new_signing_key
from agent.messages import MESSAGE_LIMIT_BYTES, topic
from agent.uplink.inbound import Arrival, Inbound
from firmware_sim.enrolled import DEVICE_ID
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON

CLOUD, LOCK = new_signing_key(), new_sealing_key()
OPENER = Opener(DEVICE_ID, {kid_of(CLOUD): OKPKey.import_key(CLOUD.as_dict(private=False))}, LOCK)
ANNA, BEN = (code_row(f"{n}" * 8 + "-0000-4000-8000-000000000000", "493817") for n in "12")
QUICK = settings(max_examples=60, deadline=None)

_keys = st.sampled_from(
    [*sorted(ANNA), "starts_at", "ends_at", "max_uses", "weekly", "zone", "holidays", "x"]
)
_numbers = st.integers() | st.integers(0, 2**70) | st.floats(allow_nan=False, allow_infinity=False)
_texts = st.text(max_size=9) | st.sampled_from(["\ud800", "\x00", "493817", "4938\u0661", "e\u0301" * 9])
_values = st.recursive(
    st.none() | st.booleans() | _numbers | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_changes = st.dictionaries(_keys, _values, max_size=4)
_rows = st.lists(
    st.builds(
        lambda n, changes: code_row(f"{n:08x}", f"{730_411 + n}") | changes, st.integers(0, 9), _changes
    )
    | _changes,
    max_size=6,
)


class Lock:
    """A door that holds Anna's code, told by a cloud that may be out of its mind."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)
        self.site = Site(self.directory)
        self.site.connect()
        self.rev = 0
        self.install([ANNA])

    def say(self, stream: str, body: dict[str, Any], rev: int) -> None:
        """One genuine message; what JSON can say beyond what the encoder takes is in `Raw` values."""
        signer, claims = Signer(DEVICE_ID, CLOUD), {"iat": NOON, "set_epoch": 1, "rev": rev}
        if stream == "bucket":
            raw = signer.seal(stream, body, LOCK, **claims)
        else:
            raw = signer.sign(stream, body, **claims)
        assert len(raw) <= MESSAGE_LIMIT_BYTES, "this would not be sent"
        arrival = Arrival(topic(DEVICE_ID, "down", stream), raw, False, self.site.clock.now_s)
        self.site.say(Inbound(OPENER).read(arrival, 1, NOON))

    def offer(self, rows: list[dict[str, Any]]) -> int:
        """The manifest of these rows, all in one bucket, as if they were all right."""
        return self.offer_canonical([_canonical(row) for row in rows])

    def offer_canonical(self, rows: list[str]) -> int:
        self.rev += 1
        digests = [code_set.bucket_digest(rows)]
        root = code_set.root(DEVICE_ID, 1, self.rev, digests)
        self.say("desired", {"count": 0, "buckets": code_set.pack_digests(digests), "root": root}, self.rev)
        return self.rev

    def part(self, rev: int, index: object, part: object, parts: object, rows: object) -> None:
        body = {"index": index, "part": part, "parts": parts, "rows": rows}
        self.say(
            "bucket", {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}, rev
        )

    def install(self, rows: list[dict[str, Any]]) -> None:
        """A sound set; afterwards it decides."""
        self.part(self.offer(rows), 0, 0, 1, rows)
        assert self.applied == self.rev

    def restart(self) -> None:
        """The agent begins anew on what it has on its disk."""
        self.site.close()
        self.site = Site(self.directory, self.site.clock)
        self.site.connect()

    @property
    def applied(self) -> int:
        return self.site.controller.codes.revision.applied_rev

    def opens(self) -> bool:
        """Whether Anna's code opens; there are always guesses enough for it."""
        before = self.site.strike.releases
        self.site.type("493817#")
        return self.site.strike.releases > before


def _canonical(row: dict[str, Any]) -> str:
    """What would match if it could be counted; where it cannot be, nothing does."""
    return code_set.canonical(row).encode(errors="replace").decode()


@contextmanager
def a_lock() -> Iterator[Lock]:
    with tempfile.TemporaryDirectory() as directory:
        lock = Lock(directory)
        yield lock
        lock.site.close()


def test_whatever_rows_a_set_has_it_becomes_true_whole_or_not_at_all() -> None:
    with a_lock() as lock:

        @QUICK
        @example([ANNA, BEN | {"gen": 2**70}])
        @example([ANNA, BEN | {"access_code_id": "\ud800"}])
        @example([ANNA, BEN | {"access_code_id": "\x00"}])
        @example([ANNA, ANNA])
        @given(_rows)
        def told(rows: list[dict[str, Any]]) -> None:
            rev = lock.offer(rows)
            lock.part(rev, 0, 0, 1, rows)
            if lock.applied == rev:
                assert len(lock.site.controller.codes.holding) == len(rows)
            else:
                assert lock.opens()
            lock.install([ANNA])
            assert lock.opens()

        told()


_places = st.integers(-1, 3) | st.integers() | st.sampled_from([255, 256, 2**63, 2**64, None, "0", 0.5, True])


def test_parts_in_any_order_with_any_numbers_never_make_half_a_set() -> None:
    rows = [code_row(f"{n:08x}", f"{730_411 + n}") for n in range(3)]
    with a_lock() as lock:

        @QUICK
        @given(
            st.lists(st.tuples(_places, _places, _places, st.integers(0, 2), st.integers(-1, 1)), max_size=8)
        )
        def told(parts: list[tuple[Any, Any, Any, int, int]]) -> None:
            rev = lock.offer(rows)
            for index, part, count, row, late in parts:
                lock.part(rev + late, index, part, count, rows[row : row + 1])
                is_whole = lock.applied == rev
                assert len(lock.site.controller.codes.holding) == (3 if is_whole else 1)
            assert lock.applied == rev or lock.opens()
            for part in (2, 0, 1):
                lock.part(rev, 0, part, 3, rows[part : part + 1])
            assert lock.applied == rev
            lock.install([ANNA])

        told()


def test_any_manifest_that_is_not_sound_changes_nothing() -> None:
    with a_lock() as lock:

        @QUICK
        @given(_values, _values | st.text(max_size=400), _values)
        def told(count: Any, buckets: Any, root: Any) -> None:
            before = lock.applied
            body = {"count": count, "buckets": buckets, "root": root}
            raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}
            lock.say("desired", raw, lock.rev + 1)
            assert (lock.applied, lock.opens()) == (before, True)

        told()
        lock.install([BEN])


def test_what_is_nested_as_deep_as_it_may_be_read_stops_nobody() -> None:
    with a_lock() as lock:
        for depth in (100, 900, 940, 950, 960, 970, 980, 990, 1000, 5000):
            deep = "[" * depth + "]" * depth
            rev = lock.offer_canonical([code_set.canonical(ANNA | {"x": 0}).replace('"x":0', f'"x":{deep}')])
            row = msgspec.Raw(json.dumps(ANNA | {"x": 0}).replace('"x": 0', f'"x": {deep}').encode())
            lock.say("bucket", {"index": 0, "part": 0, "parts": 1, "rows": [row]}, rev)
            assert lock.applied < rev or len(lock.site.controller.codes.holding.table) == 0
            lock.restart()
            lock.install([ANNA])
            assert lock.opens()
