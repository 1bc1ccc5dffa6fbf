"""Runs one cloud: database, link to the broker, HTTP API, until SIGTERM."""

import asyncio
import contextlib
import logging
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from cloud_sim import authority, key_renewals, locks, retention, settings_delivery
from cloud_sim.application import application
from cloud_sim.database import Database, open_database
from cloud_sim.device_cloud_api import BASE_PATH, Cloud
from cloud_sim.downlink import Downlink
from cloud_sim.enrolments import Enroller
from cloud_sim.fleet import Fleet
from cloud_sim.mqtt_link import MqttLink, client_tls, parse_address
from cloud_sim.rate_limits import RateLimits
from cloud_sim.revocations import LOOK_EVERY_S, Revocations
from cloud_sim.seam import backup_pool, connections
from cloud_sim.seam.announcer import Announcer
from cloud_sim.seam.deliveries import Deliveries
from cloud_sim.state_directory import StateDirectory, write_private

HEARTBEAT_EVERY_S = 15 * 60
FORGET_EVERY_S = 15 * 60
HTTP_GRACE_S = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to run. `http_port` 0: any free one. `public_url`: where locks reach us, if not at that port."""

    state: StateDirectory
    http_port: int
    mqtt_url: str
    token_file: Path | None = None
    public_url: str | None = None
    keep_events_days: int = retention.DEFAULT_DAYS
    disconnected_after_s: float = connections.DISCONNECTED_AFTER_S
    """How long a lock may be away before that is told."""
    rate_limits: Mapping[str, int] | None = None
    """See `rate_limits`; None for no limits."""


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process by the signal instead of cleanly."""

    url: str

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        yield

    def stop(self) -> None:
        """End after the requests under way."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        sys.stdout.write(f"ready {self.url}{BASE_PATH}\n")
        sys.stdout.flush()


async def serve(options: ServeOptions) -> None:
    """Serve until SIGTERM or SIGINT. The broker may be absent; it is tried again until it is there.

    Raises NotInitialised, BadAddress, or OSError for a port that is taken."""
    keys = authority.load(options.state, options.token_file)
    link = MqttLink(parse_address(options.mqtt_url), client_tls(options.state))
    database = open_database(options.state.database)
    listening = _listening(options.http_port)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    write_private(options.state.url, f"{url}\n".encode())
    downlink = Downlink(
        database, keys.keyring, link.publish, time.time, asyncio.get_running_loop().call_later
    )
    enroller = Enroller(database, keys, f"{options.public_url or url}/enrolments", options.mqtt_url)
    cloud = Cloud(
        database,
        downlink,
        enroller,
        lambda: link.is_up,
        time.time,
        keys.api_token,
        boards=options.state.boards,
        cut_off=options.state.cut_off,
        rate_limits=None if options.rate_limits is None else RateLimits(options.rate_limits),
    )
    fleet = Fleet(database, downlink, time.time, keys.certify)
    announcer = Announcer(database, time.time, lambda: link.is_up, options.disconnected_after_s)
    deliveries = Deliveries(database, time.time)
    server = _Server(
        uvicorn.Config(
            application(cloud, keys.seam_api_key),
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=HTTP_GRACE_S,
        )
    )
    server.url = url
    try:
        async with asyncio.TaskGroup() as tasks:
            endless = (
                link.run(fleet),
                _heartbeats(fleet),
                _wishes(fleet),
                _revoking(Revocations(database, keys, options.state.revoked)),
                announcer.run(),
                deliveries.run(),
                _forgetting(database, options.keep_events_days),
            )
            background = [tasks.create_task(work) for work in endless]
            await server.serve([listening])
            for task in background:
                task.cancel()
    finally:
        database.close()


def _listening(port: int) -> socket.socket:
    # With the protocol named: asyncio sets TCP_NODELAY on no other, and every answer would take 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise OSError(f"--http-port {port}: {error.strerror}; name another one, or 0 for any") from None
    return listening


async def _heartbeats(fleet: Fleet) -> None:
    while True:
        _renew_backup_codes(fleet)
        await asyncio.sleep(HEARTBEAT_EVERY_S)
        fleet.heartbeat()


async def _wishes(fleet: Fleet) -> None:
    while True:
        await asyncio.sleep(settings_delivery.DELIVER_EVERY_S)
        try:
            settings_delivery.deliver_all(fleet.database, fleet.downlink, fleet.wall())
            key_renewals.ask_all(fleet.database, fleet.downlink, fleet.wall())
        except sqlite3.Error as error:  # they are durable, and told again
            _log.error("what is wanted of locks waits to be told, as the database failed: %s", error)


async def _revoking(revocations: Revocations) -> None:
    while True:
        try:
            revocations.keep_up()
        except (OSError, ValueError, sqlite3.Error) as error:
            _log.error("the broker's list of revoked certificates waits to be written: %s", error)
        await asyncio.sleep(LOOK_EVERY_S)


async def _forgetting(database: Database, keep_days: int) -> None:
    """Forget old events now and then, a few at a time: nobody waits for it."""
    while True:
        try:
            forgotten = 0
            while count := retention.forget_some(database, keep_days, time.time()):
                forgotten += count
                await asyncio.sleep(0)
            if forgotten:
                database.empty_log()
                _log.info("forgot %d events that were older than %d days", forgotten, keep_days)
        except sqlite3.Error as error:
            _log.error("old events are forgotten later, as the database failed: %s", error)
        await asyncio.sleep(FORGET_EVERY_S)


def _renew_backup_codes(fleet: Fleet) -> None:
    try:
        renewed = backup_pool.renew(fleet.database, fleet.wall())
    except sqlite3.Error as error:  # they live for days yet, and this is tried again
        _log.error("backup codes wait to be renewed, as the database failed: %s", error)
        return
    for lock_id in set(renewed).intersection(locks.enrolled_lock_ids(fleet.database)):
        fleet.downlink.manifest(lock_id)
