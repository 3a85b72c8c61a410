"""SIP passwords: the policy, the characters that it asks for, their change, and that nobody sees them."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import Deferred


@case("WXC-PW-010", requirements=["PW-POLICY"], needs="started")
async def test_supplied_passwords_meet_the_policy(bench: Bench, phone: Phone) -> None:
    """SIP passwords that the user supplied are long enough, of all classes, and differ from user to user."""
    await bench.supplied_credentials()
    await bench.expect("pw.policy")


@case("WXC-PW-020", requirements=["PW-CHARACTERS"], disturbs=["registration", "configuration"])
async def test_every_special_character(bench: Bench, phone: Phone) -> None:
    """Passwords that together hold every special character reach the digest unchanged."""
    await bench.passwords.have_every_special_character()


@case("WXC-PW-030", requirements=["PW-ROTATION"], disturbs=["registration", "configuration"])
async def test_takes_another_password(bench: Bench, phone: Phone) -> None:
    """A password that is changed while the device is registered is taken with the next configuration."""
    await bench.passwords.are_rotated()


@case("WXC-PW-040", requirements=["PW-HIDDEN"])
async def test_shows_no_password(bench: Bench, phone: Phone) -> Deferred:
    """No password stands in SIP, in the User-Agent, in the device's log, or in anything sent in the clear."""
    return bench.over_the_whole_run("pw.not-shown")
