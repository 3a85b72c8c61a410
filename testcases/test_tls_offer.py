"""TLS: what the device offers in its ClientHello, and what it can do of it."""

from certsuite.bench import Bench, Phone, case
from certsuite.bench.bench import EACH_SUITE, Deferred


@case("WXC-TLS-030", requirements=["TLS-BOTH-VERSIONS"], needs="started")
async def test_registers_where_both_versions_are_offered(bench: Bench, phone: Phone) -> None:
    """With an edge that offers TLS 1.2 and 1.3, a handshake completes and SIP comes over it."""
    await bench.expect_of_attempt(
        "tls.negotiates",
        versions=bench.both_versions,
        measures="tls_12_and_13_accepted",
        what="offers TLS 1.2 and 1.3",
        finding="tls-fails-with-both-versions",
        hint="If TLS 1.2 alone works, the device's TLS 1.3 does not: update it, or switch TLS 1.3 off.",
    )


@case("WXC-TLS-050", requirements=["TLS-SUITES"], needs="started")
async def test_offers_a_suite_that_webex_prefers(bench: Bench, phone: Phone) -> Deferred:
    """Each ClientHello of the run offers ECDHE_RSA with AES-GCM for TLS 1.2."""
    return bench.over_the_whole_run("tls.offers-aead", suites=bench.webex_gcm_suites)


@case("WXC-TLS-070", requirements=["TLS-NO-WEAK"], needs="started")
async def test_offers_nothing_weak(bench: Bench, phone: Phone) -> Deferred:
    """No ClientHello of the run offers NULL, anonymous, export, RC4, DES or 3DES suites, or compression."""
    return bench.over_the_whole_run("tls.offers-nothing-weak")


@case("WXC-TLS-072", requirements=["TLS-EMS"], needs="started")
async def test_offers_the_extended_master_secret(bench: Bench, phone: Phone) -> Deferred:
    """Each ClientHello for TLS 1.2 offers the extended master secret."""
    return bench.over_the_whole_run("tls.offers-extended-master-secret")


@case("WXC-TLS-074", requirements=["TLS-RENEGOTIATION"], needs="started")
async def test_indicates_secure_renegotiation(bench: Bench, phone: Phone) -> Deferred:
    """Each ClientHello for TLS 1.2 indicates secure renegotiation."""
    return bench.over_the_whole_run("tls.offers-secure-renegotiation")


@case("WXC-TLS-076", requirements=["TLS-SIGNATURES"], needs="started")
async def test_offers_sound_signature_algorithms(bench: Bench, phone: Phone) -> Deferred:
    """Each ClientHello offers signature algorithms with SHA-256 or better, and none with MD5 or SHA-1."""
    return bench.over_the_whole_run("tls.offers-signature-algorithms")


@case("WXC-TLS-078", requirements=["TLS-GROUPS"], needs="started")
async def test_offers_a_common_group(bench: Bench, phone: Phone) -> Deferred:
    """Each ClientHello offers the group secp256r1 or x25519."""
    return bench.over_the_whole_run("tls.offers-common-group")


@case("WXC-TLS-140", requirements=["TLS-SNI"], needs="started")
async def test_sends_the_servers_name(bench: Bench, phone: Phone) -> Deferred:
    """Each ClientHello names the server, by the outbound proxy's name or the SRV target's."""
    return bench.over_the_whole_run("tls.sends-server-name", names=bench.edge_names)


@case("WXC-TLS-040", requirements=["TLS-1.3"], disturbs=["registration"])
async def test_registers_where_tls13_alone_is_offered(bench: Bench, phone: Phone) -> None:
    """Whether a handshake completes with an edge that offers TLS 1.3 alone: this is recorded and not required."""
    await bench.primary.offers_only("TLSv1.3")
    await phone.connects_anew()
    await bench.expect(
        "tls.negotiates",
        edge="primary",
        versions=["TLSv1.3"],
        measures="tls_13_alone_accepted",
        what="offers TLS 1.3 alone",
        at_most="warn",
        finding="tls-no-tls13",
        hint="Nothing asks for TLS 1.3 today. A device without it will need an update some day.",
    )


@case("WXC-TLS-060", requirements=["TLS-SUITES"], disturbs=["registration"], reconnects=EACH_SUITE)
async def test_takes_each_suite_of_webex_alone(bench: Bench, phone: Phone) -> None:
    """Of the suites that Webex publishes, each offered alone, one with AES-GCM at least is taken; all are recorded."""
    await bench.primary.offers_each_suite_alone(bench.webex_suites, phone, takes_one_of=bench.webex_gcm_suites)


@case("WXC-TLS-150", requirements=["TLS-NO-CLIENT-CERT"], disturbs=["registration"])
async def test_goes_on_without_a_client_certificate(bench: Bench, phone: Phone) -> None:
    """When an edge asks for a client certificate and does not need one, the handshake completes and SIP follows."""
    await bench.primary.asks_for_a_certificate()
    await phone.connects_anew()
    await bench.expect(
        "tls.negotiates",
        edge="primary",
        versions=bench.both_versions,
        asks_for_certificate=True,
        measures="goes_on_without_client_certificate",
        what="asks for a client certificate and does not need one",
        finding="tls-gives-up-without-certificate",
        hint="Webex Calling authenticates the device by digest: an empty certificate message is the right answer.",
    )
