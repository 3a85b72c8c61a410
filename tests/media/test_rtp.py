"""RTP headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.media.rtp import RtpError, RtpPacket, is_rtcp

packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=40),
    marker=st.booleans(),
    contributing=st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    extension=st.none() | st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=5).map(lambda data: data * 4)),
    padding=st.integers(0, 255),
)


@given(packets)
def test_every_packet_survives_the_wire(packet: RtpPacket) -> None:
    assert RtpPacket.unpack(packet.pack()) == packet


def test_a_packet_bit_by_bit() -> None:
    packet = RtpPacket(8, 0x1234, 0xDECAFBAD, 0xCAFEBABE, b"\xab" * 4, marker=True)
    assert packet.pack().hex() == "80881234decafbadcafebabeabababab"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(11),
        bytes(12),
        b"\x8f" + bytes(12),
        b"\x90" + bytes(13),
        b"\x90" + bytes(13) + b"\x00\x09",
        b"\xa0" + bytes(11),
        b"\xa0" + bytes(11) + b"\x00",
        b"\xa0" + bytes(11) + b"\x05",
    ],
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(RtpError):
        RtpPacket.unpack(data)


def test_an_extension_of_broken_words_is_not_packed() -> None:
    with pytest.raises(RtpError):
        RtpPacket(0, 1, 2, 3, b"", extension=(1, b"abc")).pack()


@given(st.binary(max_size=64))
def test_any_datagram_is_read_or_refused(data: bytes) -> None:
    try:
        packet = RtpPacket.unpack(data)
    except RtpError:
        return
    assert len(packet.payload) <= len(data) - 12


def test_rtcp_is_told_apart() -> None:
    assert is_rtcp(bytes([0x80, 200, 0, 1]) + bytes(4))
    assert not is_rtcp(RtpPacket(101, 1, 2, 3, b"", marker=True).pack())
    assert not is_rtcp(b"\x80\xc8")
