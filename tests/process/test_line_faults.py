"""A serial line that is cut or noisy opens nothing, and the agent comes back by itself."""

import pytest

from tests.process.doors import Code, Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process


@pytest.fixture
def code(door: Door) -> Code:
    """A code of a door whose agent runs."""
    door.start()
    return door.new_codes(1)[0]


def is_lost(door: Door) -> bool:
    return not all(door.status()["links"].values())


def test_noise_opens_nothing_and_codes_work_once_it_is_over(door: Door, code: Code) -> None:
    door.tell_board("noise", rate=0.03)
    wait_for(lambda: is_lost(door), 20, "the noise to break a session")
    door.tell_board("noise", rate=0)
    wait_for(door.is_served, what="the keypad to be served again")
    assert door.openings() == 0
    assert door.opens(code.digits)


def test_a_code_typed_across_a_cut_opens_nothing(door: Door, code: Code) -> None:
    door.type(code.digits[:3])
    door.tell_board("line", cut=True)
    wait_for(lambda: is_lost(door), what="the agent to miss its readers")
    door.tell_board("line", cut=False)
    wait_for(door.is_served, what="the keypad to be served again")
    assert not door.opens(code.digits[3:])
    assert door.opens(code.digits)


def test_an_entry_finished_on_a_cut_line_opens_nothing_later(door: Door, code: Code) -> None:
    door.type(code.digits)
    wait_for(lambda: door.see()["keys_waiting"] == 0, what="the keys to be fetched")
    door.tell_board("line", cut=True)
    door.type("#")
    wait_for(lambda: is_lost(door), what="the agent to miss its readers")
    door.tell_board("line", cut=False)
    wait_for(door.is_served, what="the keypad to be served again")
    door.type("*")
    assert door.opens(code.digits)
    assert [row["kind"] for row in door.rows()].count("access_granted") == door.openings() == 1
