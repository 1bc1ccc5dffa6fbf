"""What the agent takes of the machine while nothing happens: memory, and a share of one core."""

import os
import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.house import House

AIM = "48 MiB"
IDLE_S = 10.0


def memory(house: House, codes: str) -> list[Figure]:
    """Resident memory now. `codes`: how many the lock holds, in words."""
    text = Path(f"/proc/{house.agent.pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in text.splitlines())
    now, peak = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return [
        Figure(name=f"resident memory, uplink connected{codes}", unit="MiB", samples=[now], aim=AIM),
        Figure(name=f"its highest since the start{codes}", unit="MiB", samples=[peak]),
    ]


def idle(house: House) -> list[Figure]:
    """Processor time while nobody is at the door; two readers are polled every 20 ms."""
    before, began = _cpu_s(house.agent.pid), time.monotonic()
    time.sleep(IDLE_S)
    share = (_cpu_s(house.agent.pid) - before) / (time.monotonic() - began)
    return [Figure(name="idle, two readers polled", unit="% core", samples=[share * 100])]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
