"""The mosquitto broker under the rules of the built-in one: its two configuration files, the program."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from cloud_sim.broker.tls import TlsFiles

PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
"""Where packages put the program although PATH does not say so."""

ACCESS_LIST = """\
user cloud
topic readwrite lock/v1/#
pattern write lock/v1/%u/up/#
pattern read lock/v1/%u/down/#
"""

CONFIGURATION = """\
per_listener_settings true
{user}persistence true
persistence_location {directory}/
autosave_interval 1
autosave_on_changes true
max_inflight_messages 20
max_queued_messages 1000
max_packet_size 65536
set_tcp_nodelay true

listener {port} {host}
max_qos 1
cafile {ca}
certfile {certificate}
keyfile {key}
tls_version tlsv1.3
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {access_list}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mosquitto:
    """What differs from one mosquitto to another. `directory` holds its database; `user` is whom it runs as
    when root starts it, None for the packaged default."""

    tls: TlsFiles
    access_list: Path
    directory: Path
    host: str
    port: int
    user: str | None = None

    def configuration(self) -> str:
        """The text of mosquitto.conf."""
        return CONFIGURATION.format(
            user="" if self.user is None else f"user {self.user}\n",
            directory=self.directory,
            port=self.port,
            host=self.host,
            ca=self.tls.ca,
            certificate=self.tls.certificate,
            key=self.tls.key,
            access_list=self.access_list,
        )

    def write(self) -> Path:
        """Write both files and return the path of mosquitto.conf."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.access_list.write_text(ACCESS_LIST)
        # mosquitto warns of an access list that others can read.
        self.access_list.chmod(0o600)
        configuration = self.directory / "mosquitto.conf"
        configuration.write_text(self.configuration())
        return configuration


def find_mosquitto() -> Path | None:
    """The program, or None where it is not installed."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path=":".join(PLACES))
    return None if found is None else Path(found)
