"""docs/seam-api.md names every type of event that is told and every way an action attempt ends."""

import re
from pathlib import Path

from cloud_sim.seam import attempt_outcomes, code_delays, code_events, lock_events
from cloud_sim.seam.deliveries import TIMEOUT_S
from cloud_sim.seam.webhook_operations import MOST_WEBHOOKS
from tests.docs.pages import page

PAGE = page("seam-api.md")
SOURCES = Path(code_events.__file__).parent


def test_every_type_of_event_is_named() -> None:
    text = _text("code_events", "door_code_events", "offline_code_events", "connections")
    told = {*re.findall(r'"((?:access_code|device|lock)\.[a-z_.]+)"', text), *lock_events.TOLD}
    told |= set(code_delays.EVENT_TYPES.values())
    assert len(told) >= 24
    assert {one for one in told if f"`{one}`" not in PAGE} == set()


def test_every_end_of_an_attempt_is_named() -> None:
    text = _text("lock_operations", "attempt_outcomes")
    failed = set(re.findall(r'\.fail\(.*"([a-z_]+)", (?:message|str\()', text))
    failed |= {error_type for error_type, _ in attempt_outcomes.FAILED.values()}
    assert len(failed) == 6
    assert {one for one in failed if f"| `{one}` |" not in PAGE} == set()


def test_the_numbers_are_those_of_the_program() -> None:
    assert f"within {TIMEOUT_S:.0f} s a no" in PAGE
    assert f"there are {MOST_WEBHOOKS} webhooks" in PAGE


def _text(*modules: str) -> str:
    return "\n".join((SOURCES / f"{name}.py").read_text() for name in modules)
