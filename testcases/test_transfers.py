"""Transfers: the device is handed over, and hands its far end over (RFC 3515, RFC 3891, RFC 5589)."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import Deferred


@case("WXC-CALL-140", requirements=["CALL-TRANSFEREE"], claims=["transferee"])
async def test_is_handed_over(bench: Bench, phone: Phone) -> None:
    """The device, handed over by its far end, calls the target and tells that it was answered."""
    bench.third.answers_when_called()
    call = await bench.colleague.is_in_a_call()
    await call.transfer.hands_over_to(bench.third)
    await call.transfer.is_told("success")
    await call.transfer.is_let_go()


@case("WXC-CALL-141", requirements=["CALL-TRANSFEREE"], claims=["transferee"])
async def test_is_handed_over_into_a_call(bench: Bench, phone: Phone) -> None:
    """The device, handed over into a call that its far end has, takes the far end's place there."""
    bench.third.answers_when_called()
    call = await bench.colleague.is_in_a_call()
    await call.transfer.hands_over_to(bench.third, replacing=True)
    await call.transfer.is_told("success")
    await call.transfer.is_let_go()


@case("WXC-CALL-142", requirements=["CALL-TRANSFEREE"], claims=["transferee"])
async def test_is_handed_over_to_a_busy_target(bench: Bench, phone: Phone) -> None:
    """The device, handed over to a target that is busy, tells so, and goes on with the call that it has."""
    bench.third.refuses_when_called("Busy Here")
    call = await bench.colleague.is_in_a_call()
    await call.transfer.hands_over_to(bench.third)
    await call.transfer.is_told("failure")
    await call.transfer.goes_on()


@case("WXC-CALL-143", requirements=["CALL-REFER-GUARDED"])
async def test_is_referred_by_a_stranger(bench: Bench, phone: Phone) -> None:
    """A REFER outside of any call makes the device call nobody."""
    await bench.colleague.refers_as_a_stranger(bench.third)


@case("WXC-CALL-144", requirements=["CALL-REFER-GUARDED"], claims=["transferee"])
async def test_is_handed_over_to_a_foreign_domain(bench: Bench, phone: Phone) -> None:
    """The device, handed over to a target at a foreign domain, goes through its outbound proxy or refuses."""
    bench.third.refuses_when_called("Temporarily Unavailable")
    call = await bench.colleague.is_in_a_call()
    await call.transfer.hands_over_to(bench.third, domain="elsewhere.example")
    await call.transfer.is_let_go()


@case("WXC-CALL-145", requirements=["CALL-TRANSFEROR"], claims=["blind_transfer"])
async def test_hands_over(bench: Bench, phone: Phone) -> None:
    """The device hands its far end over, answers the challenge, takes what it is told, and ends its call."""
    call = await bench.colleague.is_in_a_call()
    await call.transfer.by_the_device(bench.third)
    await call.transfer.is_left()


@case("WXC-CALL-146", requirements=["CALL-TRANSFEROR"], claims=["blind_transfer"])
async def test_hands_over_in_vain(bench: Bench, phone: Phone) -> None:
    """The device, told that the target refused, keeps its call."""
    call = await bench.colleague.is_in_a_call()
    await call.transfer.by_the_device(bench.third, ends="603 Decline")
    await call.transfer.goes_on()


@case("WXC-CALL-147", requirements=["CALL-TRANSFEROR"], claims=["attended_transfer"])
async def test_hands_over_after_talking(bench: Bench, phone: Phone) -> None:
    """The device talks to the target, hands its far end over into that call, and ends its own."""
    bench.third.answers_when_called()
    call = await bench.colleague.is_in_a_call()
    await call.transfer.by_the_device(bench.third, after_talking=True)
    await call.transfer.is_left()


@case("WXC-CALL-149", requirements=["CALL-CLAIMS"])
async def test_claims_what_it_can(bench: Bench, phone: Phone) -> Deferred:
    """What the device says that it can do, or is seen to do without being asked, its profile claims."""
    return bench.over_the_whole_run("call.shows-abilities", **phone.shown_claims)


@case("WXC-CALL-156", requirements=["CALL-CONFERENCE"], claims=["conference"])
async def test_conference_of_three(bench: Bench, phone: Phone) -> None:
    """The device brings a third party into its call, and each far end hears the other."""
    call = await bench.colleague.is_in_a_call()
    await call.transfer.becomes_a_conference_with(bench.third)


@case("WXC-CALL-158", requirements=["CALL-CONFERENCE"])
async def test_is_taken_into_a_conference(bench: Bench, phone: Phone) -> None:
    """A call that a conference server takes over goes on, with the server's audio."""
    call = await bench.colleague.is_in_a_call()
    await call.media.joins_a_conference()
    await call.hangs_up()


@case("WXC-CALL-159", requirements=["CALL-CONFERENCE"], claims=["transferee"])
async def test_is_referred_to_a_conference(bench: Bench, phone: Phone) -> None:
    """The device, referred to a conference by its far end, calls there and has the conference's audio."""
    call = await bench.colleague.is_in_a_call()
    await call.transfer.leads_into_a_conference_at(bench.third)


@case("WXC-CALL-250", requirements=["CALL-3PCC"])
async def test_asks_to_be_answered(bench: Bench, phone: Phone) -> None:
    """A call that asks to be answered without a hand is, by a device that claims to; at any other it rings."""
    await bench.colleague.asks_to_be_answered()


@case("WXC-CALL-252", requirements=["CALL-3PCC"])
async def test_click_to_dial(bench: Bench, phone: Phone) -> None:
    """A call that a server makes for the user begins without an offer, waits, and then carries audio."""
    call = await bench.colleague.is_called_for_the_user()
    await call.media.is_asked_for_an_offer()
    await call.hangs_up()


@case("WXC-CALL-260", requirements=["CALL-REPLACES"], claims=["replaces"])
async def test_call_is_replaced(bench: Bench, phone: Phone) -> None:
    """A call that is up is replaced by another, which the device takes without a hand."""
    call = await bench.colleague.is_in_a_call()
    taken = await call.transfer.is_taken_by(bench.third)
    await taken.hangs_up()


@case("WXC-CALL-262", requirements=["CALL-REPLACES"], claims=["replaces"])
async def test_ringing_call_is_replaced(bench: Bench, phone: Phone) -> None:
    """A call of the device that rings at the far end is replaced by one from elsewhere, as in a pick-up."""
    await phone.dials(bench.colleague)
    call = await bench.colleague.is_called(as_control=True)
    call.party_rings()
    taken = await call.transfer.is_taken_by(bench.third)
    await taken.hangs_up()


@case("WXC-CALL-264", requirements=["CALL-REPLACES"], claims=["replaces"])
async def test_no_call_is_replaced(bench: Bench, phone: Phone) -> None:
    """A call that is to replace one that there is not is refused."""
    await bench.colleague.calls_in_place_of_none()
