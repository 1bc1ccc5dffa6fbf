"""The broker: listens, keeps the connections, and wakes the exchange when something is due."""

import asyncio
import ssl

from cloud_sim.broker.connection import Connection
from cloud_sim.broker.exchange import Exchange
from cloud_sim.broker.faults import Faults
from cloud_sim.mqtt5 import Reason

HANDSHAKE_TIMEOUT_S = 10.0
SHUTDOWN_TIMEOUT_S = 2.0


class Broker:
    """One listening address. Everything runs on the loop that awaited `start`; `stop` says goodbye to all."""

    def __init__(
        self, tls: ssl.SSLContext, faults: Faults | None = None, exchange: Exchange | None = None
    ) -> None:
        self.faults = faults or Faults()
        self.exchange = exchange or Exchange()
        self._tls = tls
        self._connections: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Accept connections; `self.port` is the port, chosen by the system for port 0. OSError if taken."""
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

    async def stop(self) -> None:
        """Stop listening and disconnect every client, whose wills are then due."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        for connection in list(self._connections):
            connection.close(Reason.SERVER_SHUTTING_DOWN)
        if self._timer is not None:
            self._timer.cancel()

    def wipe_session(self, client_id: str) -> None:
        """Lose a session, as a broker does that was killed; its client is disconnected."""
        self.exchange.wipe(client_id, asyncio.get_running_loop().time())

    def _connection(self) -> Connection:
        connection = Connection(self.exchange, self.faults, self._left)
        self._connections.add(connection)
        return connection

    def _left(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._wake()

    def _wake(self) -> None:
        """Do what is due and come back when the next thing is."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        self.exchange.turn(loop.time())
        next_at = self.exchange.next_turn_at()
        self._timer = None if next_at is None else loop.call_at(next_at, self._wake)
