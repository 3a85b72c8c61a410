"""DNS: it fails, and the device gets over it."""

from certsuite.bench import Bench, Phone, case


@case("WXC-DNS-100", requirements=["DNS-RECOVERY"], disturbs=["registration"], waits=["dns-silence", "own-retry"])
async def test_recovers_from_silence(bench: Bench, phone: Phone) -> None:
    """DNS answers nothing when the device has to connect, comes back, and the device registers by itself."""
    bench.dns.is_silent()
    await phone.reconnects()
    await bench.dns.is_waited_for()


@case("WXC-DNS-102", requirements=["DNS-RECOVERY"], disturbs=["registration"], waits=["own-retry"])
async def test_recovers_from_servfail(bench: Bench, phone: Phone) -> None:
    """DNS answers SERVFAIL when the device has to connect, comes back, and the device registers by itself."""
    bench.dns.fails("SERVFAIL")
    await phone.reconnects()
    await bench.dns.is_waited_for()


@case("WXC-DNS-104", requirements=["DNS-RECOVERY"], disturbs=["registration"], waits=["own-retry"])
async def test_recovers_from_nxdomain(bench: Bench, phone: Phone) -> None:
    """DNS knows no such name when the device has to connect, then does, and the device registers by itself."""
    bench.dns.fails("NXDOMAIN")
    await phone.reconnects()
    await bench.dns.is_waited_for()


@case("WXC-DNS-106", requirements=["DNS-KEEPS-REGISTRATION"], disturbs=["registration"])
async def test_stays_registered_during_servfail(bench: Bench, phone: Phone) -> None:
    """DNS answers SERVFAIL while the device is registered, and the registration is refreshed all the same."""
    bench.dns.forbids_keeping()
    await phone.reconnects()
    await phone.is_registered()
    bench.dns.fails("SERVFAIL")
    await bench.dns.does_not_end_the_registration(phone)


@case("WXC-DNS-108", requirements=["DNS-KEEPS-REGISTRATION"], disturbs=["registration"])
async def test_stays_registered_during_silence(bench: Bench, phone: Phone) -> None:
    """DNS answers nothing while the device is registered, and the registration is refreshed all the same."""
    bench.dns.forbids_keeping()
    await phone.reconnects()
    await phone.is_registered()
    bench.dns.is_silent()
    await bench.dns.does_not_end_the_registration(phone)
