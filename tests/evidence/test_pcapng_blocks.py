from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from certsuite.evidence import pcapng_blocks as blocks

SECTION = blocks.section_header(application="certsuite", comment="a comment")


@given(packet=st.binary(max_size=70), t_ns=st.integers(0, 2**63))
def test_blocks_are_padded_and_hold_what_was_given(packet: bytes, t_ns: int) -> None:
    block = blocks.enhanced_packet(1, t_ns, packet)
    assert len(block) % 4 == 0
    assert int.from_bytes(block[4:8], "little") == int.from_bytes(block[-4:], "little") == len(block)
    high, low = (int.from_bytes(block[start : start + 4], "little") for start in (12, 16))
    assert high << 32 | low == t_ns
    assert block[28 : 28 + len(packet)] == packet


def scanned(data: bytes) -> list[tuple[int, int]]:
    return list(blocks.scan(io.BytesIO(data), len(data)))


@given(cut=st.integers(0, 200))
def test_scan_gives_whole_blocks_only(cut: int) -> None:
    parts = [SECTION, blocks.interface(blocks.LINKTYPE_RAW, "wire", ""), blocks.enhanced_packet(0, 1, b"packet")]
    data = b"".join(parts)[: max(len(b"".join(parts)) - cut, 0)]
    ends = [sum(map(len, parts[: number + 1])) for number in range(len(parts))]
    assert [end for _, end in scanned(data)] == [end for end in ends if end <= len(data)]


@given(data=st.binary(max_size=200))
def test_scan_refuses_what_is_no_capture(data: bytes) -> None:
    assert data.startswith(b"\x0a\x0d\x0d\x0a") or scanned(data) == []
    assert scanned(SECTION + data)[0] == (blocks.SECTION_HEADER, len(SECTION))


def test_a_key_log_line_ends_with_one_newline() -> None:
    assert blocks.tls_key_log("CLIENT_RANDOM 00 11") == blocks.tls_key_log("CLIENT_RANDOM 00 11\n")
    assert b"CLIENT_RANDOM 00 11\n" in blocks.tls_key_log("CLIENT_RANDOM 00 11")


def test_an_option_without_value_is_left_out() -> None:
    assert len(blocks.section_header(application="", comment="")) == 28
