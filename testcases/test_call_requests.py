"""Requests within calls: refreshed, reliable, crossing, unknown, out of order and malformed."""

from certsuite.bench import Bench, Phone, case


@case("WXC-CALL-040", requirements=["CALL-REFRESH"])
async def test_long_call_that_it_placed(bench: Bench, phone: Phone) -> None:
    """A call that the device placed goes on when its session is offered again by re-INVITE."""
    call = await bench.colleague.is_called_and_answers()
    await call.within.is_refreshed_by("INVITE")
    await phone.hangs_up()
    await call.ends()


@case("WXC-CALL-090", requirements=["CALL-REFRESH"])
async def test_long_call_that_it_answered(bench: Bench, phone: Phone) -> None:
    """A call that the device answered goes on when its session is offered again by re-INVITE."""
    call = await bench.colleague.is_in_a_call()
    await call.within.is_refreshed_by("INVITE")
    await call.hangs_up()


@case("WXC-CALL-122", requirements=["CALL-100REL"])
async def test_reliability_is_required(bench: Bench, phone: Phone) -> None:
    """An INVITE that requires reliable responses gets them, or is refused for it."""
    await bench.colleague.requires_reliability()


@case("WXC-CALL-124", requirements=["CALL-100REL"])
async def test_far_end_rings_reliably(bench: Bench, phone: Phone) -> None:
    """A far end that rings reliably gets its PRACK, and the call is set up."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called(as_control=True)
    await call.party_rings_reliably()
    await call.party_answers()
    await call.hangs_up()


@case("WXC-CALL-126", requirements=["CALL-100REL"])
async def test_reliability_is_unknown(bench: Bench, phone: Phone) -> None:
    """A call whose caller knows no reliable responses rings by plain ones."""
    call = await bench.colleague.makes_it_ring()
    await call.rings_reliably_if_at_all()


@case("WXC-CALL-128", requirements=["CALL-100REL"])
async def test_rings_reliably(bench: Bench, phone: Phone) -> None:
    """A call that rings reliably does so again until the PRACK comes, and is then answered."""
    call = await bench.colleague.allows_reliability()
    await phone.answers()
    await call.is_answered()
    await call.hangs_up()


@case("WXC-CALL-130", requirements=["CALL-REFRESH"])
async def test_refreshed_by_update(bench: Bench, phone: Phone) -> None:
    """A call goes on when its session is offered again by UPDATE."""
    call = await bench.colleague.is_in_a_call()
    await call.within.is_refreshed_by("UPDATE")
    await call.hangs_up()


@case("WXC-CALL-172", requirements=["CALL-DIVERTED"])
async def test_far_end_is_diverted(bench: Bench, phone: Phone) -> None:
    """A call that is forwarded at the far end is set up all the same."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called(as_control=True)
    call.party_is_diverted()
    await call.party_answers()
    await call.hangs_up()


@case("WXC-CALL-210", requirements=["CALL-GLARE"], claims=["hold"])
async def test_offers_cross(bench: Bench, phone: Phone) -> None:
    """An offer that crosses the device's own, as it holds the call, is refused with 491."""
    call = await bench.colleague.is_in_a_call()
    call.within.will_cross_an_offer()
    await phone.tries_to_hold()
    await call.within.is_told_of_the_crossing()


@case("WXC-CALL-212", requirements=["CALL-REFRESH"])
async def test_storm_of_refreshes(bench: Bench, phone: Phone) -> None:
    """A call goes on when its session is offered again ten times in a row."""
    call = await bench.colleague.is_in_a_call()
    await call.within.stands_a_storm_of_refreshes()
    await call.hangs_up()


@case("WXC-CALL-232", requirements=["CALL-ODD-REQUEST"])
async def test_malformed_requests(bench: Bench, phone: Phone) -> None:
    """Requests in a call that cannot be read do it no harm."""
    call = await bench.colleague.is_in_a_call()
    await call.within.survives_malformed_requests()
    await call.hangs_up()


@case("WXC-CALL-236", requirements=["CALL-ODD-REQUEST"])
async def test_request_out_of_order(bench: Bench, phone: Phone) -> None:
    """A request in a call that is out of order is refused, and the call goes on."""
    call = await bench.colleague.is_in_a_call()
    await call.within.knows_its_order()
    await call.hangs_up()


@case("WXC-CALL-238", requirements=["CALL-ODD-REQUEST"])
async def test_unknown_method(bench: Bench, phone: Phone) -> None:
    """A request in a call of an unknown method is refused as such, and the call goes on."""
    call = await bench.colleague.is_in_a_call()
    await call.within.answers_an_unknown_method()
    await call.hangs_up()


@case("WXC-CALL-240", requirements=["CALL-ODD-REQUEST"])
async def test_unknown_info_package(bench: Bench, phone: Phone) -> None:
    """An INFO of an unknown package is answered, and the call goes on."""
    call = await bench.colleague.is_in_a_call()
    await call.within.answers_an_unknown_package()
    await call.hangs_up()


@case("WXC-CALL-242", requirements=["CALL-ODD-REQUEST"])
async def test_message_in_a_call(bench: Bench, phone: Phone) -> None:
    """A MESSAGE in a call is answered, and the call goes on."""
    call = await bench.colleague.is_in_a_call()
    await call.within.answers_a_message()
    await call.hangs_up()
