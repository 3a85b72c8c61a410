"""What a device offers, and which findings follow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import ClientHelloSeen, FlowClosed, TlsAlert, TlsEstablished, TlsPresented
from certsuite.core.observations import IN, OUT
from certsuite.core.verdicts import Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

PROXY = "hs17.lab.example"
TARGET = "edge1.lab.example"
GCM = ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]
CBC = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"
NEGOTIATES: dict[str, Any] = {
    "versions": ["TLSv1.3"],
    "edge": "primary",
    "measures": "tls_13_alone_accepted",
    "what": "offers TLS 1.3 alone",
    "finding": "tls-no-tls13",
    "hint": "h",
}

GOOD = ClientHelloSeen(
    raw=b"\1",
    legacy_version="TLSv1.2",
    versions=("TLSv1.3", "TLSv1.2"),
    cipher_suites=(0x1302, 0xC030, 0xC02F, 0xC027, 0x00FF),
    server_name=PROXY,
    groups=(29, 23, 24),
    signature_algorithms=(0x0403, 0x0804, 0x0401),
    extensions=(0, 10, 11, 13, 23, 43, 51),
)
PARAMS: dict[str, dict[str, Any]] = {
    "tls.offers-aead": {"suites": GCM},
    "tls.offers-nothing-weak": {},
    "tls.offers-extended-master-secret": {},
    "tls.offers-secure-renegotiation": {},
    "tls.offers-signature-algorithms": {},
    "tls.offers-common-group": {},
    "tls.sends-server-name": {"names": [PROXY, TARGET]},
}


def says_hello(trace: Trace, flow: str = "f1", *, edge: str = "primary", **changes: Any) -> None:
    trace.see(replace(GOOD, **changes), flow=flow, edge=edge, direction=IN)


@pytest.mark.parametrize("check", PARAMS)
def test_a_modern_hello_passes_and_none_is_inconclusive(trace: Trace, check: str) -> None:
    trace.is_open(check, "no-client-hello", **PARAMS[check])
    says_hello(trace)
    trace.passes(check, **PARAMS[check])


@pytest.mark.parametrize(
    ("check", "finding", "verdict", "changes"),
    [
        ("tls.offers-aead", "tls-no-aead-suite", Verdict.FAIL, {"cipher_suites": (0x1302, 0xC027, 0x00FF)}),
        ("tls.offers-nothing-weak", "tls-offers-weak-suites", Verdict.WARN, {"cipher_suites": (0xC02F, 0x0005)}),
        ("tls.offers-nothing-weak", "tls-offers-compression", Verdict.WARN, {"compression_methods": (1, 0)}),
        (
            "tls.offers-extended-master-secret",
            "tls-no-extended-master-secret",
            Verdict.FAIL,
            {"extensions": (0, 10, 13)},
        ),
        (
            "tls.offers-secure-renegotiation",
            "tls-no-secure-renegotiation",
            Verdict.FAIL,
            {"cipher_suites": (0x1302, 0xC02F)},
        ),
        (
            "tls.offers-signature-algorithms",
            "tls-broken-signatures-alone",
            Verdict.FAIL,
            {"signature_algorithms": (0x0201, 0x0101)},
        ),
        ("tls.offers-signature-algorithms", "tls-broken-signatures-alone", Verdict.FAIL, {"signature_algorithms": ()}),
        (
            "tls.offers-signature-algorithms",
            "tls-offers-broken-signatures",
            Verdict.WARN,
            {"signature_algorithms": (0x0401, 0x0201)},
        ),
        ("tls.offers-common-group", "tls-no-common-group", Verdict.FAIL, {"groups": (24, 25)}),
        ("tls.offers-common-group", "tls-no-common-group", Verdict.FAIL, {"groups": ()}),
        ("tls.sends-server-name", "tls-no-server-name", Verdict.WARN, {"server_name": None}),
        ("tls.sends-server-name", "tls-other-server-name", Verdict.WARN, {"server_name": "98079822.lab.example"}),
    ],
)
def test_what_is_wrong_with_a_hello(
    trace: Trace, check: str, finding: str, verdict: Verdict, changes: dict[str, Any]
) -> None:
    says_hello(trace)
    says_hello(trace, "f2", **changes)
    judgement = trace.fails(check, finding, verdict=verdict, **PARAMS[check])
    assert judgement.findings[0].subject.flow == "f2"
    assert judgement.findings[0].observed.endswith(", in 1 of 2 ClientHellos")
    assert [place.seq for place in judgement.findings[0].evidence] == [1]


def test_weak_suites_and_compression_are_two_findings(trace: Trace) -> None:
    says_hello(trace, cipher_suites=(0x0001, 0x0018), compression_methods=(1, 0))
    judgement = trace.judge("tls.offers-nothing-weak")
    assert [one.id for one in judgement.findings] == ["tls-offers-weak-suites", "tls-offers-compression"]
    assert judgement.findings[0].observed == (
        "TLS_RSA_WITH_NULL_MD5 (no encryption), TLS_DH_anon_WITH_RC4_128_MD5 (anonymous: nobody is authenticated)"
    )


@pytest.mark.parametrize(
    "check", ["tls.offers-aead", "tls.offers-extended-master-secret", "tls.offers-secure-renegotiation"]
)
def test_what_belongs_to_tls12_is_not_asked_of_tls13_alone(trace: Trace, check: str) -> None:
    says_hello(trace, versions=("TLSv1.3",), cipher_suites=(0x1301,), extensions=(0, 10, 13, 43, 51))
    trace.passes(check, **PARAMS[check])


def test_renegotiation_is_indicated_in_either_form(trace: Trace) -> None:
    says_hello(trace, cipher_suites=(0xC02F,), extensions=(65281,))
    trace.passes("tls.offers-secure-renegotiation")


@pytest.mark.parametrize("name", [TARGET, PROXY.upper(), f"{PROXY}."])
def test_either_name_however_written(trace: Trace, name: str) -> None:
    says_hello(trace, server_name=name)
    trace.passes("tls.sends-server-name", **PARAMS["tls.sends-server-name"])


# --- tls.negotiates


def presents(trace: Trace, flow: str = "f1", *, ciphers: str = "", asks: bool = False) -> None:
    trace.connects(flow)
    says_hello(trace, flow)
    versions = ("TLSv1.2",) if ciphers else ("TLSv1.3",)
    trace.see(TlsPresented("good", versions, ciphers, asks), flow=flow, edge="primary", direction=OUT)


def test_a_handshake_with_sip_after_it(trace: Trace) -> None:
    trace.is_open("tls.negotiates", "never-connected", **NEGOTIATES)
    presents(trace)
    trace.see(TlsEstablished("TLSv1.3", "x"), flow="f1", edge="primary", direction=IN)
    trace.fails("tls.negotiates", "tls-no-tls13", settled=False, **NEGOTIATES)
    trace.request("REGISTER")
    judgement = trace.passes("tls.negotiates", **NEGOTIATES)
    assert [(one.name, one.value) for one in judgement.measurements] == [("tls_13_alone_accepted", 1.0)]


def test_it_is_over_once_the_device_is_at_another_edge(trace: Trace) -> None:
    presents(trace)
    trace.see(TlsAlert(2, 70, "protocol_version"), flow="f1", edge="primary", direction=IN)
    trace.see(FlowClosed("device", "fin"), flow="f1", edge="primary", direction=IN)
    trace.fails("tls.negotiates", "tls-no-tls13", settled=False, **NEGOTIATES)
    trace.request("REGISTER", flow="f2", edge="secondary")
    judgement = trace.fails("tls.negotiates", "tls-no-tls13", verdict=Verdict.WARN, at_most="warn", **NEGOTIATES)
    assert judgement.findings[0].observed == "the device ended the connection with alert 70 (protocol_version)"
    assert [one.value for one in judgement.measurements] == [0.0]


def test_an_edge_that_asks_for_a_certificate_is_another_one(trace: Trace) -> None:
    presents(trace, asks=True)
    trace.is_open("tls.negotiates", "never-connected", **NEGOTIATES)
    trace.fails("tls.negotiates", "tls-no-tls13", settled=False, asks_for_certificate=True, **NEGOTIATES)


def test_a_chain_that_is_refused_is_another_matter(trace: Trace) -> None:
    presents(trace)
    trace.see(TlsAlert(2, 48, "unknown_ca"), flow="f1", edge="primary", direction=IN)
    trace.is_open("tls.negotiates", "chain-refused", **NEGOTIATES)


# --- suites alone


def takes(trace: Trace, flow: str, suite: str) -> None:
    presents(trace, flow, ciphers=suite)
    trace.see(TlsEstablished("TLSv1.2", suite), flow=flow, edge="primary", direction=IN)
    trace.request("REGISTER", flow=flow)


def values(trace: Trace, suite: str) -> list[float]:
    return [one.value for one in trace.judge("tls.suite-alone", suite=suite).measurements]


def test_which_suites_are_taken_is_recorded(trace: Trace) -> None:
    trace.is_open("tls.suite-alone", "no-client-hello", suite=CBC)
    takes(trace, "f1", GCM[0])
    trace.is_open("tls.suite-alone", "never-connected", suite=CBC)
    assert values(trace, GCM[0]) == [1.0]
    presents(trace, "f2", ciphers=CBC)
    assert not trace.judge("tls.suite-alone", suite=CBC).settled
    trace.see(FlowClosed("device", "fin"), flow="f2", edge="primary", direction=IN)
    trace.request("REGISTER", flow="f3", edge="secondary")
    assert trace.judge("tls.suite-alone", suite=CBC).settled
    assert values(trace, CBC) == [0.0]


def test_a_suite_that_is_never_offered_needs_no_connection(trace: Trace) -> None:
    says_hello(trace)
    trace.passes("tls.suite-alone", suite="TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256")
    assert values(trace, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256") == [0.0]


def test_one_of_the_gcm_suites_is_enough(trace: Trace) -> None:
    trace.is_open("tls.takes-one-alone", "no-client-hello", suites=GCM)
    presents(trace, "f1", ciphers=GCM[0])
    trace.fails("tls.takes-one-alone", "tls-no-gcm-alone", settled=False, suites=GCM)
    takes(trace, "f2", GCM[1])
    trace.passes("tls.takes-one-alone", suites=GCM)


def test_none_of_the_gcm_suites_is_taken(trace: Trace) -> None:
    for flow, suite in zip(("f1", "f2"), GCM, strict=True):
        presents(trace, flow, ciphers=suite)
        trace.see(FlowClosed("device", "rst"), flow=flow, edge="primary", direction=IN)
    judgement = trace.fails("tls.takes-one-alone", "tls-no-gcm-alone", suites=GCM)
    assert judgement.findings[0].observed == f"offered and not taken: {', '.join(GCM)}"


def test_none_of_the_gcm_suites_is_offered(trace: Trace) -> None:
    says_hello(trace, cipher_suites=(0xC027,))
    judgement = trace.fails("tls.takes-one-alone", "tls-no-gcm-alone", suites=GCM)
    assert judgement.findings[0].observed == "the device offers none of them"
