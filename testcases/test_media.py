"""Media: SRTP alone, digits, hold."""

from certsuite.bench import Bench, Phone, case


@case("WXC-MED-010", requirements=["MED-SRTP"])
async def test_offers_srtp(bench: Bench, phone: Phone) -> None:
    """The device's own offer is RTP/SAVP with AES_CM_128_HMAC_SHA1_80."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called(as_control=True)
    await call.offers_srtp()


@case("WXC-MED-020", requirements=["MED-SRTP"], needs="in-call")
async def test_answers_with_srtp(bench: Bench, phone: Phone) -> None:
    """The offer of the access SBC is answered with SRTP, and what the device sends is under the key that it gave."""
    await bench.colleague.in_call.is_under_srtp()


@case("WXC-MED-030", requirements=["MED-NO-PLAIN-RTP"])
async def test_refuses_an_offer_without_srtp(bench: Bench, phone: Phone) -> None:
    """An offer of plain RTP is refused, before or when the call is answered."""
    call = await bench.colleague.calls(phone.line(1), offering="plain RTP")
    await call.is_refused()


@case("WXC-MED-090", requirements=["MED-DTMF"], claims=["dtmf"], needs="in-call")
async def test_sends_digits_as_events(bench: Bench, phone: Phone) -> None:
    """Digits pressed in a call arrive as telephone-events, each long enough and properly ended."""
    digits = bench.some_digits()
    await phone.presses(digits)
    await bench.colleague.in_call.brings_digits(digits)


@case("WXC-MED-100", requirements=["MED-HOLD"], claims=["hold"], needs="in-call")
async def test_holds_and_resumes(bench: Bench, phone: Phone) -> None:
    """The device puts a call on hold and takes it back, and audio flows again under SRTP."""
    call = bench.colleague.in_call
    await call.is_heard()
    await phone.holds()
    await call.is_held()
    await phone.resumes()
    await call.is_resumed()
