"""The virtual board of one door as a process: `python -m firmware_sim.board --config board.json`."""

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from firmware_sim.board_requests import AnyRequest, Watch
from firmware_sim.board_server import BoardServer
from firmware_sim.virtual_board import VirtualBoard
from firmware_sim.wire import Wire
from hal.osdp.aes import aes


class BoardConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`board.json`. Key files hold the 16 bytes of a unit's Secure Channel key as hex."""

    line: str
    """Where the serial line shall appear: a link to a pseudo-terminal."""
    outside_key_file: str
    inside_key_file: str
    control_port: int = 0
    """On 127.0.0.1; 0 takes a free one."""
    control_file: str | None = None
    """Where to write the control address, for programs that cannot read our standard output."""


class ConfigFault(Exception):
    """The board cannot start as configured; the text says what to mend."""


def _read_config(path: Path) -> BoardConfig:
    try:
        return msgspec.json.decode(path.read_bytes(), type=BoardConfig)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigFault(f"{path}: {error}") from error


def _read_key(path: str) -> bytes:
    try:
        key = bytes.fromhex(Path(path).read_text().strip())
    except OSError as error:
        raise ConfigFault(f"cannot read the key file {path}: {error.strerror}") from error
    except ValueError:
        # Not chained: the complaint would quote the key.
        raise ConfigFault(f"the key file {path} must hold 32 hexadecimal digits") from None
    if len(key) != 16:
        raise ConfigFault(f"the key file {path} must hold 32 hexadecimal digits, it holds {2 * len(key)}")
    return key


def _boottime_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Board:
    """The loop: one thread that waits for the line, the control connections, and the board's own time."""

    def __init__(self, config: BoardConfig) -> None:
        self._key_files = {"outside": config.outside_key_file, "inside": config.inside_key_file}
        keys = _read_key(config.outside_key_file), _read_key(config.inside_key_file)
        self._board = VirtualBoard(*keys, aes, os.urandom, _boottime_s(), self._keep_key)
        self._selector = selectors.DefaultSelector()
        self._server = BoardServer(config.control_port, self._selector, self._answer)
        self._wire = Wire(Path(config.line))
        self._selector.register(self._wire, selectors.EVENT_READ, lambda _: self._line_ready())
        self._told: dict[str, Any] = {}
        self._is_ending = False
        self.address = f"127.0.0.1:{self._server.port}"

    def end_on_signals(self) -> None:
        """SIGTERM and SIGINT end `run`."""
        reading, writing = socket.socketpair()
        writing.setblocking(False)
        self._selector.register(reading, selectors.EVENT_READ, lambda _: self._end())
        signal.set_wakeup_fd(writing.detach())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def run(self) -> None:
        """Serve until a signal comes."""
        while not self._is_ending:
            now = _boottime_s()
            self._board.step(now)
            self._tell_watchers(now)
            for key, mask in self._selector.select(self._board.due_s(now)):
                ready: Callable[[int], None] = key.data
                ready(mask)

    def close(self) -> None:
        """Hang up and take the line's name away."""
        self._server.close()
        self._wire.close()

    def _keep_key(self, unit: str, scbk: bytes) -> bool:
        """What the flash of a microcontroller is: the old key, or the new one, whatever happens."""
        path = Path(self._key_files[unit])
        fresh = path.with_name(path.name + ".new")
        try:
            fresh.touch(mode=0o600)
            fresh.write_text(scbk.hex() + "\n")
            fresh.replace(path)
        except OSError:
            return False
        return True

    def _end(self) -> None:
        self._is_ending = True

    def _line_ready(self) -> None:
        data = self._wire.read()
        self._wire.write(self._board.receive(data, _boottime_s()))

    def _answer(self, request: AnyRequest) -> dict[str, Any]:
        now = _boottime_s()
        answer = request.carry_out(self._board, self._wire, now)
        if isinstance(request, Watch):
            # The others first: for the new one this answer is the first state.
            self._tell_watchers(now)
            self._told = answer
        return answer

    def _tell_watchers(self, now: float) -> None:
        if not self._server.is_watched():
            return
        state = self._board.state(now)
        if {**state, "now_s": 0} != {**self._told, "now_s": 0}:
            self._server.tell(state)
        self._told = state


@click.command()
@click.option(
    "--config", "path", required=True, type=click.Path(path_type=Path, exists=True), help="board.json"
)
def main(path: Path) -> None:
    """Run the virtual board of one door until SIGTERM: two OSDP units behind a pseudo-terminal."""
    try:
        config = _read_config(path)
        board = Board(config)
    except (ConfigFault, OSError) as fault:
        click.echo(f"the board cannot start: {fault}", err=True)
        sys.exit(1)
    board.end_on_signals()
    try:
        if config.control_file:
            Path(config.control_file).write_text(board.address + "\n")
        click.echo(f"ready {board.address}")
        board.run()
    finally:
        board.close()


if __name__ == "__main__":
    main()
