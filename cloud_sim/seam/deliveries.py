"""Delivers events to webhooks: in order for each endpoint, again until it takes them, across restarts."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cloud_sim.database import Database
from cloud_sim.seam import webhooks
from cloud_sim.seam.posting import Post, post
from cloud_sim.seam.signing import signed_headers
from cloud_sim.seam.webhooks import Delivery

RETRY_AFTER_S = (5.0, 5 * 60.0, 30 * 60.0, 2 * 3600.0, 5 * 3600.0, 10 * 3600.0, 10 * 3600.0)
"""After the first try; when the last fails too the event is given up."""
TIMEOUT_S = 10.0
LOOK_EVERY_S = 0.1

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Deliveries:
    """On the loop's thread. Each endpoint has at most one delivery under way, and none waits for another's.

    At least once: an endpoint that answers while we die is sent the same event, with the same id, again."""

    database: Database
    wall: Callable[[], float]
    """Unix seconds."""
    retry_after_s: Sequence[float] = RETRY_AFTER_S
    timeout_s: float = TIMEOUT_S
    _under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                self._start_due()
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            for task in self._under_way.values():
                task.cancel()

    def _start_due(self) -> None:
        for delivery in self._due():
            if delivery.webhook_id not in self._under_way:
                self._under_way[delivery.webhook_id] = asyncio.create_task(self._deliver_to_one(delivery))

    async def _deliver_to_one(self, first: Delivery) -> None:
        """Deliver what is due to the endpoint of `first`, one after the other."""
        delivery: Delivery | None = first
        try:
            while delivery is not None:
                failure = await self._send(delivery)
                if failure is None:
                    webhooks.delivered(self.database, delivery)
                else:
                    self._missed(delivery, failure)
                same = (next_one for next_one in self._due() if next_one.webhook_id == first.webhook_id)
                delivery = next(same, None)
        except sqlite3.Error as error:  # what is not noted as delivered is due again
            _log.error("deliveries wait, as the database failed: %s", error)
        finally:
            del self._under_way[first.webhook_id]

    def _due(self) -> list[Delivery]:
        try:
            return webhooks.due(self.database, self.wall())
        except sqlite3.Error as error:
            _log.error("deliveries wait, as the database failed: %s", error)
            return []

    async def _send(self, delivery: Delivery) -> str | None:
        # Signed anew each time: receivers refuse a signature of 5 minutes ago.
        headers = signed_headers(delivery.secret, delivery.event_id, int(self.wall()), delivery.body)
        headers["Content-Type"] = "application/json"
        return await post(Post(delivery.url, headers, delivery.body, self.timeout_s))

    def _missed(self, delivery: Delivery, failure: str) -> None:
        is_last = delivery.tries >= len(self.retry_after_s)
        wait_s = None if is_last else self.retry_after_s[delivery.tries]
        webhooks.failed(self.database, delivery, wait_s, self.wall())
        _log.warning(
            "webhook %s did not take event %s (%s); %s",
            delivery.webhook_id,
            delivery.event_id,
            failure,
            "given up" if wait_s is None else f"next try in {wait_s:.0f} s",
        )
