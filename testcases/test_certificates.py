"""The certificate battery: chains that differ from the good one in one property each, and what is due."""

from certsuite.bench import Bench, Phone, case


@case("WXC-TLS-090", requirements=["TLS-NOTED"], presents="no-intermediate", disturbs=["registration"])
async def test_notes_a_missing_intermediate(bench: Bench, phone: Phone) -> None:
    """Whether a leaf that is sent without its intermediate is accepted: this is recorded."""
    await bench.gauntlet.is_noted()


@case("WXC-TLS-092", requirements=["TLS-ACCEPT-SOUND"], presents="superfluous-certificates", disturbs=["registration"])
async def test_accepts_superfluous_certificates(bench: Bench, phone: Phone) -> None:
    """A chain with its root and a stranger's certificate behind it is accepted."""
    await bench.gauntlet.is_accepted(
        finding="tls-refused-sound-chain",
        hint="Certificates beyond the path are to be passed over (RFC 8446 section 4.4.2).",
    )


@case("WXC-TLS-094", requirements=["TLS-NOTED"], presents="misordered-chain", disturbs=["registration"])
async def test_notes_a_misordered_chain(bench: Bench, phone: Phone) -> None:
    """Whether a chain that is sent in another order is accepted: this is recorded."""
    await bench.gauntlet.is_noted()


@case("WXC-TLS-096", requirements=["TLS-ACCEPT-SOUND"], presents="large-chain", disturbs=["registration"])
async def test_accepts_a_large_chain(bench: Bench, phone: Phone) -> None:
    """A chain of 20 kB, which is more than one TLS record holds, is accepted."""
    await bench.gauntlet.is_accepted(
        finding="tls-refused-sound-chain",
        hint="Reserve memory for a handshake message of 32 kB at least; a message may span records.",
    )


@case("WXC-TLS-100", requirements=["TLS-VERIFY-CHAIN"], presents="unknown-root", disturbs=["registration"])
async def test_refuses_an_unknown_root(bench: Bench, phone: Phone) -> None:
    """An edge whose chain ends in a root that the device does not know gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-unknown-root",
        hint="Switch the verification of the server's certificate on; without it anyone on the path is the registrar.",
    )


@case("WXC-TLS-101", requirements=["TLS-VERIFY-CHAIN"], presents="self-signed", disturbs=["registration"])
async def test_refuses_a_self_signed_certificate(bench: Bench, phone: Phone) -> None:
    """An edge whose certificate signs itself gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-self-signed",
        hint="A self-signed certificate proves nothing: switch off the setting that takes them.",
    )


@case("WXC-TLS-102", requirements=["TLS-VERIFY-CHAIN"], presents="intermediate-not-ca", disturbs=["registration"])
async def test_refuses_an_intermediate_that_is_no_authority(bench: Bench, phone: Phone) -> None:
    """An edge whose certificate was signed by one that is no authority gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-false-authority",
        hint="Check basicConstraints of each signing certificate (RFC 5280 section 6.1.4 (k)).",
    )


@case("WXC-TLS-103", requirements=["TLS-VERIFY-PATH"], presents="path-length-exceeded", disturbs=["registration"])
async def test_refuses_a_path_that_is_too_long(bench: Bench, phone: Phone) -> None:
    """An edge whose chain has an authority below one that may have none gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-long-path",
        hint="Check pathLenConstraint (RFC 5280 section 6.1.4 (l) and (m)).",
    )


@case("WXC-TLS-104", requirements=["TLS-VERIFY-PATH"], presents="name-constraints-violated", disturbs=["registration"])
async def test_refuses_a_name_outside_the_authoritys_constraints(bench: Bench, phone: Phone) -> None:
    """An edge whose authority may not sign for its name gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-constrained-name",
        hint="Check nameConstraints (RFC 5280 section 6.1.3 (b) and (c)), or update the TLS library, which does.",
    )


@case("WXC-TLS-105", requirements=["TLS-VERIFY-PATH"], presents="wrong-eku", disturbs=["registration"])
async def test_refuses_a_certificate_for_clients(bench: Bench, phone: Phone) -> None:
    """An edge whose certificate is for clients alone gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-wrong-usage",
        hint="Ask the TLS library for the purpose serverAuth (RFC 5280 section 4.2.1.12).",
    )


