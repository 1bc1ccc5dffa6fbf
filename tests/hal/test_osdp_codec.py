"""Packets: known answers, and a parser that finds the good ones in anything."""

import random

from hypothesis import given
from hypothesis import strategies as st

from hal.osdp import codec, records

# Sent by libosdp 3.2.9: ID to address 101, and its PDID.
ID_FRAME = bytes.fromhex("ff53650900046100d97a")
PDID_FRAME = bytes.fromhex("53e514000445bebafe0101afbeaddeaddead07fd")


def test_crc_has_the_published_check_value() -> None:
    assert codec.crc16(b"123456789") == 0xE5CC


def test_a_packet_is_built_byte_for_byte_like_another_implementation_builds_it() -> None:
    assert codec.plain(101, False, 0, codec.ID, b"\x00") == ID_FRAME


def test_a_reply_of_another_implementation_is_read() -> None:
    [packet] = codec.Parser().feed(PDID_FRAME)
    assert (packet.address, packet.is_reply, packet.sequence, packet.code) == (101, True, 0, codec.PDID)
    assert packet.data.hex() == "bebafe0101afbeaddeaddead"


def test_a_checksum_makes_the_sum_of_all_bytes_a_multiple_of_256() -> None:
    frame = codec.plain(101, False, 0, codec.ID, b"\x00", has_crc=False)
    assert frame == bytes.fromhex("ff536508000061 00df".replace(" ", ""))
    assert sum(frame[1:]) % 256 == 0
    [packet] = codec.Parser().feed(frame)
    assert (packet.code, packet.has_crc) == (codec.ID, False)


def test_a_damaged_packet_with_a_checksum_is_no_packet() -> None:
    frame = codec.plain(101, False, 0, codec.ID, b"\x00", has_crc=False)
    for at in range(1, len(frame)):
        damaged = bytearray(frame)
        damaged[at] ^= 0x01
        assert codec.Parser().feed(bytes(damaged)) == []


def test_a_packet_of_the_greatest_length_is_found_and_a_longer_one_is_noise() -> None:
    room = codec.LONGEST - 8
    [packet] = codec.Parser().feed(codec.plain(1, True, 1, codec.PDID, bytes(room)))
    assert len(packet.data) == room
    assert codec.Parser().feed(codec.plain(1, True, 1, codec.PDID, bytes(room + 1))) == []


def test_a_packet_that_comes_byte_by_byte_is_found_once() -> None:
    parser = codec.Parser()
    found = [packet for byte in ID_FRAME for packet in parser.feed(bytes([byte]))]
    assert [packet.code for packet in found] == [codec.ID]


def test_a_corrupted_packet_is_dropped_and_the_next_one_is_found() -> None:
    for at in range(1, len(ID_FRAME)):
        damaged = bytearray(ID_FRAME)
        damaged[at] ^= 0x10
        found = codec.Parser().feed(bytes(damaged) + PDID_FRAME + PDID_FRAME + bytes(codec.LONGEST))
        assert [packet.code for packet in found] == [codec.PDID, codec.PDID]


def test_after_a_silence_a_false_start_does_not_hold_up_the_next_packet() -> None:
    parser = codec.Parser()
    assert parser.feed(b"\x53\x00\xf0\x01\x04") == []
    parser.forget()
    assert len(parser.feed(ID_FRAME)) == 1


@given(st.binary(max_size=600))
def test_no_bytes_at_all_make_the_parser_raise(data: bytes) -> None:
    assert all(packet.raw in data for packet in codec.Parser().feed(data))


@given(st.binary(min_size=1, max_size=60), st.integers(1, 20))
def test_every_way_of_cutting_a_stream_gives_the_same_packets(noise: bytes, size: int) -> None:
    stream = noise + ID_FRAME + noise + PDID_FRAME
    parser = codec.Parser()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    found = [packet.raw for piece in pieces for packet in parser.feed(piece)]
    assert found == [packet.raw for packet in codec.Parser().feed(stream)]


def test_a_packet_whose_security_block_is_longer_than_itself_is_no_packet() -> None:
    for size in (0, 1, 3, 200, 255):
        raw = codec.head(0, False, 0, bytes((size, codec.SCS_15)), codec.POLL, b"", 0)
        assert codec.Parser().feed(codec.finish(raw)) == []


def test_the_code_of_a_repr_is_all_that_is_told() -> None:
    [packet] = codec.Parser().feed(codec.plain(0, True, 0, codec.KEYPAD, records.keypad("8642")))
    assert "8642" not in repr(packet)
    assert "38363432" not in repr(packet)


def test_keys_come_back_as_they_were_pressed() -> None:
    keys = "".join(random.sample("0123456789*#", 12))
    assert "".join(records.keys(records.keypad(keys)) or []) == keys


def test_star_is_7f_and_hash_is_0d_on_the_wire_as_on_readers_on_the_market() -> None:
    assert records.keypad("0*#9") == b"\x00\x04\x30\x7f\x0d\x39"


def test_a_key_that_no_keypad_of_ours_has_makes_all_of_them_doubtful() -> None:
    assert records.keys(b"\x00\x02\x31A") is None
    assert records.keys(b"\x00\x03\x31\x32") is None


def test_thirty_seconds_of_output_are_three_hundred_tenths_in_sixteen_bits() -> None:
    assert records.output(0, records.OUTPUT_TIMED_ON, 300) == b"\x00\x05\x2c\x01"
