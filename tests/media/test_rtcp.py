"""RTCP by bytes that were made by hand, and by what is packed and read again."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.media.rtcp import Compound, ReportBlock, RtcpError, SenderInfo, pack, unpack

# SR of SSRC 1 with one block about SSRC 2 (fraction 64/256, 3 lost, highest 0x10005, jitter 160), then SDES.
BY_HAND = bytes.fromhex(
    "81c8000c"
    "00000001"
    "8000000140000000"
    "000003e8"
    "0000000a"
    "00000640"
    "00000002"
    "40000003"
    "00010005"
    "000000a0"
    "00014000"
    "00008000"
    "81ca0003"
    "00000001"
    "0104"
    "61406263"
    "0000"
)
SENDER = SenderInfo(0x8000000140000000, 1000, 10, 1600)
BLOCK = ReportBlock(2, 3, 0x10005, 160, 64, 0x14000, 0x8000)


def test_bytes_that_were_made_by_hand() -> None:
    assert unpack(BY_HAND) == Compound(("SR", "SDES"), 1, SENDER, (BLOCK,), "a@bc")
    assert pack(1, "a@bc", sender=SENDER, block=BLOCK) == BY_HAND
    assert not unpack(BY_HAND).flaw


def test_who_sends_nothing_reports_and_says_goodbye() -> None:
    read = unpack(pack(7, "party", block=ReportBlock(2, -4, 5, 0), bye=True))
    assert (read.kinds, read.sender, read.ssrc) == (("RR", "SDES", "BYE"), None, 7)
    assert read.blocks[0].lost == -4


@pytest.mark.parametrize("name", ["", "a", "ab", "abc", "abcd", "a" * 255])
def test_a_description_of_any_length_is_whole_words(name: str) -> None:
    data = pack(1, name)
    assert len(data) % 4 == 0
    assert unpack(data).cname == name


def test_more_losses_than_the_field_holds() -> None:
    assert unpack(pack(1, "a", block=ReportBlock(2, 1 << 30, 0, 0))).blocks[0].lost == 0x7FFFFF
    assert unpack(pack(1, "a", block=ReportBlock(2, -(1 << 30), 0, 0))).blocks[0].lost == -0x800000


def test_what_has_not_the_form() -> None:
    report, description = BY_HAND[:52], BY_HAND[52:]
    assert "CNAME" in unpack(report).flaw
    assert "begins with SDES" in unpack(description + report).flaw
    assert unpack(report + bytes.fromhex("81ce000100000001")).kinds == ("SR", "206")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "shorter"),
        (BY_HAND[:4], "shorter"),
        (b"\x00" + BY_HAND[1:], "version 0"),
        (BY_HAND[:-4], "in 12"),
        (BY_HAND + b"\x81", "shorter"),
        (bytes.fromhex("80c8000100000001"), "a report of 4 bytes"),
        (bytes.fromhex("81c9000100000001"), "a report of 4 bytes"),
        (bytes.fromhex("81ca00020000000101ff6162"), "does not fit"),
    ],
)
def test_what_is_no_rtcp(data: bytes, why: str) -> None:
    with pytest.raises(RtcpError, match=why):
        unpack(data)


@given(st.binary(max_size=200))
def test_nothing_else_is_raised(data: bytes) -> None:
    with contextlib.suppress(RtcpError):
        assert unpack(data).kinds
