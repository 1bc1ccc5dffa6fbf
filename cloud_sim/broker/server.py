"""The broker: listens, keeps the connections, and wakes the exchange when something is due."""

import asyncio
import logging
import ssl
import time
from pathlib import Path

from cloud_sim import cut_off
from cloud_sim.broker import snapshot
from cloud_sim.broker.connection import Connection
from cloud_sim.broker.exchange import Exchange
from cloud_sim.broker.faults import Faults
from cloud_sim.broker.tls import Revoked
from cloud_sim.mqtt5 import Reason

log = logging.getLogger(__name__)

HANDSHAKE_TIMEOUT_S = 10.0
SHUTDOWN_TIMEOUT_S = 2.0
SAVE_EVERY_S = 1.0
LOOK_EVERY_S = 0.5


class Broker:
    """One listening address. Everything runs on the loop that awaited `start`; `stop` says goodbye to all.

    With `state`, a file, what must survive a restart is read from there and written there. With
    `cut_off_file`, see `cloud_sim.cut_off`, those whom it names are cut off within half a second. As soon,
    another list of `revoked` certificates counts for whoever connects.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        faults: Faults | None = None,
        state: Path | None = None,
        cut_off_file: Path | None = None,
        revoked: Path | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self.exchange = Exchange()
        self.port = 0
        self._tls = tls
        self._state = state
        self._cut_off_file = cut_off_file
        self._revoked = None if revoked is None else Revoked(tls, revoked)
        self._look_timer: asyncio.TimerHandle | None = None
        self._saved_changes = 0
        self._connections: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._save_timer: asyncio.TimerHandle | None = None
        self._server: asyncio.Server | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Accept connections; `self.port` is the port, chosen by the system for port 0. OSError if taken."""
        self._load()
        self._look_now_and_then()
        self._server = await asyncio.get_running_loop().create_server(
            self._connection,
            host,
            port,
            ssl=self._tls,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
            ssl_shutdown_timeout=SHUTDOWN_TIMEOUT_S,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._wake()
        self._save_now_and_then()

    async def stop(self) -> None:
        """Stop listening and disconnect every client, whose wills are then due."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close(Reason.SERVER_SHUTTING_DOWN)
        for timer in (self._timer, self._save_timer, self._look_timer):
            if timer is not None:
                timer.cancel()
        self._save()

    def wipe_session(self, client_id: str) -> None:
        """Lose a session, as a broker does that was killed; its client is disconnected."""
        self.exchange.wipe(client_id, asyncio.get_running_loop().time())

    def _connection(self) -> Connection:
        return Connection(self.exchange, self.faults, self._connections, self._wake)

    def _wake(self) -> None:
        """Do what is due and come back when the next thing is."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        self.exchange.turn(loop.time())
        next_at = self.exchange.next_turn_at()
        self._timer = None if next_at is None else loop.call_at(next_at, self._wake)

    def _look_now_and_then(self) -> None:
        if self._cut_off_file is not None:
            self.faults.cut_off = cut_off.read(self._cut_off_file) or frozenset()
            for connection in list(self._connections):
                connection.obey_faults()
        if self._revoked is not None:
            self._revoked.refresh()
        self._look_timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look_now_and_then)

    def _load(self) -> None:
        kept = None if self._state is None else snapshot.load(self._state)
        if kept is not None:
            self.exchange = snapshot.restore(kept, asyncio.get_running_loop().time(), time.time())

    def _save_now_and_then(self) -> None:
        self._save()
        self._save_timer = asyncio.get_running_loop().call_later(SAVE_EVERY_S, self._save_now_and_then)

    def _save(self) -> None:
        if self._state is None or self._saved_changes == self.exchange.changes:
            return
        now = asyncio.get_running_loop().time()
        try:
            snapshot.save(snapshot.take(self.exchange, now, time.time()), self._state)
        except OSError as error:
            log.warning("cannot keep the broker's state, a restart will lose it: %s", error)
        self._saved_changes = self.exchange.changes
