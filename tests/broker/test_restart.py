"""What a broker still knows after it was stopped and started again; and brokers that cannot start."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloud_sim.broker import TlsFiles
from cloud_sim.mosquitto import find_mosquitto
from tests.broker.brokers import BrokerFault, RunningBroker, start_builtin, start_mosquitto
from tests.broker.certificates import Authority
from tests.broker.client import Site

Start = Callable[[], Site]
DOWN = "lock/v1/door/down/desired"


@pytest.fixture(params=["builtin", "mosquitto"])
def start(request: pytest.FixtureRequest, authority: Authority, tmp_path: Path) -> Iterator[Start]:
    """Ends the broker of before, starts it again on the same directory, and makes clients of it."""
    if request.param == "mosquitto" and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    run = start_builtin if request.param == "builtin" else start_mosquitto
    running: list[tuple[Site, RunningBroker]] = []

    def restart() -> Site:
        stop()
        broker = run(authority.broker(), tmp_path)
        running.append((Site(authority, broker.port), broker))
        return running[-1][0]

    def stop() -> None:
        for site, broker in running:
            site.close()
            broker.stop()
        running.clear()

    yield restart
    stop()


def test_retained_messages_survive_a_restart(start: Start) -> None:
    start().client("cloud").connect().publish(DOWN, b"manifest", retain=True)
    lock = start().client("door").connect()
    lock.subscribe(DOWN)
    assert lock.payloads() == [b"manifest"]


def test_what_waits_for_a_lock_survives_a_restart(start: Start) -> None:
    site = start()
    lock = site.client("door").connect(clean_start=False, SessionExpiryInterval=3600)
    lock.subscribe(DOWN)
    lock.close()
    site.client("cloud").connect().publish(DOWN, b"waited", CorrelationData=b"\x00\xff")
    back = start().client("door").connect(clean_start=False)
    assert back.is_session_present
    assert [(m.payload, getattr(m.properties, "CorrelationData", None)) for m in back.received()] == [
        (b"waited", b"\x00\xff")
    ]


def test_a_state_file_that_cannot_be_read_costs_the_state_and_not_the_broker(
    authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "broker.json").write_text("{")
    broker = start_builtin(authority.broker(), tmp_path)
    broker.stop()
    assert "cannot be read" in (tmp_path / "broker.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_builtin_broker_ends_cleanly_when_asked_to(
    authority: Authority, tmp_path: Path, number: signal.Signals
) -> None:
    broker = start_builtin(authority.broker(), tmp_path)
    site = Site(authority, broker.port)
    site.client("door").connect()
    broker.process.send_signal(number)
    assert broker.process.wait() == 0
    site.close()
    broker.stop()


@pytest.mark.parametrize("run", [start_builtin, start_mosquitto])
def test_a_broker_that_cannot_start_says_why(
    run: Callable[[TlsFiles, Path], RunningBroker], authority: Authority, tmp_path: Path
) -> None:
    if run is start_mosquitto and find_mosquitto() is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    with pytest.raises(BrokerFault, match=r"did not start: .*(key|No such file)"):
        run(replace(authority.broker(), key=tmp_path / "missing.key"), tmp_path)


def test_a_missing_mosquitto_is_named_with_the_way_to_install_it(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("cloud_sim.mosquitto.PLACES", ())
    with pytest.raises(BrokerFault, match="apt install mosquitto"):
        start_mosquitto(authority.broker(), tmp_path)


def test_a_port_that_is_taken_is_named(authority: Authority, tmp_path: Path) -> None:
    first = start_builtin(authority.broker(), tmp_path / "first")
    with pytest.raises(BrokerFault, match=f"cannot serve on 127.0.0.1:{first.port}"):
        start_builtin(authority.broker(), tmp_path / "second", first.port)
    first.stop()


def test_the_command_line_explains_itself() -> None:
    command = [sys.executable, "-m", "cloud_sim.broker", "--help"]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "--certificate" in told.stdout
