"""SIP passwords: the policy, and the characters that it asks for."""

from certsuite.bench import Bench, Phone, case


@case("WXC-PW-010", requirements=["PW-POLICY"], needs="started")
async def test_supplied_passwords_meet_the_policy(bench: Bench, phone: Phone) -> None:
    """SIP passwords that the user supplied are long enough, of all classes, and differ from line to line."""
    await bench.supplied_credentials()
    await bench.expect("pw.policy")


@case("WXC-PW-020", requirements=["PW-CHARACTERS"], disturbs=["registration", "configuration"])
async def test_every_special_character(bench: Bench, phone: Phone) -> None:
    """Passwords that together hold every special character reach the digest unchanged."""
    await phone.registers_with_every_special_character()
