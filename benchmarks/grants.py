"""From the last key at the board to the relay at the board: what somebody at the door waits for."""

import random
import time

from benchmarks.figures import Figure, milliseconds
from benchmarks.house import BoardWatch, House

AIM = "20/40 ms + commits"


def measure(house: House, samples: int) -> list[Figure]:
    """The whole way: serial line, secure channel, agent, two commits, secure channel, relay."""
    ((digits, access_code_id),) = house.create_codes(1)
    house.wait(lambda: house.is_active(access_code_id), "the code to be active")
    taken = [key_to_relay_s(house, digits) for _ in range(samples)]
    return [milliseconds("# queued at the board -> relay", taken, AIM)]


def key_to_relay_s(house: House, digits: str) -> float:
    """Open once with a code that is good, and wait until the strike is locked again."""
    house.type(digits)
    # The last relock was in step with the polls of the line; people are not.
    time.sleep(random.uniform(0.03, 0.07))
    with BoardWatch(house.board_address) as board:
        house.type("#")
        state = board.until(lambda state: state["strike"]["released"])
        board.until(lambda state: not state["strike"]["released"])
    return float(state["strike"]["released_at_s"] - state["keys_queued_at_s"])
