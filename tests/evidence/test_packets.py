from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from certsuite.evidence.packets import ACK, FIN, SYN, TcpStream, udp_packet


def ones_complement_sum(data: bytes) -> int:
    """As RFC 1071 writes it: add the words, then the carries."""
    total = 0
    for start in range(0, len(data), 2):
        total += int.from_bytes(data[start : start + 2].ljust(2, b"\0"), "big")
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@given(data=st.binary(max_size=300), port=st.integers(0, 65_535))
def test_checksums_sum_up(data: bytes, port: int) -> None:
    packet = udp_packet(("127.8.0.1", port), ("127.8.0.2", 5_000), data)
    assert len(packet) == 28 + len(data) == int.from_bytes(packet[2:4], "big")
    assert ones_complement_sum(packet[:20]) == 0xFFFF
    pseudo = packet[12:20] + b"\0\x11" + packet[24:26]
    assert ones_complement_sum(pseudo + packet[20:]) == 0xFFFF
    assert packet[26:28] != b"\0\0"


def test_a_udp_checksum_of_zero_is_sent_as_all_ones() -> None:
    empty = udp_packet(("127.8.0.1", 1), ("127.8.0.2", 2), b"\0\0")
    fill = int.from_bytes(empty[26:28], "big")
    packet = udp_packet(("127.8.0.1", 1), ("127.8.0.2", 2), fill.to_bytes(2, "big"))
    assert packet[26:28] == b"\xff\xff"


def test_sequence_numbers_count_bytes_and_ends() -> None:
    stream = TcpStream(("127.8.0.1", 1), ("127.8.0.2", 2), seed="f1")

    def numbers(packet: bytes) -> tuple[int, int]:
        return int.from_bytes(packet[24:28], "big"), int.from_bytes(packet[28:32], "big")

    first, _ = numbers(stream.segment(from_device=True, flags=SYN))
    answer, acknowledged = numbers(stream.segment(from_device=False, flags=SYN | ACK))
    assert acknowledged == (first + 1) & 0xFFFFFFFF
    stream.segment(from_device=True, flags=ACK, data=bytes(10))
    assert numbers(stream.segment(from_device=False, flags=FIN | ACK)) == (
        (answer + 1) & 0xFFFFFFFF,
        (first + 11) & 0xFFFFFFFF,
    )
    assert numbers(stream.segment(from_device=True, flags=ACK))[1] == (answer + 2) & 0xFFFFFFFF
