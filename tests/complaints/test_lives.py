"""Any life of a lock and its cloud ends in agreement: messages lost, both killed, a backup restored, codes
made, changed, removed and used in any order meanwhile."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from cloud_sim import access_codes
from firmware_sim.enrolled import DEVICE_ID
from tests.complaints.pair import Pair

DIGITS = st.sampled_from(["246802", "135791", "864209", "975310"])
USES = st.sampled_from([None, 1, 2])


class Lives(RuleBasedStateMachine):
    """The model: what people want, and how often each code has opened, which nothing takes back."""

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.pair = Pair(self.directory)
        self.wanted: dict[str, tuple[str, int | None]] = {}
        self.ever: dict[str, set[tuple[str, int | None]]] = {}
        self.opened: dict[str, int] = {}
        self.backup: tuple[Path, dict[str, tuple[str, int | None]]] | None = None

    # --- people -------------------------------------------------------------------------------------

    @rule(digits=DIGITS, uses=USES)
    def create(self, digits: str, uses: int | None) -> None:
        if any(
            digits == row["code"] and not access_codes.has_ended(row, self.pair.now)
            for row in access_codes.of_lock(self.pair.database, DEVICE_ID)
        ):
            return
        made = self.pair.create(digits, max_uses=uses)
        self.want(made, digits, uses)

    def want(self, access_code_id: str, digits: str, uses: int | None) -> None:
        """From now on. The digits of a code that has ended go to this one."""
        others = {each: what for each, what in self.wanted.items() if what[0] != digits}
        self.wanted = others | {access_code_id: (digits, uses)}
        self.ever.setdefault(access_code_id, set()).add((digits, uses))

    def one_of_them(self, data: Any) -> str:
        place: int = data.draw(st.integers(0, len(self.wanted) - 1))
        return list(self.wanted)[place]

    @precondition(lambda self: self.wanted)
    @rule(data=st.data(), digits=DIGITS, uses=USES)
    def change(self, data: Any, digits: str, uses: int | None) -> None:
        which = self.one_of_them(data)
        row = access_codes.find(self.pair.database, which)
        if row is None or not row["is_in_set"]:
            return
        if self.pair.change(which, code=digits, max_uses=uses) is None:
            self.want(which, digits, uses)

    @precondition(lambda self: self.wanted)
    @rule(data=st.data())
    def delete(self, data: Any) -> None:
        which = self.one_of_them(data)
        self.pair.delete(which)
        del self.wanted[which]

    @rule(digits=DIGITS)
    def type(self, digits: str) -> None:
        """What opens was once wanted so, and had uses left by that."""
        before = len(self.granted())
        self.pair.opens(digits)
        for access_code_id in self.granted()[before:]:
            so_far = self.opened.get(access_code_id, 0)
            assert any(
                digits == once and (uses is None or so_far < uses) for once, uses in self.ever[access_code_id]
            )
            self.opened[access_code_id] = so_far + 1

    def granted(self) -> list[str]:
        return [row["detail"]["access_code_id"] for row in self.pair.site.journal("access_granted")]

    # --- what happens to messages and machines --------------------------------------------------------

    @rule()
    def the_lock_is_heard(self) -> None:
        self.pair.hear_lock()

    @rule()
    def the_cloud_is_heard(self) -> None:
        self.pair.hear_cloud()

    @rule()
    def all_on_the_way_is_lost(self) -> None:
        self.pair.lose_all()

    @rule()
    def the_lock_dies(self) -> None:
        self.pair.restart_lock()

    @rule()
    def the_cloud_dies(self) -> None:
        self.pair.restart_cloud()

    @rule()
    def the_lock_connects(self) -> None:
        self.pair.connect()

    @rule()
    def the_cloud_is_backed_up(self) -> None:
        self.backup = (self.pair.back_up(), dict(self.wanted))

    @precondition(lambda self: self.backup is not None)
    @rule(meanwhile=st.lists(DIGITS, max_size=3))
    def the_cloud_is_restored(self, meanwhile: list[str]) -> None:
        """And people go on before it has heard of its lock: revisions are given out for the second time."""
        assert self.backup is not None
        copy, wanted = self.backup
        self.pair.restore(copy)
        self.wanted = dict(wanted)
        for digits in meanwhile:
            self.create(digits, None)

    @rule()
    def the_cloud_connects(self) -> None:
        self.pair.cloud_connects()

    # --- what holds -----------------------------------------------------------------------------------

    @rule()
    def in_the_end_all_agree(self) -> None:
        self.pair.restart_lock()  # with it come new guesses, see below
        with self.pair.site.store.database.transaction() as db:
            db.execute("DELETE FROM throttle")
        self.pair.restart_lock()
        self.pair.cloud_connects()
        self.pair.connect()
        self.pair.wait(60)
        self.pair.wait(60)
        assert self.pair.agree()
        for access_code_id, (digits, uses) in self.wanted.items():
            before = len(self.granted())
            opens = self.pair.opens(digits)
            assert opens == (uses is None or self.opened.get(access_code_id, 0) < uses)
            for each in self.granted()[before:]:
                assert each == access_code_id
                self.opened[each] = self.opened.get(each, 0) + 1
        self.pair.exchange()
        assert {row["access_code_id"] for row in self.in_set()} == self.wanted.keys()

    def in_set(self) -> list[dict[str, Any]]:
        rows = access_codes.of_lock(self.pair.database, DEVICE_ID)
        return [row for row in rows if row["is_in_set"] and row["deleted_ms"] is None]

    def teardown(self) -> None:
        if hasattr(self, "pair"):
            self.pair.close()
            shutil.rmtree(self.directory)


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=15, stateful_step_count=40, deadline=None)
