"""From the start of the process to a keypad that is served, and to an agent that answers for its door."""

import time

from benchmarks.figures import Figure, milliseconds
from benchmarks.house import BoardWatch, House

AIM = "0.4 s"


def measure(house: House, samples: int, codes: str) -> list[Figure]:
    """`codes`: how many the lock holds, in words. Each start finds a board that knows no agent."""
    starts = [_start(house) for _ in range(samples)]
    return [
        milliseconds(f"process start -> keypad ready (secure session){codes}", [s for s, _ in starts], AIM),
        milliseconds(f"process start -> agent answers, both readers up{codes}", [s for _, s in starts], AIM),
    ]


def _start(house: House) -> tuple[float, float]:
    house.stop_agent()
    house.restart_board()
    with BoardWatch(house.board_address) as board:
        began = time.monotonic()
        house.start_agent()
        board.until(lambda state: state["link"]["outside"])
        ready_s = time.monotonic() - began
    while not house.is_served():
        house.agent.check()
        time.sleep(0.002)
    return ready_s, time.monotonic() - began
