"""Time zones are found on the host and, where it has none, in the package that brings them."""

import os
import subprocess
import sys

import pytest

from agent.zones import zone_named


@pytest.mark.parametrize("zone_path", [None, ""])
def test_a_host_without_zone_data_knows_the_zones_all_the_same(zone_path: str | None) -> None:
    environment = os.environ | ({} if zone_path is None else {"PYTHONTZPATH": zone_path})
    source = "from agent.zones import zone_named; print(zone_named('Europe/Berlin'))"
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "Europe/Berlin\n"


@pytest.mark.parametrize(
    "name", ["", "Europe", "localtime", "right/UTC", "/etc/passwd", "../UTC", "UTC\0", "\ud800"]
)
def test_what_is_no_zone_is_none(name: str) -> None:
    assert zone_named(name) is None
