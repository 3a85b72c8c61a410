"""Calls with the PSTN: another SIP stack answers there, hears the device, receives its digits, and calls it."""

from certsuite.bench import Bench, Phone, case


@case("WXC-PSTN-010", requirements=["PSTN-ORIG"])
async def test_calls_the_pstn(bench: Bench, phone: Phone) -> None:
    """A call to a PSTN number is answered there, and its far end hears the device."""
    call = await bench.pstn.is_dialled_by(phone)
    await call.far_end_answers()
    await call.far_end_hears_the_device()
    await phone.hangs_up()
    await call.ends()


@case("WXC-PSTN-020", requirements=["PSTN-EARLY"])
async def test_announcement_of_the_pstn(bench: Bench, phone: Phone) -> None:
    """An announcement of the PSTN is heard before the call is refused."""
    call = await bench.pstn.is_dialled_by(phone)
    await call.far_end_announces()
    await call.far_end_refuses()


@case("WXC-PSTN-030", requirements=["PSTN-DTMF"], claims=["dtmf"])
async def test_digits_to_the_pstn(bench: Bench, phone: Phone) -> None:
    """The digits that are pressed in a call to the PSTN are received there."""
    call = await bench.pstn.is_dialled_by(phone)
    await call.far_end_answers()
    digits = bench.some_digits()
    await phone.presses(digits)
    await call.far_end_receives(digits)
    await phone.hangs_up()
    await call.ends()


@case("WXC-PSTN-040", requirements=["PSTN-TERM"])
async def test_is_called_from_the_pstn(bench: Bench, phone: Phone) -> None:
    """A call from the PSTN rings, is answered, is heard at its far end, and ends there."""
    call = await bench.pstn.calls_from_the_pstn(phone.line(1))
    await call.rings()
    await phone.answers()
    await call.is_answered()
    await call.far_end_hears_the_device()
    await call.far_end_hangs_up()


@case("WXC-PSTN-050", requirements=["PSTN-CALLER"])
async def test_caller_from_the_pstn(bench: Bench, phone: Phone) -> None:
    """A call from the PSTN comes under its caller's number, and the device's responses name the same caller."""
    call = await bench.pstn.calls_from_the_pstn(phone.line(1))
    await call.rings()
    await call.mirrors_its_caller()
