"""The file of the control socket: replaced, removed, refused, and given to a group."""

import grp
import os
import socket
import stat
from pathlib import Path

import pytest

from agent.cli.client import AgentUnreachable, Client
from agent.control import ControlFault, ControlSocket
from agent.control_address import listen
from tests.control.conftest import SmallController


def test_without_a_group_only_the_owner_may_open_the_socket(tmp_path: Path) -> None:
    with listen(tmp_path / "s", None):
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


def test_with_a_group_its_members_may_open_the_socket(tmp_path: Path) -> None:
    group = grp.getgrgid(os.getgid())
    with listen(tmp_path / "s", group.gr_name):
        state = (tmp_path / "s").stat()
    assert (stat.S_IMODE(state.st_mode), state.st_gid) == (0o660, group.gr_gid)


def test_a_group_that_does_not_exist_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ControlFault, match="no group 'nobody-knows-it'; create it with"):
        ControlSocket(tmp_path / "s", "nobody-knows-it", print).start()
    assert not (tmp_path / "s").exists()


def test_the_socket_of_a_dead_agent_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
    with listen(tmp_path / "s", None), Client(tmp_path / "s"):
        pass


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("mine")
    with pytest.raises(ControlFault, match="is not a socket"):
        listen(tmp_path / "s", None)
    assert (tmp_path / "s").read_text() == "mine"


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ControlFault, match=r"missing/s: No such file or directory"):
        listen(tmp_path / "missing" / "s", None)


def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with listen(deep / "s", None), Client(deep / "s"):
        pass


def test_the_socket_is_gone_after_the_stop(agent: SmallController) -> None:
    agent.control.stop()
    agent.control.stop()
    assert not agent.path.exists()


def test_a_client_without_an_agent_is_told_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(AgentUnreachable, match="systemctl start lock-agent"):
        Client(tmp_path / "s")


def test_a_client_of_a_dead_agent_is_told_that_nobody_listens(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
    with pytest.raises(AgentUnreachable, match="nobody listens"):
        Client(tmp_path / "s")


def test_a_client_that_gets_no_answer_does_not_wait_for_ever(agent: SmallController) -> None:
    with (
        Client(agent.path, timeout_s=0.05) as client,
        pytest.raises(AgentUnreachable, match="did not answer in"),
    ):
        client.ask("never")
