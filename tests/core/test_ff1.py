"""FF1 against the published examples, and against a plain reading of the standard."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from agent.core.ff1 import Ff1

KEY_128 = "2b7e151628aed2a6abf7158809cf4f3c"
KEY_192 = KEY_128 + "ef4359d8d580aa4f"
KEY_256 = KEY_192 + "7f036d6f04fc6a94"
# FF1samples.pdf of NIST: the samples with radix 10; the plaintext is 0123456789.
NIST = [
    (KEY_128, "", 2433477484),
    (KEY_128, "39383736353433323130", 6124200773),
    (KEY_192, "", 2830668132),
    (KEY_192, "39383736353433323130", 2496655549),
    (KEY_256, "", 6657667009),
    (KEY_256, "39383736353433323130", 1001623463),
]
WYCHEPROOF: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "wycheproof_ff1_base10.json").read_text()
)["tests"]


def by_the_book(key: bytes, tweak: bytes, digits: str) -> str:
    """SP 800-38G, algorithm 7."""
    return "".join(rounds_by_the_book(key, tweak, digits)[-2:])


def rounds_by_the_book(key: bytes, tweak: bytes, digits: str) -> list[str]:
    """What each of the ten rounds puts out, step by step on strings of digits."""

    def aes(block: bytes) -> bytes:
        encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
        return encryptor.update(block) + encryptor.finalize()

    n, t = len(digits), len(tweak)
    u = n // 2
    v = n - u
    a, b_half = digits[:u], digits[u:]
    b = ((10**v - 1).bit_length() + 7) // 8
    d = 4 * ((b + 3) // 4) + 4
    p = bytes([1, 2, 1, 0, 0, 10, 10, u % 256]) + n.to_bytes(4) + t.to_bytes(4)
    outputs = []
    for i in range(10):
        q = tweak + bytes((-t - b - 1) % 16) + bytes([i]) + int(b_half).to_bytes(b)
        r = bytes(16)
        message = p + q
        for place in range(0, len(message), 16):
            r = aes(bytes(x ^ y for x, y in zip(r, message[place : place + 16], strict=True)))
        s = r
        for j in range(1, (d + 15) // 16):
            s += aes(bytes(x ^ y for x, y in zip(r, j.to_bytes(16), strict=True)))
        m = u if i % 2 == 0 else v
        a, b_half = b_half, f"{(int(a) + int.from_bytes(s[:d])) % 10**m:0{m}d}"
        outputs.append(b_half)
    return outputs


@pytest.mark.parametrize(("key", "tweak", "ciphertext"), NIST)
def test_the_samples_of_nist_come_out(key: str, tweak: str, ciphertext: int) -> None:
    ff1 = Ff1(bytes.fromhex(key), bytes.fromhex(tweak), 10)
    assert ff1.encrypt(123456789) == ciphertext
    assert ff1.decrypt(ciphertext) == 123456789


@pytest.mark.parametrize(
    "case", [case for case in WYCHEPROOF if case["result"] == "valid"], ids=lambda c: c["tcId"]
)
def test_the_valid_cases_of_wycheproof_come_out(case: dict[str, Any]) -> None:
    ff1 = Ff1(bytes.fromhex(case["key"]), bytes.fromhex(case["tweak"]), len(case["msg"]))
    assert ff1.encrypt(int(case["msg"])) == int(case["ct"])
    assert ff1.decrypt(int(case["ct"])) == int(case["msg"])


@pytest.mark.parametrize(
    "case",
    [case for case in WYCHEPROOF if case["result"] == "invalid" and case["flags"] != ["InvalidPlaintext"]],
    ids=lambda c: c["tcId"],
)
def test_a_key_or_a_length_that_is_wrong_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="FF1 takes"):
        Ff1(bytes.fromhex(case["key"]), bytes.fromhex(case["tweak"]), len(case["msg"]))


def test_the_excerpt_of_wycheproof_is_as_long_as_its_licence_says() -> None:
    flags = Counter(case["flags"][0] for case in WYCHEPROOF)
    assert len(WYCHEPROOF) == 84
    assert set(flags) == {
        "EdgeCasePrf",
        "EdgeCaseState",
        "InvalidKeySize",
        "InvalidMessageSize",
        "InvalidPlaintext",
        "LargeMessageSize",
        "NormalMessageSize",
        "SmallMessageSize",
    }


@pytest.mark.parametrize("number", [-1, 10**10])
def test_a_number_with_too_many_digits_is_refused(number: int) -> None:
    ff1 = Ff1(bytes(32), b"", 10)
    with pytest.raises(ValueError, match="not a number of 10 digits"):
        ff1.encrypt(number)
    with pytest.raises(ValueError, match="not a number of 10 digits"):
        ff1.decrypt(number)


@given(
    key=st.sampled_from([16, 24, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    tweak=st.binary(max_size=40),
    digits=st.text("0123456789", min_size=2, max_size=60),
)
def test_any_number_is_mapped_as_the_standard_says_and_back(key: bytes, tweak: bytes, digits: str) -> None:
    ff1 = Ff1(key, tweak, len(digits))
    mapped = ff1.encrypt(int(digits))
    assert f"{mapped:0{len(digits)}d}" == by_the_book(key, tweak, digits)
    assert ff1.decrypt(mapped) == int(digits)


def test_a_cipher_shows_no_key() -> None:
    assert repr(Ff1(bytes(32), b"tweak", 10)) == "Ff1(10 digits)"
