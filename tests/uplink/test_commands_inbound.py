"""What counts as a command at all, before anybody asks whether it is meant for now."""

from typing import Any

import pytest

from agent.envelope import Opener, Signer, kid_of, new_signing_key
from agent.messages import CommandReceived, MessageRefused, topic
from agent.uplink.inbound import Arrival, Inbound

KEY = new_signing_key()
INBOUND = Inbound(Opener("a-lock", {kid_of(KEY): KEY}))
CLAIMS: dict[str, Any] = {"iat": 100, "exp": 120, "id": "5a0c3d2e-1", "sid": "abc"}


def read(body: dict[str, Any], *, is_retained: bool = False, **changed: Any) -> object:
    """What the lock makes of a signed message on its command topic; `None` leaves a claim out."""
    raw = Signer("a-lock", KEY).sign("command", body, **(CLAIMS | changed))
    return INBOUND.read(Arrival(topic("a-lock", "down", "command"), raw, is_retained, 5.0), 7, 99_999)


def test_a_command_arrives_with_all_that_it_is_judged_by() -> None:
    assert read({"type": "unlock", "args": {"for_s": 3}}) == CommandReceived(
        id="5a0c3d2e-1",
        type="unlock",
        args={"for_s": 3},
        iat=100,
        exp=120,
        sid="abc",
        arrived_s=5.0,
        token=7,
    )


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ({}, {}),
        ({"type": 1}, {}),
        ({"type": "x" * 65}, {}),
        ({"type": "lock", "args": []}, {}),
        ({"type": "lock"}, {"sid": None}),
        ({"type": "lock"}, {"exp": None}),
        ({"type": "lock"}, {"id": None, "rev": 3}),
        ({"type": "lock"}, {"id": ""}),
        ({"type": "lock"}, {"id": "'; DROP TABLE command; --"}),
    ],
)
def test_what_lacks_a_part_is_malformed(body: dict[str, Any], changed: dict[str, Any]) -> None:
    assert read(body, **changed) == MessageRefused("command", "malformed")


def test_a_kept_command_is_refused_unread() -> None:
    assert read({"type": "unlock"}, is_retained=True) == MessageRefused("command", "retained")
