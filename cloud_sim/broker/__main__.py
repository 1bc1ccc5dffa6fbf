"""`python -m cloud_sim.broker`: the built-in broker as a process."""

import argparse
import asyncio
import logging
import signal
import ssl
import sys
from pathlib import Path

from cloud_sim.broker.server import Broker
from cloud_sim.broker.tls import TlsFiles, server_context

log = logging.getLogger("cloud_sim.broker")


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m cloud_sim.broker", description=__doc__)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 chooses a free one")
    parser.add_argument("--ca", type=Path, required=True, help="certificate (PEM) that signed the clients'")
    parser.add_argument("--certificate", type=Path, required=True, help="the broker's own certificate (PEM)")
    parser.add_argument("--key", type=Path, required=True, help="private key of that certificate (PEM)")
    parser.add_argument(
        "--state", type=Path, help="directory for what must survive a restart (default: none)"
    )
    parser.add_argument(
        "--cut-off",
        type=Path,
        help="JSON file, a list of clients whose connections are to break (default: none)",
    )
    parser.add_argument(
        "--revoked", type=Path, help="list (PEM) of certificates that are refused, read again when it changes"
    )
    return parser.parse_args(argv)


async def serve(broker: Broker, host: str, port: int) -> None:
    """Run until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await broker.start(host, port)
    sys.stdout.write(f"ready mqtts://{host}:{broker.port}\n")
    sys.stdout.flush()
    await ended.wait()
    await broker.stop()


def main(argv: list[str]) -> int:
    options = arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        if options.state is not None:
            options.state.mkdir(parents=True, exist_ok=True)
        files = TlsFiles(
            ca=options.ca, certificate=options.certificate, key=options.key, revoked=options.revoked
        )
        state = None if options.state is None else options.state / "broker.json"
        broker = Broker(
            server_context(files), state=state, cut_off_file=options.cut_off, revoked=options.revoked
        )
        asyncio.run(serve(broker, options.host, options.port))
    except (ssl.SSLError, OSError) as error:
        log.error("cannot serve on %s:%d: %s", options.host, options.port, error)  # noqa: TRY400 - for people
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
