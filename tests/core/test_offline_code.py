"""Offline codes as the specification writes them, both ways."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.offline_code import (
    EPOCH_S,
    LAST_ERA,
    LENGTHS,
    LONGEST_H,
    PHASES_S,
    Q_VALUES,
    EraCipher,
    IssuerKey,
    Meaning,
    OfflineFormat,
    OfflineKind,
    Payload,
    check_code,
    derive_key,
    issue,
    meaning_of,
    q_of,
    rounded_up,
)
from tests.core import ff1_by_the_book
from tests.core.ff1_by_the_book import encrypted
from tests.core.olc1 import CANCEL, DEVICE, ROOT, SLOT, START, VECTORS, code_of, key_of, once, timed


def named(vector: dict[str, Any]) -> str:
    return "-".join(str(vector[key]) for key in ("d", "kid", "kind", "start", "hours", "serial"))


@pytest.mark.parametrize("vector", VECTORS, ids=named)
def test_a_published_code_is_issued_and_read_back(vector: dict[str, Any]) -> None:
    form = OfflineFormat(DEVICE, vector["d"], vector["phase"])
    key = key_of(vector["kid"], vector["issuer"])
    meaning = Meaning(OfflineKind(vector["kind"]), vector["hours"], vector["serial"])
    payload = Payload(vector["slot"], vector["q"])

    assert key.key.hex() == vector["key"]
    assert form.tweak(key.kid, key.issuer, vector["era"]).hex() == vector["tweak"]
    assert form.slot_at(vector["start_unix"]) == vector["slot"]
    assert q_of(meaning) == vector["q"]
    assert issue(form, key, vector["start_unix"], meaning) == vector["code"]
    assert EraCipher(form, key, vector["era"]).decode(int(vector["code"])) == (payload, True)


def test_the_trace_of_the_specification_is_followed() -> None:
    tweak = OfflineFormat(DEVICE).tweak(1, 0, 0)
    rounds = ff1_by_the_book.rounds(key_of().key, tweak, f"{SLOT * Q_VALUES + 67:010d}")
    assert " ".join(rounds) == "33700 05028 11094 34095 81820 74565 39490 28055 87317 73918"
    assert code_of(timed(68)) == "8731773918"


def test_every_q_means_one_thing_and_comes_back() -> None:
    meanings = [meaning_of(q) for q in range(Q_VALUES)]
    assert [q for q, meaning in enumerate(meanings) if meaning is None] == [4092, 4093, 4094]
    assert [q_of(meaning) for meaning in meanings if meaning] == [q for q in range(Q_VALUES) if meanings[q]]
    assert len({meaning for meaning in meanings if meaning}) == Q_VALUES - 3


@pytest.mark.parametrize(
    ("asked", "given"), [(1, 1), (672, 672), (673, 696), (696, 696), (697, 720), (8785, 8808), (8808, 8808)]
)
def test_a_duration_is_rounded_up_never_down(asked: int, given: int) -> None:
    assert rounded_up(asked) == given
    assert meaning_of(q_of(timed(asked))) == timed(given)


@pytest.mark.parametrize(
    "meaning", [timed(0), timed(LONGEST_H + 1), timed(1, 4), timed(1, -1), once(48), once(-1)], ids=str
)
def test_what_no_code_can_say_is_not_issued(meaning: Meaning) -> None:
    with pytest.raises(ValueError, match=r"lasts 1 to 8808 hours|the serial of a"):
        code_of(meaning)


@pytest.mark.parametrize("start_s", [EPOCH_S - 1, OfflineFormat(DEVICE, 8).start_of(24_414 * (LAST_ERA + 1))])
def test_a_start_that_no_era_has_is_not_issued(start_s: int) -> None:
    with pytest.raises(ValueError, match="offline codes start in 2024 or later"):
        code_of(timed(1), start_s, digits=8)


def test_a_number_beyond_the_last_slot_is_no_code() -> None:
    cipher = EraCipher(OfflineFormat(DEVICE), key_of(), 0)
    assert cipher.decode(3612034834)[1] is False
    assert cipher.decode(4527192614)[0].q == 4092


def test_a_start_is_floored_to_its_slot() -> None:
    assert code_of(timed(68, 2), START + 37 * 60 + 59) == "6352820718"
    assert code_of(timed(68, 2), START + 3599) == code_of(timed(68, 2), START)
    assert code_of(timed(68, 2), START - 1) != code_of(timed(68, 2), START)


def test_the_slots_of_a_shifted_lock_begin_at_its_phase() -> None:
    for phase_s in PHASES_S:
        form = OfflineFormat(DEVICE, phase_s=phase_s)
        assert form.slot_at(EPOCH_S + phase_s) == 0
        assert form.slot_at(EPOCH_S + phase_s - 1) == -1
        assert form.start_of(form.slot_at(START)) == START - 3600 * (phase_s > 0) + phase_s


def test_one_start_and_duration_gives_other_codes_to_other_locks_lengths_keys_and_issuers() -> None:
    codes = [
        issue(OfflineFormat(device, digits), IssuerKey(kid, issuer, bytes(32)), START, timed(68))
        for device in (DEVICE, "lock-0002")
        for digits in LENGTHS
        for kid in (1, 2)
        for issuer in (0, 7)
    ]
    assert len({int(code) % 10**8 for code in codes}) == len(codes)


def test_the_key_of_a_phone_tells_nothing_of_another_issuers() -> None:
    keys = {derive_key(ROOT, kid, issuer) for kid in range(4) for issuer in range(256)}
    assert len(keys) == 4 * 256


@pytest.mark.parametrize(
    ("digits", "phase_s"),
    [(7, 0), (11, 0), (10, 1), (10, 3600), (10, -900)],
)
def test_a_format_that_the_specification_lacks_is_refused(digits: int, phase_s: int) -> None:
    with pytest.raises(ValueError, match=r"an offline code has|the phase is"):
        OfflineFormat(DEVICE, digits, phase_s)


@pytest.mark.parametrize("digits", ["", "123456789", "12345678901", "123456789x", "١٢٣٤٥٦٧٨٩٠", "-123456789"])
def test_what_is_no_number_of_that_length_is_no_code(digits: str) -> None:
    with pytest.raises(ValueError, match="has 10 digits and nothing else"):
        check_code(OfflineFormat(DEVICE), digits)


def test_nothing_that_is_shown_holds_a_key() -> None:
    key = IssuerKey(1, 0, b"k" * 32)
    shown = repr(key) + repr(EraCipher(OfflineFormat(DEVICE), key, 0))
    assert "kkk" not in shown
    assert (b"k" * 32).hex() not in shown


@given(
    digits=st.sampled_from(LENGTHS),
    phase_s=st.sampled_from(PHASES_S),
    kid=st.integers(0, 255),
    issuer=st.integers(0, 255),
    era=st.integers(0, LAST_ERA),
    place=st.integers(0, 10**10),
    q=st.integers(0, Q_VALUES - 1).filter(lambda q: meaning_of(q) is not None),
)
def test_any_code_reads_as_it_was_issued_and_as_the_standard_encrypts(
    digits: int, phase_s: int, kid: int, issuer: int, era: int, place: int, q: int
) -> None:
    form, key = OfflineFormat(DEVICE, digits, phase_s), key_of(kid, issuer)
    slot = era * form.era_slots + place % form.era_slots
    meaning = meaning_of(q)
    assert meaning is not None
    code = issue(form, key, form.start_of(slot), meaning)
    x = f"{slot % form.era_slots * Q_VALUES + q:0{digits}d}"
    assert code == encrypted(key.key, form.tweak(kid, issuer, era), x)
    assert EraCipher(form, key, era).decode(check_code(form, code)) == (Payload(slot, q), True)


def test_a_cancelling_code_is_one_per_start() -> None:
    assert code_of(CANCEL) == "8609104651"
    assert meaning_of(4095) == CANCEL
