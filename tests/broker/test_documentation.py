"""docs/broker.md tells operators exactly what the code would write."""

from pathlib import Path

import pytest

from cloud_sim.broker import TlsFiles
from cloud_sim.broker.__main__ import arguments
from cloud_sim.broker.greeting import EXPIRY_LIMIT_S, PACKET_LIMIT_BYTES
from cloud_sim.mosquitto import ACCESS_LIST, Mosquitto

ETC = Path("/etc/mosquitto")
SITE = Mosquitto(
    tls=TlsFiles(ca=ETC / "certs/ca.pem", certificate=ETC / "certs/broker.pem", key=ETC / "certs/broker.key"),
    access_list=ETC / "locks.acl",
    directory=Path("/var/lib/mosquitto"),
    host="0.0.0.0",
    port=8883,
)


@pytest.fixture
def page() -> str:
    return (Path(__file__).parents[2] / "docs" / "broker.md").read_text()


def test_the_documented_mosquitto_configuration_is_the_one_that_is_tested(page: str) -> None:
    assert f"```\n{SITE.configuration()}```" in page


def test_the_documented_access_list_is_the_one_that_is_tested(page: str) -> None:
    assert f"```\n{ACCESS_LIST}```" in page


def test_the_documented_command_is_understood(page: str) -> None:
    (line,) = [line for line in page.splitlines() if line.startswith("python -m cloud_sim.broker ")]
    assert arguments(line.split()[3:]).state == Path("DIR")


def test_the_documented_limits_are_the_broker_s(page: str) -> None:
    assert f"up to {PACKET_LIMIT_BYTES // 1024} KiB" in page
    assert f"up to {EXPIRY_LIMIT_S // 86400} days" in page
