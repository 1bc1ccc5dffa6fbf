"""The AES of the firmware is the AES of the standard, and that of the agent's library."""

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.controller.aes import plain_aes
from hal.osdp.aes import aes

BLOCK = st.binary(min_size=16, max_size=16)


def test_the_example_of_fips_197() -> None:
    encrypt, decrypt = plain_aes(bytes(range(16)))
    block = bytes(0x11 * number for number in range(16))
    assert encrypt(block).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    assert decrypt(encrypt(block)) == block


@settings(max_examples=50)
@given(BLOCK, BLOCK)
def test_any_key_and_block_come_out_as_from_the_library(key: bytes, block: bytes) -> None:
    ours, theirs = plain_aes(key), aes(key)
    assert ours[0](block) == theirs[0](block)
    assert ours[1](block) == theirs[1](block)
