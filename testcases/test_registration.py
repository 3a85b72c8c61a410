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


@case("WXC-REG-060", requirements=["REG-REFRESH"])
async def test_refreshes_before_the_granted_expiry(bench: Bench, phone: Phone) -> Deferred:
    """A registration is refreshed before the short expiry that was granted is over."""
    return bench.until_refreshed()


@case("WXC-REG-140", requirements=["SIP-NO-SIPS"])
async def test_no_sips_uri(bench: Bench, phone: Phone) -> Deferred:
    """No message of the whole run has a sips URI."""
    return bench.over_the_whole_run("sip.no-sips-uri")
