"""Starts the MQTT broker of a simulated site, ours or mosquitto, always at the address the locks know."""

import getpass
import socket
import sys
from urllib.parse import urlsplit

from cloud_sim import cut_off
from cloud_sim.broker.tls import TlsFiles
from cloud_sim.mosquitto import Mosquitto, find_mosquitto
from cloud_sim.state_directory import StateDirectory
from firmware_sim.child import Child, until
from firmware_sim.faults import SimFault
from firmware_sim.site_directory import SiteDirectory

HOST = "127.0.0.1"
READY_TIMEOUT_S = 30.0


def start_broker(kind: str, url: str, directory: SiteDirectory) -> Child:
    """A broker that accepts connections at `url`. `kind`: builtin or mosquitto."""
    port = urlsplit(url).port or 0
    if _accepts(port):
        raise SimFault(
            f"port {port} is taken by another program, and the locks in {directory.root} know their broker "
            "by that port; stop that program, or choose another --state-dir"
        )
    cloud = directory.cloud
    tls = TlsFiles(ca=cloud / "ca.pem", certificate=cloud / "broker.pem", key=cloud / "broker-key.pem")
    return _builtin(tls, port, directory) if kind == "builtin" else _mosquitto(tls, port, directory)


def _builtin(tls: TlsFiles, port: int, directory: SiteDirectory) -> Child:
    """It does as the files say by which the cloud cuts locks off and revokes certificates."""
    files = ["--ca", str(tls.ca), "--certificate", str(tls.certificate), "--key", str(tls.key)]
    command = [sys.executable, "-m", "cloud_sim.broker", "--port", str(port), *files]
    cloud = StateDirectory(directory.cloud)
    cut_off_file = cloud.cut_off
    if not cut_off_file.exists():
        cut_off.write(cut_off_file, frozenset())
    command += ["--state", str(directory.broker), "--cut-off", str(cut_off_file)]
    command += ["--revoked", str(cloud.revoked)]
    broker = Child("broker", command, directory.log("broker"))
    broker.ready_line(READY_TIMEOUT_S)
    return broker


def _mosquitto(tls: TlsFiles, port: int, directory: SiteDirectory) -> Child:
    program = find_mosquitto()
    if program is None:
        raise SimFault("mosquitto is not installed: `sudo apt install mosquitto`, or leave --broker out")
    settings = Mosquitto(
        tls=tls,
        access_list=directory.broker / "acl_file",
        directory=directory.broker,
        host=HOST,
        port=port,
        user=getpass.getuser(),
    )
    broker = Child("broker", [str(program), "-c", str(settings.write())], directory.log("broker"))
    until(lambda: _accepts(port), READY_TIMEOUT_S, "mosquitto to accept connections", [broker])
    return broker


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True
