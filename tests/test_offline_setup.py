"""The document of keys and technicians: whatever stands in it, it is good as a whole or refused in words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.offline_setup import OfflineSetup, SetupFault, decode_setup

SECRET = "5a" * 32
NUMBER = st.integers(-(2**70), 2**70) | st.integers(0, 12)
JUNK = st.none() | st.booleans() | NUMBER | st.floats() | st.text(max_size=8) | st.just(SECRET)
KEY = st.fixed_dictionaries(
    {},
    optional={
        "kid": NUMBER,
        "issuer": NUMBER,
        "root": JUNK,
        "key": JUNK,
        "first_slot": NUMBER,
        "last_slot": NUMBER,
        "cancelled_before_slot": NUMBER,
        "policy": st.dictionaries(
            st.sampled_from(["serials", "once_serials", "longest_h", "start_hours", "may_cancel", "x"]),
            JUNK | st.lists(NUMBER, max_size=3),
        ),
    },
)
TECHNICIAN = st.fixed_dictionaries(
    {}, optional={"slot": NUMBER, "secret": JUNK, "starts_at": NUMBER, "ends_at": NUMBER, "is_revoked": JUNK}
)
DOCUMENT = st.fixed_dictionaries(
    {"device_id": st.just("a-lock") | NUMBER | st.text(max_size=8)},
    optional={
        "digits": NUMBER,
        "phase_s": st.sampled_from([0, 900, 1]),
        "first_use_within_h": NUMBER,
        "tolerance_s": NUMBER,
        "journal_epoch": NUMBER | st.text(max_size=8),
        "keys": st.lists(KEY, max_size=4) | JUNK,
        "denied": st.lists(st.dictionaries(st.sampled_from(["kid", "issuer", "slot", "q"]), NUMBER)),
        "technicians": st.lists(TECHNICIAN, max_size=3) | JUNK,
    },
)


def read(document: bytes) -> OfflineSetup | None:
    """The setup, or None if it was refused, without a secret in the words."""
    try:
        setup = decode_setup(document)
    except SetupFault as fault:
        assert SECRET not in str(fault)
        return None
    for key in setup.keys:
        key.accepted()
    for technician in setup.technicians:
        technician.technician()
    assert SECRET not in repr(setup)
    return setup


@given(DOCUMENT)
def test_any_document_is_taken_whole_or_refused_in_words(document: dict[str, Any]) -> None:
    read(json.dumps(document).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(raw: bytes) -> None:
    assert read(raw) is None


def test_a_document_nested_a_thousand_deep_is_refused() -> None:
    for opening, closing in (("[", "]"), ('{"keys":', "}")):
        assert read((opening * 5000 + "1" + closing * 5000).encode()) is None


def test_a_secret_where_a_name_should_be_is_not_in_the_refusal() -> None:
    key = {"kid": 1, SECRET: "key"}
    with pytest.raises(SetupFault, match=r"too long to show - at `\$\.keys\[0\]`") as fault:
        decode_setup(json.dumps({"device_id": "a-lock", "keys": [key]}).encode())
    assert SECRET not in str(fault.value)
    with pytest.raises(SetupFault, match="`digit`"):
        decode_setup(b'{"device_id": "a-lock", "digit": 10}')


def test_a_good_document_is_taken() -> None:
    keys = [{"kid": 1, "root": SECRET, "policy": {"start_hours": [14]}}, {"kid": 2, "key": SECRET}]
    technicians = [{"slot": 42, "secret": "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U"}]
    setup = read(json.dumps({"device_id": "a-lock", "keys": keys, "technicians": technicians}).encode())
    assert setup is not None
    assert [key.issuer_key().key.hex() == SECRET for key in setup.keys] == [False, True]
