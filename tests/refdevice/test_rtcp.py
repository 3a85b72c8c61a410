"""RTCP of the reference device, read by the suite's own reader."""

from __future__ import annotations

from certsuite.media.rtcp import SenderInfo, pack, unpack
from certsuite.refdevice.rtcp import (
    Reception,
    description,
    goodbye,
    is_rtcp,
    last_sender_report,
    receiver_report,
    sender_report,
)
from certsuite.refdevice.rtp import Packet


def arrives(reception: Reception, *sequences: int, ssrc: int = 5, each_s: float = 0.02) -> None:
    for at, sequence in enumerate(sequences):
        reception.add(Packet(8, sequence & 0xFFFF, sequence * 160, ssrc, b""), at * each_s, 8000)


def block(reception: Reception, *, counts_lost: bool = True) -> bytes:
    return reception.block(0x1234, 77, counts_lost=counts_lost, jitter_factor=1.0)


def test_a_sender_s_report() -> None:
    reception = Reception()
    arrives(reception, 65_534, 65_535, 65_537, 65_538)
    data = sender_report(7, 2.5, 1000, 3, 480, block(reception)) + description(7, "device") + goodbye(7)
    read = unpack(data)
    assert (read.kinds, read.ssrc, read.cname, read.flaw) == (("SR", "SDES", "BYE"), 7, "device", "")
    assert read.sender == SenderInfo(0x2_8000_0000, 1000, 3, 480)
    about = read.blocks[0]
    assert (about.ssrc, about.lost, about.highest_sequence, about.fraction_lost) == (5, 1, 65_538, 51)
    assert (about.last_sr, about.delay_since_sr) == (0x1234, 77)
    assert is_rtcp(data)
    assert last_sender_report(data) == 0x0002_8000


def test_a_receiver_s_report_of_nothing() -> None:
    data = receiver_report(7, b"")
    assert unpack(data).kinds == ("RR",)
    assert last_sender_report(data) is None
    assert not is_rtcp(pack(7, "x")[:4])


def test_jitter_is_in_timestamp_units() -> None:
    reception = Reception()
    arrives(reception, *range(200), each_s=0.03)
    read = unpack(receiver_report(7, block(reception)))
    assert abs(read.blocks[0].jitter - 80) <= 1


def test_another_source_begins_anew() -> None:
    reception = Reception()
    arrives(reception, 1, 5)
    arrives(reception, 100, 101, ssrc=6)
    about = unpack(receiver_report(7, block(reception))).blocks[0]
    assert (about.ssrc, about.lost, about.highest_sequence) == (6, 0, 101)


def test_one_that_counts_nothing_as_lost() -> None:
    reception = Reception()
    arrives(reception, 1, 5)
    about = unpack(receiver_report(7, block(reception, counts_lost=False))).blocks[0]
    assert (about.lost, about.fraction_lost) == (0, 0)
