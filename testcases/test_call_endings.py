"""Calls that end in other orders: given up, refused, busy, crossed, from either side and on either line."""

from certsuite.bench import Bench, Phone, case


@case("WXC-CALL-020", requirements=["CALL-ORIG-CANCEL"])
async def test_gives_up_before_the_answer(bench: Bench, phone: Phone) -> None:
    """A call that rings at the far end is taken back when the device hangs up."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called(as_control=True)
    call.party_rings()
    await phone.hangs_up()
    await call.is_given_up()


@case("WXC-CALL-030", requirements=["CALL-ORIG"])
async def test_far_end_hangs_up(bench: Bench, phone: Phone) -> None:
    """A call that the device placed ends when the far end hangs up."""
    call = await bench.colleague.is_called_and_answers()
    await call.hangs_up()


@case("WXC-CALL-050", requirements=["CALL-SECOND-LINE"])
async def test_calls_from_the_second_line(bench: Bench, phone: Phone) -> None:
    """A call that is dialled on the second line goes out on it, and ends when the device hangs up."""
    phone.has_another_line()
    await phone.dials(bench.colleague, line=2)
    call = await bench.colleague.is_called(line=2)
    await call.party_answers()
    await phone.hangs_up()
    await call.ends()


@case("WXC-CALL-070", requirements=["CALL-TERM"])
async def test_hangs_up_a_call_that_it_answered(bench: Bench, phone: Phone) -> None:
    """A call that the device answered ends when the device hangs up."""
    call = await bench.colleague.is_in_a_call()
    await phone.hangs_up()
    await call.ends()


@case("WXC-CALL-080", requirements=["CALL-TERM-CANCEL"])
async def test_caller_gives_up(bench: Bench, phone: Phone) -> None:
    """A call that nobody answers is over when its caller gives up."""
    call = await bench.colleague.makes_it_ring()
    await call.party_gives_up()


@case("WXC-CALL-100", requirements=["CALL-SECOND-LINE"])
async def test_is_called_on_the_second_line(bench: Bench, phone: Phone) -> None:
    """A call to the second line rings, is answered and ends."""
    phone.has_another_line()
    call = await bench.colleague.calls(phone.line(2))
    await call.rings()
    await phone.answers(line=2)
    await call.is_answered()
    await call.hangs_up()


@case("WXC-CALL-110", requirements=["CALL-REJECT"])
async def test_rejects_a_call(bench: Bench, phone: Phone) -> None:
    """A call that the user rejects is refused as the user's wish, and not as a failure."""
    call = await bench.colleague.makes_it_ring()
    await phone.rejects()
    await call.is_rejected()


@case("WXC-CALL-112", requirements=["CALL-REFUSED"])
async def test_far_end_is_busy(bench: Bench, phone: Phone) -> None:
    """A far end that is busy is acknowledged."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called(as_control=True)
    await call.party_refuses("Busy Here")


@case("WXC-CALL-114", requirements=["CALL-REFUSED"])
async def test_far_end_does_not_answer(bench: Bench, phone: Phone) -> None:
    """The end of a call that nobody answered at the far end is acknowledged."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called(as_control=True)
    await call.party_refuses("Temporarily Unavailable")


@case("WXC-CALL-116", requirements=["CALL-REFUSED"])
async def test_far_end_declines(bench: Bench, phone: Phone) -> None:
    """A far end that declines is acknowledged."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called(as_control=True)
    await call.party_refuses("Decline")


@case("WXC-CALL-220", requirements=["CALL-CROSSING"])
async def test_cancel_crosses_the_answer(bench: Bench, phone: Phone) -> None:
    """A CANCEL that crosses the device's answer ends nothing: the BYE behind it does."""
    call = await bench.colleague.makes_it_ring()
    call.party_cancels_as_it_is_answered()
    await phone.answers()
    await call.is_answered()
    await call.survives_the_cancel()
    await call.hangs_up()


@case("WXC-CALL-222", requirements=["CALL-CROSSING"])
async def test_answer_crosses_the_cancel(bench: Bench, phone: Phone) -> None:
    """An answer that crosses the device's CANCEL is acknowledged, and the call ended."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called(as_control=True)
    call.party_rings()
    call.party_answers_as_it_is_given_up()
    await phone.hangs_up()
    await call.is_ended_although_answered()


@case("WXC-CALL-224", requirements=["CALL-CROSSING"])
async def test_bye_before_the_ack(bench: Bench, phone: Phone) -> None:
    """A BYE that comes before the ACK ends the call."""
    call = await bench.colleague.makes_it_ring()
    call.party_hangs_up_before_its_ack()
    await phone.answers()
    await call.is_answered()
    await call.takes_the_bye()