@case("WXC-TLS-106", requirements=["TLS-VERIFY-STRENGTH"], presents="md5-signature", disturbs=["registration"])
async def test_refuses_an_md5_signature(bench: Bench, phone: Phone) -> None:
    """An edge whose certificate is signed over an MD5 digest gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-weak-signature",
        hint="Such signatures can be forged: raise the TLS library's security level.",
    )


@case("WXC-TLS-107", requirements=["TLS-VERIFY-STRENGTH"], presents="sha1-signature", disturbs=["registration"])
async def test_refuses_a_sha1_signature(bench: Bench, phone: Phone) -> None:
    """An edge whose certificate is signed over a SHA-1 digest gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-weak-signature",
        hint="Such signatures can be forged at some cost: raise the TLS library's security level.",
    )


@case("WXC-TLS-108", requirements=["TLS-VERIFY-STRENGTH"], presents="rsa-1024-leaf", disturbs=["registration"])
async def test_refuses_a_short_key(bench: Bench, phone: Phone) -> None:
    """An edge whose RSA key has 1024 bits gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-short-key",
        hint="Require 2048 bits of an RSA key (RFC 9325 section 4.5).",
    )


@case("WXC-TLS-109", requirements=["TLS-NOTED"], presents="leaf-is-ca", disturbs=["registration"])
async def test_notes_a_leaf_that_is_an_authority(bench: Bench, phone: Phone) -> None:
    """Whether a leaf that is an authority as well is accepted: this is recorded."""
    await bench.gauntlet.is_noted()


@case("WXC-TLS-110", requirements=["TLS-VERIFY-DATES"], presents="expired", disturbs=["registration"])
async def test_refuses_an_expired_certificate(bench: Bench, phone: Phone) -> None:
    """An edge whose certificate has expired gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-expired",
        hint="Compare the dates with the device's clock; if it has none, get the time before the first connection.",
    )


@case("WXC-TLS-112", requirements=["TLS-VERIFY-DATES"], presents="not-yet-valid", disturbs=["registration"])
async def test_refuses_a_certificate_that_is_not_yet_valid(bench: Bench, phone: Phone) -> None:
    """An edge whose certificate becomes valid later gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-not-yet-valid",
        hint="Compare the dates with the device's clock; if it has none, get the time before the first connection.",
    )


@case("WXC-TLS-120", requirements=["TLS-VERIFY-NAME"], presents="wrong-host", disturbs=["registration"])
async def test_refuses_a_wrong_host_name(bench: Bench, phone: Phone) -> None:
    """An edge whose certificate names another host gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-wrong-host",
        hint="Compare the certificate's names with the outbound proxy or the SRV target (RFC 5922 section 7.3).",
    )


@case("WXC-TLS-122", requirements=["TLS-VERIFY-NAME"], presents="san-wrong-cn-right", disturbs=["registration"])
async def test_refuses_a_common_name_beside_other_names(bench: Bench, phone: Phone) -> None:
    """An edge whose common name is right and whose subjectAltName is not gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-common-name",
        hint="The common name counts only where there is no subjectAltName (RFC 5922 section 7.1).",
    )


@case("WXC-TLS-124", requirements=["TLS-VERIFY-NAME"], presents="ip-address-only", disturbs=["registration"])
async def test_refuses_an_address_in_place_of_a_name(bench: Bench, phone: Phone) -> None:
    """An edge whose certificate has its IP addresses and no host name gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-address",
        hint="What was configured is a name: compare that, and not the address that DNS gave for it.",
    )


@case("WXC-TLS-130", requirements=["TLS-ACCEPT-NAME"], presents="san-proxy-only", disturbs=["registration"])
async def test_accepts_the_outbound_proxys_name_alone(bench: Bench, phone: Phone) -> None:
    """An edge whose certificate names the outbound proxy, and not the SRV target, is accepted."""
    await bench.gauntlet.is_accepted(
        finding="tls-refused-proxy-name",
        hint="The name to compare is the one before the SRV query (RFC 5922 section 7.1, RFC 3263 section 4).",
    )


