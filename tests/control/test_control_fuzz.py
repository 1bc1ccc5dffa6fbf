"""Whatever a client sends or however it leaves, the next one is answered."""

import json
import socket
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.cli.client import Client
from tests.control.conftest import SmallController

VERBS = st.sampled_from(["echo", "odd", "watch", "sing", ""])
REQUESTS = st.builds(
    lambda verb, request_id, args: json.dumps({"id": request_id, "verb": verb, "args": args}).encode(),
    VERBS,
    st.one_of(st.none(), st.integers(), st.text(max_size=5), st.floats(allow_nan=False)),
    st.one_of(st.dictionaries(st.text(max_size=3), st.integers()), st.text(max_size=3)),
)
LINES = st.lists(st.one_of(REQUESTS, st.binary(max_size=50), st.just(b"[" * 5000)), max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, ends_with_newline=st.booleans(), reads=st.booleans(), half_closes=st.booleans())
def test_no_client_can_take_the_socket_from_the_next_one(
    agent: SmallController, *, lines: list[bytes], ends_with_newline: bool, reads: bool, half_closes: bool
) -> None:
    with socket.socket(socket.AF_UNIX) as rude:
        rude.connect(str(agent.path))
        rude.sendall(b"\n".join(lines) + (b"\n" if ends_with_newline else b""))
        if half_closes:
            rude.shutdown(socket.SHUT_WR)
        if reads and lines:
            rude.settimeout(0.001)
            with suppress(TimeoutError):
                rude.recv(100)
        with Client(agent.path) as client:
            assert client.ask("echo", {"still": "here"}) == {"still": "here"}
