"""TLS: the device as a client, and what it refuses."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import THERE_AND_BACK, Deferred
from certsuite.bench.edge_control import OLD_VERSIONS


@case("WXC-TLS-080", requirements=["TLS-TRUST"], needs="started")
async def test_trusts_the_root_that_it_was_given(bench: Bench, phone: Phone) -> None:
    """A chain under the lab root is accepted, and SIP comes over the connection."""
    await bench.expect_of_attempt("tls.trusts", presentation="good")


@case("WXC-TLS-010", requirements=["TLS-1.2"], disturbs=["registration"])
async def test_tls12_handshake(bench: Bench, phone: Phone) -> None:
    """With an edge that offers TLS 1.2 alone, the handshake completes and SIP comes over it."""
    await bench.primary.offers_only("TLSv1.2")
    await bench.secondary.offers_only("TLSv1.2")
    await phone.connects_anew()
    await bench.expect("tls.completes", version="TLSv1.2")


@case("WXC-TLS-020", requirements=["TLS-MIN-1.2"], disturbs=["registration"], reconnects=THERE_AND_BACK)
async def test_refuses_old_tls(bench: Bench, phone: Phone) -> Deferred:
    """An edge that offers TLS 1.0 and 1.1 alone gets no SIP, and nothing is sent in the clear instead."""
    await bench.primary.offers_only(*OLD_VERSIONS)
    await bench.secondary.offers_only(*OLD_VERSIONS)
    await phone.connects_anew()
    await bench.primary.is_refused(
        finding="tls-accepted-old-version",
        what="TLS 1.0 and 1.1 alone",
        hint="Set the lowest TLS version of the device to 1.2.",
    )
    await bench.primary.comes_back()
    await bench.secondary.comes_back()
    await bench.device_takes_the_good_primary()
    return bench.over_the_whole_run("net.no-cleartext")


@case("WXC-TLS-160", requirements=["TLS-ROOT"], disturbs=["registration"])
async def test_trusts_the_root_of_webex(bench: Bench, phone: Phone) -> None:
    """The device trusts the root that Webex Calling's certificates hang from, as a root probe shows."""
    await bench.root_probing.ask()
