"""Makes the events of the Seam-compatible API of what the rest of the cloud wrote down: each exactly once."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cloud_sim import guide_events
from cloud_sim.database import Database
from cloud_sim.seam import (
    attempt_outcomes,
    code_delays,
    code_events,
    connections,
    door_code_events,
    lock_events,
    offline_code_events,
)
from cloud_sim.seam.event_log import record

LOOK_EVERY_S = 0.1
CLOCK_EVERY_S = 1.0
NEWS_AT_ONCE = 500
"""So much in one transaction; a lock that was away for weeks must not hold up the loop."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Announcer:
    """On the loop's thread. What it takes from the news and what it tells of it are one transaction."""

    database: Database
    wall: Callable[[], float]
    """Unix seconds."""
    is_listening: Callable[[], bool]
    """Whether locks could reach us now: a cloud without its broker knows of no lock that it is gone."""
    disconnected_after_s: float = connections.DISCONNECTED_AFTER_S
    _looked_at_s: float | None = field(default=None, init=False)
    _delays: code_delays.Watch = field(default_factory=code_delays.Watch, init=False)

    async def run(self) -> None:
        """Tell until cancelled. A storage fault is logged and tried again: nothing is lost by it."""
        while True:
            try:
                self.turn()
            except sqlite3.Error as error:
                _log.error("events wait, as the database failed: %s", error)
            await asyncio.sleep(LOOK_EVERY_S)

    def turn(self) -> None:
        """Tell all that is new, but at most NEWS_AT_ONCE."""
        wall = self.wall()
        has_looked = self._look_at_the_clock(wall)
        if self._tell_news(wall) < NEWS_AT_ONCE:  # that a code is late is told after its creation
            self._delays.look(self.database, wall)
            if has_looked:  # that one is over is told after its use
                with self.database.transaction():
                    offline_code_events.tell_all(self.database, wall)

    def _tell_news(self, wall: float) -> int:
        """How much news there was."""
        news = self.database.rows("SELECT * FROM news ORDER BY news_id LIMIT ?", NEWS_AT_ONCE)
        # Whether a code is on its lock is told after its creation, so not while some of that waits.
        stale = self.database.rows("SELECT lock_id FROM locks_to_look_at") if len(news) < NEWS_AT_ONCE else []
        if not (news or stale or attempt_outcomes.are_pending(self.database)):
            return len(news)
        with self.database.transaction():
            attempt_outcomes.settle(self.database, wall)
            self._tell_all(news, {row["lock_id"] for row in stale}, wall)
            for row in stale:
                code_events.tell_stages(self.database, row["lock_id"], wall)
                guide_events.tell_codes(self.database, row["lock_id"], wall)
                self.database.run("DELETE FROM locks_to_look_at WHERE lock_id = ?", row["lock_id"])
        return len(news)

    def _look_at_the_clock(self, wall: float) -> bool:
        """Whether it was time to."""
        last = self._looked_at_s
        if last is not None and 0 <= wall - last < CLOCK_EVERY_S:
            return False
        # At the start, and when the clock was set back, everything may be due.
        after_s = 0.0 if last is None or wall < last else last
        with self.database.transaction():
            for lock_id in code_events.locks_with_boundaries(self.database, after_s, wall):
                self.database.run("INSERT OR IGNORE INTO locks_to_look_at VALUES (?)", lock_id)
            if self.is_listening():
                connections.tell(self.database, wall, self.disconnected_after_s)
        self._looked_at_s = wall
        return True

    def _tell_all(self, news: list[dict[str, Any]], not_looked_at: set[str], wall: float) -> None:
        for item in news:
            if item["kind"] == "lock_event" and item["lock_id"] in not_looked_at:
                # A code is on its lock before it opens it.
                code_events.tell_arrivals(self.database, item["lock_id"], wall)
                guide_events.tell_codes(self.database, item["lock_id"], wall)
                not_looked_at.discard(item["lock_id"])
            self._tell(item, wall)
        if news:
            self.database.run("DELETE FROM news WHERE news_id <= ?", news[-1]["news_id"])

    def _tell(self, item: dict[str, Any], wall: float) -> None:
        lock_id, about = item["lock_id"], item["about"]
        match item["kind"]:
            case "lock_event":
                self._tell_event(lock_id, int(about), wall)
            case "code_created":
                code_events.tell_new(self.database, lock_id, about, item["detail"], wall)
            case "code_changed":
                code_events.tell_changed(self.database, lock_id, about, item["detail"], wall)
            case "code_removed_at_door":
                removed = json.loads(item["detail"])
                door_code_events.tell_removed_at_door(self.database, lock_id, about, removed, wall)
            case "code_deletion":
                code_events.tell_deletion(self.database, lock_id, about, wall)
            case "code_gone":
                code_events.tell_gone(self.database, lock_id, about, item["detail"], wall)

    def _tell_event(self, lock_id: str, sequence: int, wall: float) -> None:
        row = self.database.row(
            "SELECT event FROM events WHERE lock_id = ? AND sequence = ?", lock_id, sequence
        )
        if row is None:
            return
        happened = json.loads(row["event"])
        event = lock_events.told(self.database, happened)
        if event is not None:
            offline_code_events.tell(self.database, lock_id, wall, ends=False)
            record(self.database, event, wall)
        guide_events.tell_event(self.database, lock_id, happened, wall)
