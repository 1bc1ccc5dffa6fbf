"""The Secure Channel against a session recorded between two libosdp 3.2.9 ends, and against tampering."""

from hal.osdp import codec, records, secure
from hal.osdp.aes import aes

SCBK = bytes(range(0x30, 0x40))
CHLNG = bytes.fromhex("ff536513000e03110176d764c8cce93255c4f105")
CCRYPT = bytes.fromhex(
    "53e52b000e03120176beba0100afbeadde478d7aa05d83f3ea366d14cd611369c8b412a4572bc7aad96300"
)
SCRYPT = bytes.fromhex("ff53651b000f031301770613bd05f3a2a66266fa9985b4e746019db6")
RMAC_I = bytes.fromhex("53e51b000f031401783ec018f008a5521c2db964d186a569b73a76")
# Poll and answer in turns; the third answer is KEYPAD 1234, the sixth command OUT 0 timed on for 5 s.
EXCHANGES = [
    ("ff53650e000d0215603db2f8c99339", "53e50e000d021640a6570ec062cd"),
    ("ff53650e000e02156076826a8e6a02", "53e50e000e021640137e8d16a4b5"),
    ("ff53650e000f02156070859384a3ef", "53e51e000f021853e9d140900f52e7393ee771621ee3a37b320db567eae0"),
    ("ff53650e000d0215604ec82dc80005", "53e50e000d0216407e44ddc623da"),
    ("ff53650e000e021560b5710f610e68", "53e50e000e0216406291d6922c0e"),
    ("ff53651e000f021768fe3f94e45fda9fff5decbab5eaecfe8dd96a523a569a", "53e50e000f0216406c31b6f47351"),
]


def read(frame: bytes) -> codec.Packet:
    """The packet in a recorded frame."""
    [packet] = codec.Parser().feed(frame)
    return packet


def recorded_session() -> secure.Session:
    """A session that has come as far as the recorded one after its set-up."""
    session = secure.Session(aes, SCBK, read(CHLNG).data)
    session.start(read(SCRYPT).data)
    return session


def test_the_cryptograms_of_a_recorded_session_come_out() -> None:
    rnd_a, answer = read(CHLNG).data, read(CCRYPT).data
    session = secure.Session(aes, SCBK, rnd_a)
    assert session.cryptogram(rnd_a, answer[8:16]) == answer[16:]
    assert session.cryptogram(answer[8:16], rnd_a) == read(SCRYPT).data


def test_the_first_mac_of_a_recorded_session_comes_out() -> None:
    session = secure.Session(aes, SCBK, read(CHLNG).data)
    assert session.start(read(SCRYPT).data) == read(RMAC_I).data


def test_a_recorded_session_opens_packet_by_packet() -> None:
    session = recorded_session()
    opened = [session.open(read(bytes.fromhex(frame))) for pair in EXCHANGES for frame in pair]
    assert opened[5] == records.keypad("1234")
    assert opened[10] == records.output(0, records.OUTPUT_TIMED_ON, 50)
    assert [data for at, data in enumerate(opened) if at not in (5, 10)] == [b""] * 10


def test_a_recorded_session_is_sealed_byte_for_byte() -> None:
    session, reader = recorded_session(), recorded_session()
    for command, reply in EXCHANGES:
        for frame, is_reply in ((bytes.fromhex(command), False), (bytes.fromhex(reply), True)):
            packet = read(frame)
            data = reader.open(packet) or b""
            sealed = session.seal(101, is_reply, packet.sequence, packet.code, data)
            assert sealed.lstrip(b"\xff") == frame.lstrip(b"\xff")


def test_no_changed_byte_goes_unnoticed_and_the_true_packet_still_opens() -> None:
    session = recorded_session()
    raw = read(bytes.fromhex(EXCHANGES[0][0])).raw
    for at in range(4, len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 0x80
        found = codec.Parser().feed(codec.finish(bytes(changed)))
        assert [session.open(packet) for packet in found] in ([], [None])
    assert session.open(read(bytes.fromhex(EXCHANGES[0][0]))) == b""


def test_a_packet_opens_once() -> None:
    session = recorded_session()
    command, reply = (read(bytes.fromhex(frame)) for frame in EXCHANGES[0])
    assert session.open(command) == b""
    assert session.open(reply) == b""
    assert session.open(command) is None


def test_comparison_sees_every_difference() -> None:
    assert secure.same(b"abc", b"abc")
    assert not secure.same(b"abc", b"abd")
    assert not secure.same(b"abc", b"abcd")
