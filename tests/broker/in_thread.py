"""The built-in broker in a thread of the test, so that its faults can be set while it runs."""

import asyncio
import threading
from pathlib import Path
from types import TracebackType

from cloud_sim.broker import Broker, Faults, TlsFiles, server_context


class BrokerInThread:
    """Use it as a context manager; it listens on 127.0.0.1, `port`. An exception that gets out of the
    broker fails the test at the end, although the loop would survive it."""

    def __init__(self, files: TlsFiles, cut_off_file: Path | None = None) -> None:
        self.faults = Faults()
        self._broker = Broker(
            server_context(files), self.faults, cut_off_file=cut_off_file, revoked=files.revoked
        )
        self._escaped: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _, context: self._escaped.append(repr(context)))
        self._thread = threading.Thread(target=self._loop.run_forever, name="broker")

    @property
    def port(self) -> int:
        return self._broker.port

    def wipe_session(self, client_id: str) -> None:
        self._loop.call_soon_threadsafe(self._broker.wipe_session, client_id)

    def __enter__(self) -> "BrokerInThread":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._broker.start(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._broker.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        assert self._escaped == []
