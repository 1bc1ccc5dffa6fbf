"""The built-in broker and certificates that count no more: refused from the list on, and when it changes."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.broker.certificates import Authority, Files
from tests.broker.in_thread import BrokerInThread
from tests.waiting import wait_for

LISTENS_S = 0.5
"""A broker that refuses says so at once; one that waits for a packet says nothing."""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def broker(authority: Authority) -> Iterator[BrokerInThread]:
    """With a list on which nobody is."""
    with BrokerInThread(replace(authority.broker(), revoked=authority.revoke())) as running:
        yield running


def context_of(authority: Authority, own: Files) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.ca))
    context.load_cert_chain(own.certificate, own.key)
    return context


def is_let_in(
    port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[bool, ssl.SSLSession | None]:
    """Whether the broker listens to this certificate, and the session for the next time."""
    with (
        socket.create_connection(("127.0.0.1", port)) as line,
        context.wrap_socket(line, server_hostname="127.0.0.1", session=session) as tls,
    ):
        tls.settimeout(LISTENS_S)
        try:
            tls.recv(1)
        except TimeoutError:
            return True, tls.session
        except OSError:
            return False, None
        return False, None


def test_a_listed_certificate_is_refused_and_others_are_not(authority: Authority) -> None:
    stolen, other = authority.client("stolen"), authority.client("other")
    files = replace(authority.broker(), revoked=authority.revoke(stolen))
    with BrokerInThread(files) as running:
        assert not is_let_in(running.port, context_of(authority, stolen))[0]
        assert is_let_in(running.port, context_of(authority, other))[0]


def test_another_certificate_of_the_same_name_is_let_in(authority: Authority, broker: BrokerInThread) -> None:
    old, new = authority.client("door", "old"), authority.client("door", "new")
    assert is_let_in(broker.port, context_of(authority, old))[0]
    authority.revoke(old)
    wait_for(lambda: not is_let_in(broker.port, context_of(authority, old))[0])
    assert is_let_in(broker.port, context_of(authority, new))[0]


def test_no_session_of_before_gets_round_the_list(authority: Authority, broker: BrokerInThread) -> None:
    stolen = authority.client("stolen")
    context = context_of(authority, stolen)
    was_let_in, session = is_let_in(broker.port, context)
    assert was_let_in
    authority.revoke(stolen)
    wait_for(lambda: not is_let_in(broker.port, context)[0])
    assert not is_let_in(broker.port, context, session)[0]


def test_a_list_that_cannot_be_read_leaves_the_one_of_before(
    authority: Authority, broker: BrokerInThread, caplog: pytest.LogCaptureFixture
) -> None:
    stolen, other = authority.client("stolen"), authority.client("other")
    file = authority.revoke(stolen)
    wait_for(lambda: not is_let_in(broker.port, context_of(authority, stolen))[0])
    file.write_text("no list")
    wait_for(lambda: "cannot read the list" in caplog.text)
    assert is_let_in(broker.port, context_of(authority, other))[0]
    assert not is_let_in(broker.port, context_of(authority, stolen))[0]
