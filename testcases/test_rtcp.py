"""RTCP: reports under SRTCP, what they say, where they go."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import Deferred


@case("WXC-MED-180", requirements=["MED-RTCP"], needs="in-call")
async def test_sends_reports(bench: Bench, phone: Phone) -> Deferred | None:
    """The device reports how the call arrives, by compound packets under SRTCP, and no call has RTCP in the clear."""
    return await bench.colleague.in_call.media.is_reported_on()


@case("WXC-MED-182", requirements=["MED-RTCP-LOSS", "MED-RTCP-RATE"], needs="in-call")
async def test_reports_what_was_lost(bench: Bench, phone: Phone) -> None:
    """Packets to the device are lost and late, and its reports say how many and how much."""
    await bench.colleague.in_call.media.is_told_what_was_lost()


@case("WXC-MED-184", requirements=["MED-RTCP-MUX"])
async def test_rtcp_on_one_port(bench: Bench, phone: Phone) -> None:
    """RTCP on the port of RTP is offered: the device agrees and does so, or goes on with two ports."""
    call = await bench.colleague.calls(phone.line(1), offering="RTCP on one port")
    await call.media.is_answered_rightly()
    await call.media.is_reported_on_where_agreed()
    await call.is_heard()
