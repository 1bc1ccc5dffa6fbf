"""A converter between TCP and a line with our readers, as a thread."""

import select
import socket
import threading
import time

from firmware_sim.controller.peripheral import Peripheral


class Converter:
    """A converter with readers behind it; one client at a time."""

    def __init__(self, *units: Peripheral) -> None:
        self.units = units
        self._port = 0
        self.start()

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return self._port

    @property
    def url(self) -> str:
        """What goes into `port`."""
        return f"tcp://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, at the same port as before."""
        self._is_ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """It loses its power, or its network."""
        self._is_ending.set()
        self._thread.join()

    def _serve(self) -> None:
        client: socket.socket | None = None
        while not self._is_ending.is_set():
            now_ms = int(time.monotonic() * 1000)
            ready, _, _ = select.select([client or self._listener], [], [], 0.01)
            if ready and client is None:
                client, _ = self._listener.accept()
            elif ready and client is not None:
                client = self._answer(client, now_ms)
            for unit in self.units:
                unit.step(now_ms)
        for one in (client, self._listener):
            if one is not None:
                one.close()

    def _answer(self, client: socket.socket, now_ms: int) -> socket.socket | None:
        try:
            data = client.recv(4096)
        except ConnectionResetError:
            data = b""
        if not data:
            client.close()
            return None
        client.sendall(b"".join([unit.receive(data, now_ms) for unit in self.units]))
        return client
