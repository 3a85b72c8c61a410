"""Reports of a stream: when they are due, what they say, what is told of the device's."""

from __future__ import annotations

from certsuite.media import rtcp
from certsuite.media.outgoing import Disturbance, Outgoing
from certsuite.media.receiver import StreamReceiver
from certsuite.media.reporting import FIRST_S, TOLD_AT_MOST, Reporter
from certsuite.media.rtcp import ReportBlock, SenderInfo
from certsuite.media.sender import StreamSender
from certsuite.media.setup import prepare
from certsuite.sdp.offer_answer import Agreement
from tests.media.test_receiver import DEVICE, PLAIN, SECURE, mirrored


class End:
    """The party's end of a stream and the device's keys for it."""

    def __init__(self, agreement: Agreement = SECURE) -> None:
        self.sender = StreamSender(ssrc=0xCAFE, sequence=100, timestamp=1000)
        self.receiver = StreamReceiver()
        self.outgoing = Outgoing()
        self.reporter = Reporter(self.sender, self.receiver, self.outgoing, cname="party", random=lambda: 0.5)
        parts = prepare(agreement)
        self.sender.configure(parts)
        self.receiver.configure(parts, "call", 10.0)
        self.reporter.configure(parts, 10.0)
        self.device = prepare(mirrored(agreement))
        self.talker = StreamSender(ssrc=77, sequence=500, timestamp=5)
        self.talker.configure(self.device)

    def hears(self, packets: int, *, loses: int = 0) -> None:
        for number in range(packets):
            data = self.talker.next_packet()
            assert data is not None
            if number >= loses:
                self.receiver.receive(data, DEVICE, 10.0 + number * 0.02)

    def read(self, data: bytes | None) -> rtcp.Compound:
        assert data is not None
        return rtcp.unpack(data if self.device.unprotector is None else self.device.unprotector.unprotect_rtcp(data))

    def reported(self, *blocks: ReportBlock, sender: SenderInfo | None = None) -> bytes:
        plain = rtcp.pack(77, "device", sender=sender, block=blocks[0] if blocks else None)
        return plain if self.device.protector is None else self.device.protector.protect_rtcp(plain)


def test_the_first_is_due_soon_and_the_others_at_intervals() -> None:
    end = End()
    assert end.reporter.due(10.0) is None
    assert end.reporter.due(10.0 + FIRST_S) is not None
    due_again = 10.0 + FIRST_S + 5.0 / 1.21828
    assert end.reporter.due(due_again - 0.01) is None
    assert end.reporter.due(due_again) is not None


def test_it_says_what_was_sent_and_how_the_device_arrived() -> None:
    end = End()
    for _ in range(3):
        end.sender.next_packet()
    end.hears(4)
    first = end.read(end.reporter.due(11.0))
    assert (first.kinds, first.ssrc, first.cname, first.flaw) == (("SR", "SDES"), 0xCAFE, "party", "")
    assert first.sender == SenderInfo(11 << 32, 1000 + 3 * 160, 3, 480)
    assert [(one.ssrc, one.lost, one.highest_sequence, one.last_sr) for one in first.blocks] == [(77, 0, 503, 0)]
    for lost in (True, False):
        data = end.talker.next_packet()
        assert data is not None
        if not lost:
            end.receiver.receive(data, DEVICE, 12.0)
    end.reporter.receive(end.reported(sender=SenderInfo(0x1234_5678_9ABC_DEF0, 0, 1, 1)), 12.0, multiplexed=False)
    (block,) = end.read(end.reporter.due(20.0)).blocks
    assert (block.lost, block.fraction_lost, block.last_sr) == (1, 128, 0x5678_9ABC)
    assert block.delay_since_sr == 8 << 16


def test_a_report_of_the_device_that_came_after_ours_was_due() -> None:
    end = End()
    end.sender.next_packet()
    end.hears(1)
    end.reporter.receive(end.reported(sender=SenderInfo(1 << 32, 0, 1, 1)), 20.01, multiplexed=False)
    (block,) = end.read(end.reporter.due(20.0)).blocks
    assert (block.last_sr, block.delay_since_sr) == (0x10000, 0)


def test_goodbye_of_a_stream_on_which_something_was_sent() -> None:
    end = End()
    assert end.reporter.goodbye(11.0) is None
    end.sender.next_packet()
    assert end.read(end.reporter.goodbye(11.0)).kinds == ("SR", "SDES", "BYE")
    silent = Reporter(end.sender, end.receiver, end.outgoing, cname="x", random=lambda: 0.0)
    assert silent.due(99.0) is None
    assert silent.goodbye(99.0) is None


def test_what_is_told_of_a_report_of_the_device() -> None:
    end = End()
    end.outgoing.disturbance = Disturbance(loses=2)
    for _ in range(6):
        packet = end.sender.next_packet()
        assert packet is not None
        for arrived in end.outgoing.pass_on([packet]):
            end.reporter.left(arrived, 10.0)
    # It has seen up to number 104: 101 and 103 were lost by then, 105 was not yet.
    block = ReportBlock(0xCAFE, 2, 104, 80, last_sr=10 << 16, delay_since_sr=1 << 15)
    seen = end.reporter.receive(end.reported(block), 10.6, multiplexed=True)
    assert seen is not None
    assert (seen.protection, seen.multiplexed, seen.kinds, seen.flaw) == ("srtcp", True, ("RR", "SDES"), "")
    assert (seen.about_us, seen.reported_lost, seen.withheld, seen.highest_sequence) == (True, 2, 2, 104)
    assert (seen.reported_jitter_ms, seen.cname, seen.ssrc) == (10.0, "device", 77)
    assert seen.round_trip_ms is not None
    assert abs(seen.round_trip_ms - 100) < 0.1
    assert seen.sent_jitter_ms > 0


def test_a_report_about_another_source_says_nothing_of_ours() -> None:
    end = End()
    seen = end.reporter.receive(end.reported(ReportBlock(0xBEEF, 5, 1, 1)), 10.6, multiplexed=False)
    assert seen is not None
    assert (seen.about_us, seen.reported_lost, seen.round_trip_ms) == (False, 0, None)


def test_in_the_clear_under_another_key_and_nonsense() -> None:
    end, other = End(), End(PLAIN)
    clear = end.reporter.receive(other.reported(), 10.0, multiplexed=False)
    assert clear is not None
    assert (clear.protection, clear.kinds) == ("none", ("RR", "SDES"))
    protected = end.reported()
    wrong = end.reporter.receive(protected[:-1] + bytes([protected[-1] ^ 1]), 10.0, multiplexed=False)
    assert wrong is not None
    assert (wrong.protection, wrong.kinds, wrong.flaw) == ("unknown", (), "authentication failure")
    nonsense = other.reporter.receive(b"\x80\xc8\0\1" + bytes(4), 10.0, multiplexed=False)
    assert nonsense is not None
    assert (nonsense.protection, nonsense.kinds) == ("none", ())
    assert "report of 4 bytes" in nonsense.flaw


def test_a_flood_is_not_told_for_ever() -> None:
    end = End(PLAIN)
    told = [end.reporter.receive(end.reported(), 10.0, multiplexed=False) for _ in range(TOLD_AT_MOST + 5)]
    assert [one is None for one in told] == [False] * TOLD_AT_MOST + [True] * 5
    assert end.reporter.seen == TOLD_AT_MOST + 5
