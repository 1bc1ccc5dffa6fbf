"""Lines over TCP, and what a serial port is asked for: up, lost, back by itself, and never late."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from hal.osdp import codec, records
from hal.osdp.line import Line, Reader
from hal.osdp.transport import TcpPort, open_transport, tcp_address
from hal.ports import LinkChanged, Signal
from tests.hal.bench import KEYS, inside_reader, outside_reader
from tests.hal.converter import Converter
from tests.waiting import wait_for


@pytest.fixture
def converter() -> Iterator[Converter]:
    converter = Converter(outside_reader(KEYS["outside"]), inside_reader())
    yield converter
    converter.stop()


@pytest.fixture
def signals() -> list[Signal]:
    """What the line of `line` posted."""
    return []


@pytest.fixture
def line(converter: Converter, signals: list[Signal]) -> Iterator[Line]:
    readers = [Reader("outside", 0, KEYS["outside"]), Reader("inside", 1, KEYS["inside"])]
    line = Line(converter.url, 115200, 0.02, readers, signals.append)
    line.start()
    yield line
    line.close()


def ups(signals: list[Signal]) -> int:
    return len([one for one in signals if isinstance(one, LinkChanged) and one.is_up])


def release(line: Line, outcomes: list[str]) -> None:
    data = records.output(0, records.OUTPUT_TIMED_ON, 300)
    line.command("inside", codec.OUT, data, 1.0, outcomes.append)


def test_readers_behind_a_converter_are_served(
    converter: Converter, line: Line, signals: list[Signal]
) -> None:
    wait_for(lambda: ups(signals) == 2)
    outcomes: list[str] = []
    release(line, outcomes)
    wait_for(lambda: outcomes == [""] and converter.units[1].outputs.is_on(0))


def test_a_converter_that_is_gone_is_a_fault_and_comes_back_by_itself(
    converter: Converter, line: Line, signals: list[Signal]
) -> None:
    wait_for(lambda: ups(signals) == 2)
    converter.stop()
    downs = wait_for(lambda: [one for one in signals if isinstance(one, LinkChanged) and not one.is_up])
    assert converter.url in downs[0].reason
    outcomes: list[str] = []
    release(line, outcomes)
    wait_for(lambda: outcomes)
    assert outcomes[0]
    converter.start()
    wait_for(lambda: ups(signals) == 4)
    assert not converter.units[1].outputs.is_on(0)


def test_a_port_that_is_not_there_is_told_once_and_in_words(tmp_path: Path, signals: list[Signal]) -> None:
    port = str(tmp_path / "ttyNONE")
    line = Line(port, 115200, 0.02, [Reader("outside", 0, KEYS["outside"])], signals.append)
    line.start()
    try:
        wait_for(lambda: signals, what="the word of the line")
    finally:
        line.close()
    assert signals[0] == LinkChanged("outside", False, f"{port}: No such file or directory")


def test_small_packets_go_at_once(converter: Converter) -> None:
    with (
        open_transport(converter.url, 9600, "auto") as port,
        socket.socket(fileno=os.dup(port.fileno())) as same,
    ):
        assert same.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_connection_that_does_not_carry_is_given_up_instead_of_carrying_late() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        with TcpPort("127.0.0.1", deaf.getsockname()[1]) as port:
            port.discard()
            with pytest.raises(OSError, match=r"stuck|unavailable"):
                for _ in range(100_000):
                    port.write(bytes(1000))
            with pytest.raises(OSError, match="did not arrive"):
                port.discard()


@pytest.mark.parametrize(
    "port", ["tcp://", "tcp://host", "tcp://:4001", "udp://host:1", "tcp://host:0", "tcp://host:99999"]
)
def test_what_is_no_address_is_refused_in_words(port: str) -> None:
    with pytest.raises(ValueError, match="tcp://HOST:PORT"):
        tcp_address(port)


def test_addresses_are_names_or_numbers_of_both_kinds() -> None:
    assert tcp_address("tcp://door.example:4001") == ("door.example", 4001)
    assert tcp_address("tcp://[2001:db8::7]:4001") == ("2001:db8::7", 4001)
    assert tcp_address("/dev/serial/by-id/usb-FTDI") is None


def test_a_port_that_cannot_turn_its_line_by_rts_says_so() -> None:
    ours, theirs = os.openpty()
    try:
        with pytest.raises(OSError, match="does not switch the direction"):
            open_transport(os.ttyname(theirs), 9600, "rts-high")
        with open_transport(os.ttyname(theirs), 9600, "auto") as port:
            port.write(b"!")
        assert os.read(ours, 10) == b"!"
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_kernel_is_told_how_the_line_is_turned(mocker: MockerFixture) -> None:
    told = mocker.patch("serial.Serial.rs485_mode", new_callable=mocker.PropertyMock)
    ours, theirs = os.openpty()
    open_transport(os.ttyname(theirs), 9600, "rts-low").__exit__(None, None, None)
    os.close(ours)
    os.close(theirs)
    [[settings]] = [call.args for call in told.call_args_list if call.args]
    assert (settings.rts_level_for_tx, settings.rts_level_for_rx) == (False, True)
