"""Calls: to the device and from it."""

from certsuite.bench import Bench, Phone, case


@case("WXC-CALL-010", requirements=["CALL-ORIG"])
async def test_places_a_call(bench: Bench, phone: Phone) -> None:
    """A call from the device is set up, carries audio both ways and ends when the device hangs up."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called()
    await call.party_answers()
    await call.carries_audio_both_ways()
    await phone.hangs_up()
    await call.ends()


@case("WXC-CALL-060", requirements=["CALL-TERM"])
async def test_answers_an_incoming_call(bench: Bench, phone: Phone) -> None:
    """A call from a colleague rings, is answered, carries audio both ways and ends cleanly."""
    call = await bench.colleague.calls(phone.line(1))
    await call.rings()
    await phone.answers()
    await call.is_answered()
    await call.carries_audio_both_ways()
    await call.hangs_up()
