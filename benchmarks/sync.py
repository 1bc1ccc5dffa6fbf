"""From an HTTP request to a code that opens: one, and thousands, with somebody at the door meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.figures import Figure, milliseconds
from benchmarks.grants import AIM, key_to_relay_s
from benchmarks.house import House


def one(house: House, samples: int, codes: str) -> list[Figure]:
    """One new code at a time. `codes`: how many the lock holds, in words."""
    taken = [_one_s(house) for _ in range(samples)]
    return [milliseconds(f"new code, HTTP request -> active{codes}", taken)]


def _one_s(house: House) -> float:
    began = time.monotonic()
    ((_, access_code_id),) = house.create_codes(1)
    while not house.is_active(access_code_id):
        time.sleep(0.002)
    return time.monotonic() - began


def many_at_once(house: House, count: int) -> list[Figure]:
    """`count` new codes in all, a thousand a request."""
    return _many(house, count, "a thousand a request", "2 s", lambda: house.create_at_once(count - 1))


def one_by_one(house: House, count: int) -> list[Figure]:
    """`count` new codes in all, one request each, on a lock whose codes are deleted before; the lock takes
    them in as they come."""
    house.delete_all()
    house.wait(house.has_newest_set, "the lock to hold none of them", 120)
    return _many(house, count, "one request each", "30 s", lambda: house.create_kept_alive(count - 1))


def _many(house: House, count: int, how: str, aim: str, create: Callable[[], None]) -> list[Figure]:
    ((digits, access_code_id),) = house.create_codes(1)
    house.wait(lambda: house.is_active(access_code_id), "the code to be active")
    with _visits(house, digits) as meanwhile:
        began = time.monotonic()
        create()
        created = time.monotonic()
        house.wait(house.has_newest_set, "the lock to hold them all", 120)
        applied = time.monotonic()
    return [
        Figure(name=f"{count:,} new codes, {how}: HTTP", unit="s", samples=[created - began], aim=aim),
        Figure(name="the last of them answered -> all on the lock", unit="s", samples=[applied - created]),
        milliseconds("# queued at the board -> relay, meanwhile", meanwhile, AIM),
    ]


@contextmanager
def _visits(house: House, digits: str) -> Iterator[list[float]]:
    """Somebody opens the door again and again; how long that took each time, in seconds."""
    taken: list[float] = []
    is_over = threading.Event()

    def visit() -> None:
        while not is_over.is_set():
            taken.append(key_to_relay_s(house, digits))

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        yield taken
    finally:
        is_over.set()
        visitor.join()
