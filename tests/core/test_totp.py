"""Rolling codes: the vectors of the RFCs, other programs, and what a lock makes of them."""

import base64
import shutil
import subprocess
from dataclasses import replace

import pyotp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.totp import (
    MOST_DRIFT,
    MOST_FAILURES,
    STEP_S,
    Progress,
    Technician,
    Technicians,
    TotpRefusal,
    hotp,
    step_at,
)

RFC_SECRET = b"12345678901234567890"
# RFC 4226, appendix D: counters 0 to 9.
RFC_4226 = [755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489]
# RFC 6238, appendix B, SHA-1: the last six of its eight digits.
RFC_6238 = [
    (59, 287082),
    (1111111109, 81804),
    (1111111111, 50471),
    (1234567890, 5924),
    (2000000000, 279037),
    (20000000000, 353130),
]
NOW = 1_780_326_000.0


@pytest.mark.parametrize(("counter", "expected"), list(enumerate(RFC_4226)))
def test_the_values_of_rfc_4226_come_out(counter: int, expected: int) -> None:
    assert hotp(RFC_SECRET, counter) == expected


@pytest.mark.parametrize(("at_s", "expected"), RFC_6238)
def test_the_values_of_rfc_6238_come_out(at_s: int, expected: int) -> None:
    assert hotp(RFC_SECRET, step_at(at_s)) == expected


@given(secret=st.binary(min_size=16, max_size=64), at_s=st.integers(0, 2**34))
def test_pyotp_shows_the_same_digits(secret: bytes, at_s: int) -> None:
    app = pyotp.TOTP(base64.b32encode(secret).decode())
    assert f"{hotp(secret, step_at(at_s)):06d}" == app.at(at_s)


@pytest.mark.skipif(
    shutil.which("oathtool") is None, reason="oathtool is not installed (apt install oathtool)"
)
@settings(max_examples=20, deadline=None)
@given(secret=st.binary(min_size=20, max_size=20), at_s=st.integers(0, 2**32))
def test_oathtool_shows_the_same_digits(secret: bytes, at_s: int) -> None:
    shown = subprocess.run(
        ["oathtool", "--totp", f"--now=@{at_s}", secret.hex()], capture_output=True, check=True, text=True
    ).stdout
    assert f"{hotp(secret, step_at(at_s)):06d}" == shown.strip()


def phone(at_s: float, slot: int = 42, secret: bytes = RFC_SECRET) -> str:
    """What somebody types who reads an app whose clock says `at_s`."""
    return f"{slot:03d}{hotp(secret, step_at(at_s)):06d}"


ANA = Technician(slot=42, secret=RFC_SECRET)


def door(progress: Progress | None = None, technician: Technician = ANA) -> Technicians:
    """A door that knows technician 42."""
    return Technicians({42: (technician, progress or Progress())})


def type_at(of: Technicians, digits: str, at_s: float) -> TotpRefusal | None:
    """Type, and keep what came of it, as the controller does."""
    outcome = of.look(digits, at_s)
    if outcome.progress is not None:
        of.keep(outcome.slot, outcome.progress)
    return outcome.refusal


@pytest.mark.parametrize("ahead", [-1, 0, 1])
def test_the_step_before_the_present_and_the_next_open(ahead: int) -> None:
    assert type_at(door(), phone(NOW + ahead * STEP_S), NOW) is None


@pytest.mark.parametrize("ahead", [-3, -2, 2, 3])
def test_other_steps_do_not(ahead: int) -> None:
    assert type_at(door(), phone(NOW + ahead * STEP_S), NOW) is TotpRefusal.UNKNOWN


def test_a_step_opens_once() -> None:
    of = door()
    assert type_at(of, phone(NOW), NOW) is None
    assert type_at(of, phone(NOW), NOW) is TotpRefusal.USED
    assert type_at(of, phone(NOW), NOW + STEP_S) is TotpRefusal.USED
    assert type_at(of, phone(NOW + STEP_S), NOW + STEP_S) is None


def test_an_older_step_does_not_open_after_a_newer_one() -> None:
    of = door()
    assert type_at(of, phone(NOW + STEP_S), NOW) is None
    assert type_at(of, phone(NOW), NOW) is TotpRefusal.USED
    assert type_at(of, phone(NOW - STEP_S), NOW) is not None


def test_the_drift_of_a_phone_is_learned_step_by_step_and_only_so_far() -> None:
    of, at_s = door(), NOW
    for off in [*range(1, MOST_DRIFT + 2), MOST_DRIFT + 1]:
        assert type_at(of, phone(at_s + off * STEP_S), at_s) is None
        at_s += 3600
    assert type_at(of, phone(at_s + (MOST_DRIFT + 2) * STEP_S), at_s) is TotpRefusal.UNKNOWN
    assert type_at(of, phone(at_s - STEP_S), at_s) is TotpRefusal.UNKNOWN
    for off in range(MOST_DRIFT - 1, -MOST_DRIFT - 2, -1):
        at_s += 3600
        assert type_at(of, phone(at_s + off * STEP_S), at_s) is None


