"""What the device offers in its ClientHello, and what it can do of it (RFC 5246, RFC 8446, RFC 9325)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from certsuite.checks.registry import Question, check
from certsuite.checks.span import Seen
from certsuite.checks.tls import application_data, are_over, chain_refused, how_it_ended, went_elsewhere
from certsuite.core.events import (
    ClientHelloSeen,
    TlsAlert,
    TlsEstablished,
    TlsPresented,
)
from certsuite.core.findings import Evidence, Judgement, Measurement
from certsuite.core.redaction import printable
from certsuite.core.verdicts import Verdict
from certsuite.tls.names import (
    EMPTY_RENEGOTIATION_INFO_SCSV,
    EXTENDED_MASTER_SECRET,
    RENEGOTIATION_INFO,
    SECP256R1,
    X25519,
    group_name,
    is_broken_signature,
    signature_algorithm_name,
)
from certsuite.tls.suite_judgement import Grade, SuiteJudgement, judge_suite
from certsuite.tls.suites import suite_name

_NAMED_AT_MOST = 8
_NO_HELLO = ("no-client-hello", "the device sent no ClientHello")


@check("tls.offers-aead", passive=True)
def offers_aead(question: Question) -> Judgement:
    """Each ClientHello offers one of the suites that are asked for (TLS-SUITES). One for TLS 1.3 alone has its own."""
    wanted = [str(name) for name in question.param("suites")]

    def bad(hello: ClientHelloSeen) -> bool:
        return not any(suite_name(number) in wanted for number in hello.cipher_suites)

    return _each(
        question,
        lambda hello: _older_than_tls13(hello) and bad(hello),
        "tls-no-aead-suite",
        lambda hello: f"none of these in a list of {len(hello.cipher_suites)} suites",
        f"{' or '.join(wanted)} in the ClientHello",
        "Enable ECDHE with AES-GCM for TLS 1.2; an old cipher setting or TLS library is the usual reason.",
    )


@check("tls.offers-nothing-weak", passive=True)
def offers_nothing_weak(question: Question) -> Judgement:
    """No ClientHello offers a suite without encryption or authentication, a broken cipher, or compression
    (TLS-NO-WEAK). Each is a warning."""
    suites = _each(
        question,
        lambda hello: bool(_weak(hello)),
        "tls-offers-weak-suites",
        lambda hello: _some([f"{one.name} ({one.why})" for one in _weak(hello)]),
        "no suite that is weak",
        "Restrict the cipher list of the device, for OpenSSL to HIGH:!aNULL:!eNULL.",
        verdict=Verdict.WARN,
    )
    compression = _each(
        question,
        lambda hello: any(hello.compression_methods),
        "tls-offers-compression",
        lambda hello: f"compression methods {', '.join(str(number) for number in hello.compression_methods)}",
        "the null method alone",
        "Switch TLS compression off: it gives away what is encrypted (CRIME).",
        verdict=Verdict.WARN,
    )
    if suites.verdict is Verdict.WARN and compression.verdict is Verdict.WARN:
        return Judgement(Verdict.WARN, suites.findings + compression.findings, evidence=suites.evidence)
    return compression if compression.verdict is Verdict.WARN else suites


@check("tls.offers-extended-master-secret", passive=True)
def offers_extended_master_secret(question: Question) -> Judgement:
    """Each ClientHello for TLS 1.2 offers the extended master secret (TLS-EMS)."""
    return _each(
        question,
        lambda hello: _older_than_tls13(hello) and EXTENDED_MASTER_SECRET not in hello.extensions,
        "tls-no-extended-master-secret",
        lambda hello: f"{', '.join(hello.versions)} without the extension extended_master_secret",
        "extension 23 (extended_master_secret) in a ClientHello for TLS 1.2",
        "Without it a session's keys are not bound to its handshake (RFC 7627); it takes a newer TLS library.",
    )


@check("tls.offers-secure-renegotiation", passive=True)
def offers_secure_renegotiation(question: Question) -> Judgement:
    """Each ClientHello for TLS 1.2 indicates secure renegotiation, in either form (TLS-RENEGOTIATION)."""

    def bad(hello: ClientHelloSeen) -> bool:
        indicated = RENEGOTIATION_INFO in hello.extensions or EMPTY_RENEGOTIATION_INFO_SCSV in hello.cipher_suites
        return _older_than_tls13(hello) and not indicated

    return _each(
        question,
        bad,
        "tls-no-secure-renegotiation",
        lambda hello: f"{', '.join(hello.versions)}, and neither renegotiation_info nor its signal among the suites",
        "renegotiation_info or TLS_EMPTY_RENEGOTIATION_INFO_SCSV in a ClientHello for TLS 1.2",
        "A TLS library from before 2010; many servers refuse such a client.",
    )


@check("tls.offers-signature-algorithms", passive=True)
def offers_signature_algorithms(question: Question) -> Judgement:
    """Each ClientHello offers signatures that rest on more than MD5 or SHA-1; these beside others are a warning
    (TLS-SIGNATURES)."""
    expected = "signature algorithms with SHA-256 or better, and none with MD5 or SHA-1"
    alone = _each(
        question,
        lambda hello: all(is_broken_signature(number) for number in hello.signature_algorithms),
        "tls-broken-signatures-alone",
        lambda hello: _signatures(hello) or "no signature_algorithms, which means SHA-1 (RFC 5246 section 7.4.1.4.1)",
        expected,
        "No public certificate is signed so any more: it takes a newer TLS library.",
    )
    if alone.verdict is not Verdict.PASS:
        return alone
    return _each(
        question,
        lambda hello: any(is_broken_signature(number) for number in hello.signature_algorithms),
        "tls-offers-broken-signatures",
        lambda hello: _some(
            [signature_algorithm_name(one) for one in hello.signature_algorithms if is_broken_signature(one)]
        ),
        expected,
        "RFC 9155: neither is to be offered. For OpenSSL this takes a security level of 1 or more.",
        verdict=Verdict.WARN,
    )


@check("tls.offers-common-group", passive=True)
def offers_common_group(question: Question) -> Judgement:
    """Each ClientHello offers P-256 or X25519, which every server has (TLS-GROUPS)."""
    return _each(
        question,
        lambda hello: not {SECP256R1, X25519} & set(hello.groups),
        "tls-no-common-group",
        lambda hello: f"groups {_some([group_name(one) for one in hello.groups])}" if hello.groups else "no group",
        "secp256r1 or x25519 among the supported groups",
        "Without a common group there is no ECDHE, and so none of the suites that Webex publishes.",
    )


@check("tls.sends-server-name", passive=True)
def sends_server_name(question: Question) -> Judgement:
    """Each ClientHello names the outbound proxy or an SRV target as the server (TLS-SNI). All else is a warning."""
    names = [str(name) for name in question.param("names")]
    known = {name.lower() for name in names}
    absent = _each(
        question,
        lambda hello: hello.server_name is None,
        "tls-no-server-name",
        lambda hello: "a ClientHello without server_name",
        f"server_name with one of {_some(names)}",
        "A server of many names cannot know which certificate to show (RFC 6066 section 3).",
        verdict=Verdict.WARN,
    )
    if absent.verdict is not Verdict.PASS:
        return absent
    return _each(
        question,
        lambda hello: (hello.server_name or "").rstrip(".").lower() not in known,
        "tls-other-server-name",
        lambda hello: f"server_name {printable(hello.server_name or '', at_most=80)}",
        f"server_name with one of {_some(names)}",
        "The name must be the outbound proxy's or the SRV target's (RFC 5922 section 4), not the registrar's domain.",
        verdict=Verdict.WARN,
    )


@check("tls.negotiates", limits=("connect_s",))
def negotiates(question: Question) -> Judgement:
    """A handshake completes with an edge that presents itself so, and SIP comes over it (TLS-BOTH-VERSIONS,
    TLS-1.3, TLS-NO-CLIENT-CERT).

    ``versions`` are what the edge offers, ``asks_for_certificate`` whether it asks for one. With ``at_most`` warn the
    outcome is told and does not count against the device.
    """
    versions = [str(one) for one in question.param("versions")]
    asks = bool(question.params.get("asks_for_certificate", False))
    presented = [
        seen
        for seen in question.span.of(TlsPresented, edge=question.params.get("edge"))
        if list(seen.event.versions) == versions and seen.event.asks_for_certificate == asks
    ]
    name = question.text("measures")
    for seen in presented:
        established = question.span.of(TlsEstablished, flow=seen.at.flow)
        sip = application_data(question, seen.at.flow)
        if established and sip:
            return question.passed(established[0].evidence, sip[0], measurements=(Measurement(name, 1.0, ""),))
    if not presented:
        return question.unknown("never-connected", "the device connected to no edge that presented itself so")
    last = presented[-1]
    refused = chain_refused(question, last.at.flow)
    if refused is not None:
        return refused
    return question.failed(
        question.text("finding"),
        how_it_ended(question, last.at.flow),
        f"a handshake that completes with an edge that {question.text('what')}, and SIP over it",
        last.evidence,
        *(seen.evidence for seen in question.span.of(TlsAlert, flow=last.at.flow)),
        hint=question.text("hint"),
        settled=went_elsewhere(question, presented),
        verdict=Verdict.WARN if question.params.get("at_most") == Verdict.WARN else Verdict.FAIL,
        measurements=(Measurement(name, 0.0, ""),),
        flow=last.at.flow,
    )


@check("tls.suite-alone", limits=("connect_s",))
def suite_alone(question: Question) -> Judgement:
    """Whether a suite that an edge offers alone is taken. This is recorded; it judges nothing (TLS-SUITES)."""
    suite = question.text("suite")
    hellos = question.span.of(ClientHelloSeen)
    if not hellos:
        return question.unknown(*_NO_HELLO)
    forced = _forced(question, suite)
    taken = _taken(question, forced)
    if taken is not None:
        return question.passed(taken, measurements=(Measurement(suite, 1.0, ""),))
    not_taken = (Measurement(suite, 0.0, ""),)
    offered = any(suite_name(number) == suite for seen in hellos for number in seen.event.cipher_suites)
    if not offered:
        return question.passed(hellos[-1].evidence, measurements=not_taken)
    if not forced:
        return question.unknown("never-connected", f"the device connected to no edge that offered {suite} alone")
    return Judgement(
        Verdict.PASS,
        measurements=not_taken,
        settled=went_elsewhere(question, forced),
        evidence=tuple(seen.evidence for seen in forced),
    )


@check("tls.takes-one-alone", limits=("connect_s",))
def takes_one_alone(question: Question) -> Judgement:
    """Of some suites, each offered alone by an edge, at least one is taken (TLS-SUITES)."""
    suites = [str(name) for name in question.param("suites")]
    hellos = question.span.of(ClientHelloSeen)
    for suite in suites:
        taken = _taken(question, _forced(question, suite))
        if taken is not None:
            return question.passed(taken)
    if not hellos:
        return question.unknown(*_NO_HELLO)
    offered = {suite_name(number) for seen in hellos for number in seen.event.cipher_suites}
    tried = [suite for suite in suites if suite in offered]
    return question.failed(
        "tls-no-gcm-alone",
        f"offered and not taken: {', '.join(tried)}" if tried else "the device offers none of them",
        f"a handshake with {' or '.join(suites)}, and SIP over it",
        hellos[-1].evidence,
        hint="These are the suites that Webex prefers: enable ECDHE with AES-GCM for TLS 1.2.",
        settled=all(are_over(question, _forced(question, suite)) for suite in tried),
    )


def _each(
    question: Question,
    bad: Callable[[ClientHelloSeen], bool],
    finding: str,
    observed: Callable[[ClientHelloSeen], str],
    expected: str,
    hint: str,
    *,
    verdict: Verdict = Verdict.FAIL,
) -> Judgement:
    """Judge every ClientHello of the device: one that is bad is enough, since a fallback is as good as its worst."""
    hellos = question.span.of(ClientHelloSeen)
    if not hellos:
        return question.unknown(*_NO_HELLO)
    wrong = [seen for seen in hellos if bad(seen.event)]
    if not wrong:
        return question.passed(hellos[0].evidence)
    share = "" if len(wrong) == len(hellos) else f", in {len(wrong)} of {len(hellos)} ClientHellos"
    return question.failed(
        finding,
        observed(wrong[0].event) + share,
        expected,
        *(seen.evidence for seen in wrong[:_NAMED_AT_MOST]),
        hint=hint,
        verdict=verdict,
        flow=wrong[0].at.flow,
    )


def _older_than_tls13(hello: ClientHelloSeen) -> bool:
    """Whether it offers anything beside TLS 1.3."""
    return any(version != "TLSv1.3" for version in hello.versions)


def _weak(hello: ClientHelloSeen) -> list[SuiteJudgement]:
    judged = [judge_suite(number) for number in hello.cipher_suites]
    return [one for one in judged if one.grade is Grade.WEAK]


def _signatures(hello: ClientHelloSeen) -> str:
    return _some([signature_algorithm_name(one) for one in hello.signature_algorithms])


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _forced(question: Question, suite: str) -> list[Seen[TlsPresented]]:
    """Connections to an edge that offered this suite alone."""
    return [seen for seen in question.span.of(TlsPresented) if seen.event.ciphers == suite]


def _taken(question: Question, presented: Sequence[Seen[TlsPresented]]) -> Evidence | None:
    """Where the handshake completed on one of these connections, with SIP after it."""
    for seen in presented:
        established = question.span.of(TlsEstablished, flow=seen.at.flow)
        if established and application_data(question, seen.at.flow):
            return established[0].evidence
    return None