@case("WXC-TLS-132", requirements=["TLS-NOTED"], presents="san-target-only", disturbs=["registration"])
async def test_notes_the_srv_targets_name_alone(bench: Bench, phone: Phone) -> None:
    """Whether the SRV target's name without the outbound proxy's is accepted: this is recorded."""
    await bench.gauntlet.is_noted()


@case("WXC-TLS-134", requirements=["TLS-NOTED"], presents="wildcard", disturbs=["registration"])
async def test_notes_a_wildcard(bench: Bench, phone: Phone) -> None:
    """Whether a wildcard in place of the first label is accepted: this is recorded."""
    await bench.gauntlet.is_noted()


@case("WXC-TLS-136", requirements=["TLS-NOTED"], presents="cn-only", disturbs=["registration"])
async def test_notes_a_common_name_alone(bench: Bench, phone: Phone) -> None:
    """Whether a right common name without a subjectAltName is accepted: this is recorded."""
    await bench.gauntlet.is_noted()


@case("WXC-TLS-180", requirements=["TLS-ACCEPT-SOUND"], presents="rsa-3072", disturbs=["registration"])
async def test_accepts_rsa_3072(bench: Bench, phone: Phone) -> None:
    """A certificate with an RSA key of 3072 bits is accepted."""
    await bench.gauntlet.is_accepted(
        finding="tls-refused-long-key",
        hint="Enable longer RSA keys in the TLS library.",
    )


@case("WXC-TLS-182", requirements=["TLS-ACCEPT-SOUND"], presents="rsa-4096", disturbs=["registration"])
async def test_accepts_rsa_4096(bench: Bench, phone: Phone) -> None:
    """A certificate with an RSA key of 4096 bits is accepted."""
    await bench.gauntlet.is_accepted(
        finding="tls-refused-long-key",
        hint="Enable longer RSA keys in the TLS library.",
    )


@case("WXC-TLS-184", requirements=["TLS-NOTED"], presents="ecdsa-p256", disturbs=["registration"])
async def test_notes_an_ecdsa_key(bench: Bench, phone: Phone) -> None:
    """Whether a certificate with an ECDSA key is accepted: this is recorded."""
    await bench.gauntlet.is_noted()


@case("WXC-TLS-200", requirements=["TLS-NOTED"], presents="revoked-crl", disturbs=["registration"])
async def test_notes_a_certificate_on_a_revocation_list(bench: Bench, phone: Phone) -> None:
    """Whether a certificate that stands on the list that it names is accepted: this is recorded."""
    await bench.gauntlet.is_noted()


@case("WXC-TLS-201", requirements=["TLS-NOTED"], presents="crl-unreachable", disturbs=["registration"])
async def test_notes_a_revocation_list_that_cannot_be_had(bench: Bench, phone: Phone) -> None:
    """Whether a certificate is accepted whose revocation list cannot be had: this is recorded."""
    await bench.gauntlet.is_noted()


@case("WXC-TLS-202", requirements=["TLS-VERIFY-REVOCATION"], presents="revoked-stapled", disturbs=["registration"])
async def test_refuses_a_certificate_that_is_stapled_as_revoked(bench: Bench, phone: Phone) -> None:
    """A device that asks for an OCSP answer heeds it: a revoked certificate gets no SIP."""
    await bench.gauntlet.is_refused(
        finding="tls-accepted-revoked",
        hint="Who asks for a stapled answer must check it (RFC 6066 section 8).",
    )


@case("WXC-TLS-220", requirements=["TLS-WALK"], presents="unknown-root", disturbs=["registration"])
async def test_walks_from_target_to_target(bench: Bench, phone: Phone) -> None:
    """How many targets of one SRV answer the device walks, and what that saves: this is recorded."""
    await bench.gauntlet.is_compared_with_one_by_one()