def test_a_phone_whose_clock_is_put_right_opens_and_what_was_learned_is_unlearned_step_by_step() -> None:
    for learned in (MOST_DRIFT, -MOST_DRIFT):
        of, at_s = door(Progress(drift=learned)), NOW
        for _ in range(MOST_DRIFT):
            at_s += 3600
            assert type_at(of, phone(at_s), at_s) is None
        ahead_s = STEP_S if learned < 0 else -STEP_S
        assert type_at(of, phone(at_s + 3600 + ahead_s), at_s + 3600) is None


def test_a_phone_that_is_put_right_opens_with_no_step_that_was_used() -> None:
    of = door(Progress(drift=3))
    assert type_at(of, phone(NOW + 3 * STEP_S), NOW) is None
    assert type_at(of, phone(NOW), NOW) is TotpRefusal.USED
    assert type_at(of, phone(NOW + 4 * STEP_S), NOW + 4 * STEP_S) is None


def test_a_failure_teaches_no_drift() -> None:
    of = door(Progress(last_step=step_at(NOW) + 10, drift=2))
    outcome = of.look(phone(NOW + 3 * STEP_S), NOW)
    assert outcome.refusal is TotpRefusal.USED
    assert outcome.progress == Progress(step_at(NOW) + 10, 2, 1)


def test_ten_failures_in_a_row_end_it_and_a_success_in_between_does_not() -> None:
    of = door()
    for at in range(3 * MOST_FAILURES):
        last = at % MOST_FAILURES == MOST_FAILURES - 1
        at_s = NOW + 3600 * at
        assert type_at(of, phone(at_s) if last else "042000000", at_s) is (
            None if last else TotpRefusal.UNKNOWN
        )
    for _ in range(MOST_FAILURES):
        type_at(of, "042000000", NOW + 10**6)
    assert type_at(of, phone(NOW + 10**6), NOW + 10**6) is TotpRefusal.TOO_MANY_FAILURES


def test_a_technician_opens_within_the_window_only() -> None:
    ana = replace(ANA, starts_at=int(NOW), ends_at=int(NOW) + 3600)
    for after, expected in (
        (-1, TotpRefusal.OUTSIDE_WINDOW),
        (0, None),
        (3599, None),
        (3600, TotpRefusal.OUTSIDE_WINDOW),
    ):
        assert type_at(door(technician=ana), phone(NOW + after), NOW + after) is expected


def test_a_revoked_technician_is_refused() -> None:
    assert type_at(door(technician=replace(ANA, is_revoked=True)), phone(NOW), NOW) is TotpRefusal.REVOKED


@pytest.mark.parametrize("digits", ["1234", "04210203", "0000000000", "0420102030"])
def test_another_length_is_never_a_rolling_code(digits: str) -> None:
    outcome = door().look(digits, NOW)
    assert (outcome.refusal, outcome.progress) == (TotpRefusal.UNKNOWN, None)
    assert door().look("0" + phone(NOW), NOW).refusal is TotpRefusal.UNKNOWN


def test_an_unknown_slot_opens_with_no_secret_and_counts_nobodys_failures() -> None:
    for secret in (RFC_SECRET, bytes(20)):
        outcome = door().look(phone(NOW, 7, secret), NOW)
        assert (outcome.refusal, outcome.progress) == (TotpRefusal.UNKNOWN, None)


@pytest.mark.parametrize("digits", ["1234", "042000000", "007000000", "0420000000"])
def test_every_entry_costs_four_passwords(digits: str) -> None:
    for of in (door(), door(technician=replace(ANA, is_revoked=True)), Technicians()):
        of.look(digits, NOW)
        assert of.hotps == 4


def test_a_technician_shows_no_secret() -> None:
    shown = repr(Technician(slot=42, secret=RFC_SECRET)) + repr(door())
    assert "1234567890" not in shown


@pytest.mark.parametrize(("slot", "secret"), [(-1, RFC_SECRET), (1000, RFC_SECRET), (1, bytes(15))])
def test_a_technician_who_could_not_be_typed_or_has_a_short_secret_is_refused(
    slot: int, secret: bytes
) -> None:
    with pytest.raises(ValueError, match="of a technician"):
        Technician(slot=slot, secret=secret)


@settings(max_examples=200)
@given(
    typed=st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 90)), max_size=40),
    drift=st.integers(-MOST_DRIFT, MOST_DRIFT),
)
def test_whatever_is_typed_no_step_opens_twice_and_steps_only_rise(
    typed: list[tuple[int, int]], drift: int
) -> None:
    of, at_s, opened = door(Progress(drift=drift)), NOW, []
    for ahead, pause_s in typed:
        at_s += pause_s
        outcome = of.look(phone(at_s + (drift + ahead) * STEP_S), at_s)
        assert outcome.progress is not None
        of.keep(42, outcome.progress)
        assert abs(outcome.progress.drift) <= MOST_DRIFT
        if outcome.refusal is None:
            opened.append(outcome.progress.last_step)
    assert opened == sorted(set(opened))
