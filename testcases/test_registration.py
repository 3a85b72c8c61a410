"""Registration: digest, refresh, and the form of what is sent."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import Deferred


@case("WXC-REG-010", requirements=["REG-DIGEST"], needs="started")
async def test_answers_the_broadworks_challenge(bench: Bench, phone: Phone) -> None:
    """A challenge with realm BroadWorks, MD5 and qop auth is answered with a right response."""
    for line in phone.lines:
        await bench.expect_of_attempt("reg.digest", line=line)


@case("WXC-REG-020", requirements=["REG-AUTH-USER"], needs="started")
async def test_uses_the_authentication_user(bench: Bench, phone: Phone) -> None:
    """The digest names the line's authentication user, which differs from the user of its address of record."""
    for line in phone.lines:
        await bench.expect_of_attempt("reg.auth-user", line=line)


@case("WXC-REG-060", requirements=["REG-REFRESH"], waits=["expiry"])
async def test_refreshes_before_the_granted_expiry(bench: Bench, phone: Phone) -> Deferred:
    """A registration is refreshed before the short expiry that was granted is over."""
    return bench.until_refreshed()


@case("WXC-REG-062", requirements=["REG-EXPIRY"], waits=["expiry"])
async def test_heeds_an_expiry_in_the_header_alone(bench: Bench, phone: Phone) -> Deferred:
    """An expiry that is granted in the Expires header alone is heeded."""
    return bench.registrar.grants_in_the_header_alone()


@case("WXC-REG-064", requirements=["REG-EXPIRY"], waits=["expiry"])
async def test_heeds_the_contacts_expiry_before_the_headers(bench: Bench, phone: Phone) -> Deferred:
    """An expiry that is granted in the Contact is heeded, whatever longer one the Expires header has beside it."""
    return bench.registrar.grants_with_a_longer_header()


@case("WXC-REG-080", requirements=["REG-PACE"])
async def test_refreshes_no_faster_than_necessary(bench: Bench, phone: Phone) -> Deferred:
    """Over the whole run no line is refreshed much earlier than its expiry asks for."""
    return bench.over_the_whole_run("reg.refresh-pace")


@case("WXC-REG-090", requirements=["REG-FLOW"])
async def test_uses_the_connection_of_its_registration(bench: Bench, phone: Phone) -> Deferred:
    """Whatever the device sends for a line goes over a connection that the line registered over."""
    return bench.over_the_whole_run("flow.reused")


@case("WXC-REG-100", requirements=["REG-RECONNECT"], disturbs=["registration"], waits=["own-retry"])
async def test_comes_back_after_its_connection_was_closed(bench: Bench, phone: Phone) -> None:
    """When the server closes the connection at rest, every line registers again over a new one."""
    await bench.registrar.ends_every_connection("fin")


@case("WXC-REG-102", requirements=["REG-RECONNECT"], disturbs=["registration"], waits=["own-retry"])
async def test_comes_back_after_its_connection_was_reset(bench: Bench, phone: Phone) -> None:
    """When the connection is reset at rest, every line registers again over a new one."""
    await bench.registrar.ends_every_connection("rst")


@case("WXC-REG-140", requirements=["SIP-NO-SIPS"])
async def test_no_sips_uri(bench: Bench, phone: Phone) -> Deferred:
    """No message of the whole run has a sips URI."""
    return bench.over_the_whole_run("sip.no-sips-uri")


@case("WXC-REG-150", requirements=["REG-LINES"])
async def test_each_line_has_a_call_id_of_its_own(bench: Bench, phone: Phone) -> Deferred:
    """Every line of the device registers, each with a Call-ID of its own."""
    return bench.over_the_whole_run("reg.own-call-ids", lines=len(phone.lines))


@case("WXC-REG-160", requirements=["REG-DEREGISTER"], disturbs=["registration"])
async def test_takes_its_bindings_back_when_it_is_stopped(bench: Bench, phone: Phone) -> None:
    """Whether a device that is stopped in good order takes its bindings back: this is recorded."""
    await phone.is_stopped()
    await bench.expect_of_attempt("reg.takes-back")


@case("WXC-REG-180", requirements=["SIP-OPTIONS"])
async def test_answers_options(bench: Bench, phone: Phone) -> None:
    """OPTIONS outside of any call is answered with 200."""
    await bench.registrar.asks_whether_it_is_there()


@case("WXC-REG-182", requirements=["SIP-OPTIONS"], needs="in-call")
async def test_answers_options_in_a_call(bench: Bench, phone: Phone) -> None:
    """OPTIONS in the dialog of a call is answered with 200."""
    await bench.registrar.asks_within_the_call()
