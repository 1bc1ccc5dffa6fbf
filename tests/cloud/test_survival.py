"""Restarts and crashes: what was answered or acknowledged is still there, and everything goes on."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud_sim.authority import initialise
from cloud_sim.mosquitto import find_mosquitto
from cloud_sim.state_directory import StateDirectory
from tests.broker.brokers import RunningBroker, start_builtin, start_mosquitto
from tests.cloud.device import Device, enrol, journal_rows
from tests.cloud.site import NOWHERE, CloudProcess, tls_files
from tests.waiting import wait_for

Start = Callable[..., RunningBroker]
BROKERS = [
    start_builtin,
    pytest.param(
        start_mosquitto,
        marks=pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed"),
    ),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def send_next(device: Device, rows: list[dict[str, Any]]) -> None:
    """As a lock does: the rows after those acknowledged, until more are."""
    acked = max(device.acked(), 0)
    device.events(rows[acked : acked + 12])
    wait_for(lambda: device.acked() > acked)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_keeps_everything(cloud: CloudProcess, device: Device, how: signal.Signals) -> None:
    path = f"/locks/{device.device_id}"
    cloud.api.post(f"{path}/access_codes", code="0417", name="Cleaner")
    device.status(door="closed")
    device.apply(rev=2)
    device.events(journal_rows(("boot", {}), ("door_opened", {})))
    wait_for(lambda: device.acked() == 2)
    wait_for(lambda: cloud.api.get(path).body["applied_rev"] == 2)
    before = [cloud.api.get(path + rest).body for rest in ("", "/access_codes", "/events")]
    cloud.restart(how)
    assert [cloud.api.get(path + rest).body for rest in ("", "/access_codes", "/events")] == before


def test_a_cloud_killed_between_batches_takes_each_row_once(cloud: CloudProcess, device: Device) -> None:
    rows = journal_rows(*[("door_opened", {}), ("door_closed", {})] * 15)
    for start in (0, 8, 16, 24):
        device.events(rows[start : start + 12])
        cloud.restart(signal.SIGKILL)
        cloud.wait_for_broker()
    while device.acked() < len(rows):
        send_next(device, rows)
    events = cloud.api.get(f"/locks/{device.device_id}/events").body["events"]
    assert [(event["sequence"], event["seq"]) for event in events] == [(n, n) for n in range(1, 31)]


def test_sigterm_ends_the_cloud_cleanly(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    initialise(state)
    cloud = CloudProcess(state, NOWHERE).start()
    assert cloud.stop(signal.SIGTERM) == 0
    assert "Traceback" not in cloud.log.read_text()


@pytest.mark.parametrize("start", BROKERS)
def test_a_broker_that_comes_late_or_comes_back_empty_is_told_every_set(tmp_path: Path, start: Start) -> None:
    state = StateDirectory(tmp_path / "cloud")
    initialise(state)
    port = free_port()
    cloud = CloudProcess(state, f"mqtts://127.0.0.1:{port}").start()
    device = enrol(cloud.api, tmp_path)
    cloud.api.post(f"/locks/{device.device_id}/access_codes", code="0417")
    for number in (1, 2):
        broker = start(tls_files(state), tmp_path / f"broker-{number}", port)
        cloud.wait_for_broker()
        device.heard.clear()
        device.connect()
        assert device.manifest(rev=2).count == 1
        device.close()
        broker.stop()
        wait_for(lambda: not cloud.api.get("/health").body["broker_connected"])
    assert cloud.stop() == 0


def test_a_change_made_while_the_broker_is_away_is_told_when_it_returns(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "cloud")
    initialise(state)
    broker = start_builtin(tls_files(state), tmp_path / "broker")
    cloud = CloudProcess(state, broker.url).start()
    cloud.wait_for_broker()
    device = enrol(cloud.api, tmp_path)
    broker.stop()
    cloud.api.post(f"/locks/{device.device_id}/access_codes", code="0417")
    broker = start_builtin(tls_files(state), tmp_path / "broker", broker.port)
    device.connect()
    assert device.manifest(rev=2).count == 1
    device.close()
    cloud.stop()
    broker.stop()
