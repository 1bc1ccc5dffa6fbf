"""The control socket as its clients meet it: lines, limits, and clients that misbehave."""

import json
import socket
from typing import Any

from agent.asked import Asked
from agent.cli.client import Client
from agent.control import CLIENT_LIMIT
from agent.control_connection import BACKLOG_LIMIT_BYTES, LINE_LIMIT_BYTES
from tests.control.conftest import SmallController
from tests.waiting import wait_for


def raw(agent: SmallController) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(str(agent.path))
    return connection


def answer_to(connection: socket.socket, data: bytes) -> dict[str, Any]:
    if data:
        connection.sendall(data)
    with connection.makefile("rb") as lines:
        answer: dict[str, Any] = json.loads(lines.readline())
    return answer


def test_a_question_gets_its_answer(agent: SmallController) -> None:
    with Client(agent.path) as client:
        assert client.ask("echo", {"a": 1}) == {"a": 1}
        assert client.ask("echo", {"b": 2}) == {"b": 2}


def test_an_answer_carries_the_id_of_its_question(agent: SmallController) -> None:
    assert answer_to(raw(agent), b'{"id": "q7", "verb": "echo"}\n') == {"id": "q7", "ok": True, "result": {}}


def test_questions_sent_together_are_answered_in_order(agent: SmallController) -> None:
    connection = raw(agent)
    connection.sendall(b"".join(b'{"id": %d, "verb": "echo"}\n' % number for number in range(50)))
    with connection.makefile("rb") as lines:
        assert [json.loads(lines.readline())["id"] for _ in range(50)] == list(range(50))


def test_a_client_has_one_question_at_a_time_before_the_controller(agent: SmallController) -> None:
    connection = raw(agent)
    connection.sendall(b'{"verb": "never"}\n')
    wait_for(lambda: agent.kept)
    connection.sendall(b'{"verb": "never"}\n')
    with Client(agent.path) as other:
        other.ask("echo")
    assert len(agent.kept) == 1
    agent.tell(now="the next one")
    wait_for(lambda: len(agent.kept) == 2)


def test_a_question_may_arrive_in_pieces(agent: SmallController) -> None:
    connection = raw(agent)
    for byte in b'{"id": 1, "verb": "echo"}':
        connection.sendall(bytes([byte]))
    assert answer_to(connection, b"\n")["ok"] is True


def test_a_line_that_is_not_json_is_refused_and_the_next_one_is_answered(agent: SmallController) -> None:
    connection = raw(agent)
    assert answer_to(connection, b"hello\n")["error"]["code"] == "bad_request"
    assert answer_to(connection, b'{"id": 2, "verb": "echo"}\n')["id"] == 2


def test_a_field_whose_name_is_no_text_is_refused_and_the_next_line_is_answered(
    agent: SmallController,
) -> None:
    connection = raw(agent)
    assert answer_to(connection, b'{"id": 1, "ve\xa3b": 1}\n')["error"]["code"] == "bad_request"
    assert answer_to(connection, b'{"id": 2, "verb": "echo"}\n')["id"] == 2


def test_an_unknown_field_is_named_in_the_refusal(agent: SmallController) -> None:
    answer = answer_to(raw(agent), b'{"verb": "echo", "argz": {}}\n')
    assert "argz" in answer["error"]["message"]


def test_the_refusal_of_the_controller_reaches_the_client(agent: SmallController) -> None:
    answer = answer_to(raw(agent), b'{"id": 3, "verb": "sing"}\n')
    assert answer["error"] == {"code": "unknown_verb", "message": "there is no verb 'sing'"}


def test_an_answer_that_is_not_json_becomes_an_error_with_its_id(agent: SmallController) -> None:
    answer = answer_to(raw(agent), b'{"id": 4, "verb": "odd"}\n')
    assert (answer["id"], answer["error"]["code"]) == (4, "internal")


def test_an_endless_line_is_refused_and_its_client_let_go(agent: SmallController) -> None:
    connection = raw(agent)
    answer = answer_to(connection, b"x" * (LINE_LIMIT_BYTES + 1))
    assert answer["error"]["code"] == "line_too_long"
    assert connection.recv(1) == b""


def test_an_answer_of_many_megabytes_arrives_whole(agent: SmallController) -> None:
    with Client(agent.path) as client:
        assert len(client.ask("big", {"size": 8_000_000})["text"]) == 8_000_000


def test_a_client_that_takes_no_answer_does_not_keep_others_waiting(agent: SmallController) -> None:
    raw(agent).sendall(b'{"verb": "big", "args": {"size": 8000000}}\n')
    with Client(agent.path) as client:
        assert client.ask("echo", {"still": "here"}) == {"still": "here"}


def test_a_client_that_ends_its_side_first_still_gets_its_answer(agent: SmallController) -> None:
    connection = raw(agent)
    connection.sendall(b'{"id": 1, "verb": "never"}\n')
    connection.shutdown(socket.SHUT_WR)
    wait_for(lambda: agent.kept)[0].answer({"late": True})
    assert json.loads(connection.recv(1000))["result"] == {"late": True}


def test_silent_clients_make_room_for_one_that_asks(agent: SmallController) -> None:
    silent = [raw(agent) for _ in range(CLIENT_LIMIT + 5)]
    with Client(agent.path) as client:
        assert client.ask("echo", {"a": 1}) == {"a": 1}
    assert silent[0].recv(1) == b""


def test_a_client_too_many_is_told_so_when_all_others_are_busy(agent: SmallController) -> None:
    busy = [raw(agent) for _ in range(CLIENT_LIMIT)]
    for connection in busy:
        connection.sendall(b'{"verb": "never"}\n')
    wait_for(lambda: len(agent.kept) == CLIENT_LIMIT)
    assert answer_to(raw(agent), b"")["error"]["code"] == "busy"


def test_a_stream_brings_events_as_they_happen(agent: SmallController) -> None:
    with Client(agent.path) as client:
        stream = client.stream("watch")
        assert next(stream) == {}
        wait_for(lambda: agent.kept)
        agent.tell(kind="door_opened")
        assert next(stream) == {"kind": "door_opened"}


def test_the_controller_can_see_that_a_stream_was_closed(agent: SmallController) -> None:
    with Client(agent.path) as client:
        next(client.stream("watch"))
        asked: Asked = wait_for(lambda: agent.kept)[0]
        assert not asked.answer.closed
    wait_for(lambda: asked.answer.closed)
    asked.answer({"to": "nobody"})
    with Client(agent.path) as client:
        assert client.ask("echo") == {}


def test_a_stream_that_is_not_read_is_closed_before_it_eats_the_memory(agent: SmallController) -> None:
    connection = raw(agent)
    connection.sendall(b'{"verb": "watch"}\n')
    asked: Asked = wait_for(lambda: agent.kept)[0]
    for _ in range(3 * BACKLOG_LIMIT_BYTES // 10_000):
        asked.answer({"text": "x" * 10_000})
    wait_for(lambda: asked.answer.closed)


def test_answers_after_the_stop_are_harmless(agent: SmallController) -> None:
    with Client(agent.path) as client:
        next(client.stream("watch"))
        wait_for(lambda: agent.kept)
        agent.control.stop()
        agent.tell(kind="too_late")


def test_arguments_never_show_in_a_repr() -> None:
    asked = Asked("add", {"code": "739154"}, answer=None)  # type: ignore[arg-type]  # only its repr is looked at
    assert "739154" not in repr(asked)
