"""Calls in other forms: who calls, what stands beside, how it is written; and numbers of the dial plan's own."""

from certsuite.bench import Bench, Phone, case


@case("WXC-CALL-120", requirements=["CALL-100REL"])
async def test_extensions_on_offer(bench: Bench, phone: Phone) -> None:
    """A call rings when its caller offers extensions, reliable responses and session timers among them."""
    await bench.colleague.comes_as("extensions on offer")


@case("WXC-CALL-160", requirements=["CALL-CALLER"])
async def test_anonymous(bench: Bench, phone: Phone) -> None:
    """A call from a caller who withholds the name rings and is answered."""
    await bench.colleague.comes_as("an anonymous caller")


@case("WXC-CALL-162", requirements=["CALL-CALLER"])
async def test_unicode_name(bench: Bench, phone: Phone) -> None:
    """A call from a caller with a name in many scripts rings and is answered."""
    await bench.colleague.comes_as("a name in many scripts")


@case("WXC-CALL-164", requirements=["CALL-CALLER"])
async def test_no_identity(bench: Bench, phone: Phone) -> None:
    """A call without an asserted identity rings and is answered."""
    await bench.colleague.comes_as("no asserted identity")


@case("WXC-CALL-166", requirements=["CALL-CALLER"])
async def test_two_identities(bench: Bench, phone: Phone) -> None:
    """A call with two asserted identities, one a telephone number, rings and is answered."""
    await bench.colleague.comes_as("two asserted identities")


@case("WXC-CALL-170", requirements=["CALL-SERVICES"])
async def test_diverted(bench: Bench, phone: Phone) -> None:
    """A call that was diverted twice rings and is answered."""
    await bench.colleague.comes_as("a diverted call")


@case("WXC-CALL-180", requirements=["CALL-SERVICES"])
async def test_distinctive_ring(bench: Bench, phone: Phone) -> None:
    """A call that asks for a distinctive ring rings and is answered."""
    await bench.colleague.comes_as("a distinctive ring")


@case("WXC-CALL-182", requirements=["CALL-SERVICES"])
async def test_ring_splash(bench: Bench, phone: Phone) -> None:
    """A call that asks for a ring splash rings and is answered."""
    await bench.colleague.comes_as("a ring splash")


@case("WXC-CALL-230", requirements=["CALL-ODD-FORM"])
async def test_folded(bench: Bench, phone: Phone) -> None:
    """A call whose INVITE has folded and very long headers rings and is answered."""
    await bench.colleague.comes_as("folded and long headers")


@case("WXC-CALL-233", requirements=["CALL-ODD-FORM"])
async def test_many_proxies(bench: Bench, phone: Phone) -> None:
    """A call that came through forty proxies rings, and each response names all of them."""
    call = await bench.colleague.comes_as("many proxies on its way")
    await call.names_every_proxy()


@case("WXC-CALL-234", requirements=["CALL-ODD-FORM"])
async def test_long_sdp(bench: Bench, phone: Phone) -> None:
    """A call with a session description of 20 kB rings and is answered."""
    await bench.colleague.comes_as("a long session description")


@case("WXC-CALL-190", requirements=["CALL-DIAL-PLAN"])
async def test_international_number(bench: Bench, phone: Phone) -> None:
    """A number in international form goes out as it was dialled."""
    await phone.dials_number("+12065550100")
    await bench.colleague.is_reached_by("+12065550100")


@case("WXC-CALL-192", requirements=["CALL-DIAL-PLAN"])
async def test_extension(bench: Bench, phone: Phone) -> None:
    """An extension of four digits goes out as it was dialled."""
    await phone.dials_number("4711")
    await bench.colleague.is_reached_by("4711")


@case("WXC-CALL-194", requirements=["CALL-DIAL-PLAN"])
async def test_feature_code(bench: Bench, phone: Phone) -> None:
    """A feature code goes out as it was dialled."""
    await phone.dials_number("*69")
    await bench.colleague.is_reached_by("*69")


@case("WXC-CALL-200", requirements=["CALL-EMERGENCY"])
async def test_emergency_number(bench: Bench, phone: Phone) -> None:
    """The emergency number 911 goes out at once, as it was dialled."""
    await phone.dials_number("911")
    await bench.colleague.is_reached_by("911", at_once=True)


@case("WXC-CALL-204", requirements=["CALL-EMERGENCY-BESIDE"], claims=["hold", "call_waiting"], needs="in-call")
async def test_emergency_number_beside_a_held_call(bench: Bench, phone: Phone) -> None:
    """The emergency number goes out at once while another call is held."""
    await phone.holds()
    await bench.colleague.in_call.is_held(as_control=True)
    await phone.tries_to_dial_number("911")
    await bench.colleague.is_reached_by("911", at_once=True)


@case("WXC-CALL-202", requirements=["CALL-EMERGENCY"])
async def test_emergency_test_number(bench: Bench, phone: Phone) -> None:
    """The test number of emergency calls, 933, goes out at once, as it was dialled."""
    await phone.dials_number("933")
    await bench.colleague.is_reached_by("933", at_once=True)
