"""For every check a small record on which it passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    ClientHelloSeen,
    CredentialsAudited,
    DigestChecked,
    DnsQuery,
    DriverAction,
    DtmfEvent,
    FlowClosed,
    MediaOpened,
    MediaWindow,
    Note,
    RootProbeAnswer,
    TargetsWalked,
    TlsEstablished,
    TlsPresented,
)
from certsuite.core.observations import IN, OUT
from tests.checks.good_calls import GOOD_CALLS
from tests.checks.good_connection import GOOD_CONNECTION
from tests.checks.good_dns import GOOD_DNS
from tests.checks.good_identity import GOOD_IDENTITY
from tests.checks.good_media import GOOD_MEDIA
from tests.checks.good_provisioning import GOOD_PROVISIONING
from tests.checks.good_pstn import GOOD_PSTN
from tests.checks.good_registration import GOOD_REGISTRATION
from tests.checks.good_subscriptions import GOOD_SUBSCRIPTIONS
from tests.checks.good_transfers import GOOD_TRANSFERS

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

PROXY = "hs17.lab.example"
CALL = "SSE1-1@127.9.0.1"
SUITE = "AES_CM_128_HMAC_SHA1_80"


@dataclass(frozen=True)
class Good:
    """A record on which a check passes, and the parameters that it is asked with."""

    record: Callable[[Trace], object]
    params: dict[str, Any]


GOOD: dict[str, Good] = {}


def good(check: str, **params: Any) -> Callable[[Callable[[Trace], object]], Callable[[Trace], object]]:
    def decorate(record: Callable[[Trace], object]) -> Callable[[Trace], object]:
        GOOD[check] = Good(record, params)
        return record

    return decorate


def handshake(trace: Trace, presentation: str = "good") -> None:
    trace.connects()
    trace.see(TlsPresented(presentation, ("TLSv1.2",)), flow="f1", edge="primary", direction=OUT)


def binds(trace: Trace, edge: str = "primary", flow: str = "f1") -> None:
    trace.see(BindingChanged("sip:a@x", "sip:a@y", 60), flow=flow, edge=edge, line=1)


@good("dns.asks-sips-srv", outbound_proxy=PROXY)
def asks(trace: Trace) -> None:
    trace.see(DnsQuery("udp", "127.9.0.9:1", f"{PROXY}.", "NAPTR", "NOERROR", ()))
    trace.see(DnsQuery("udp", "127.9.0.9:1", f"_sips._tcp.{PROXY}.", "SRV", "NOERROR", ()))


for own in (
    GOOD_CALLS,
    GOOD_CONNECTION,
    GOOD_DNS,
    GOOD_IDENTITY,
    GOOD_MEDIA,
    GOOD_PSTN,
    GOOD_PROVISIONING,
    GOOD_REGISTRATION,
    GOOD_SUBSCRIPTIONS,
    GOOD_TRANSFERS,
):
    GOOD.update({check: Good(record, params) for check, (record, params) in own.items()})


@good("net.no-cleartext")
@good("flow.opened", edge="primary")
@good("dns.lowest-priority-first", edge="primary")
@good("dns.uses-srv-port", port=8934)
def connects(trace: Trace) -> None:
    trace.connects()


@good("tls.trusts", presentation="good")
@good("tls.completes", version="TLSv1.2")
def establishes(trace: Trace) -> None:
    handshake(trace)
    trace.see(TlsEstablished("TLSv1.2", "x"), flow="f1", edge="primary", direction=IN)
    trace.request("REGISTER")


@good("tls.accepts", edge="primary", presentation="rsa-3072", finding="x", what="a chain", hint="h")
@good("tls.accepts-or-refuses", edge="primary", presentation="rsa-3072", what="a chain")
def accepts(trace: Trace) -> None:
    handshake(trace, "rsa-3072")
    trace.request("REGISTER")


@good("walk.measured")
def walks(trace: Trace) -> None:
    trace.connects()
    trace.see(TargetsWalked(("expired",), ("expired",), "one answer", 2, 1, 0.5))


@good("tls.refuses", edge="primary", presentation="unknown-root", finding="x", what="a chain", hint="h")
def refuses(trace: Trace) -> None:
    handshake(trace, "unknown-root")
    trace.see(ClientHelloSeen(b"\1", "TLSv1.2", ("TLSv1.2",), (1,)), flow="f1", edge="primary", direction=IN)
    trace.see(FlowClosed("device", "fin"), flow="f1", edge="primary")


GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
NEGOTIATES = {"versions": ["TLSv1.2"], "measures": "m", "what": "offers x", "finding": "x", "hint": "h"}


@good("tls.offers-aead", suites=[GCM])
@good("tls.offers-nothing-weak")
@good("tls.offers-extended-master-secret")
@good("tls.offers-secure-renegotiation")
@good("tls.offers-signature-algorithms")
@good("tls.offers-common-group")
@good("tls.sends-server-name", names=[PROXY])
def offers(trace: Trace) -> None:
    trace.connects()
    hello = ClientHelloSeen(
        b"\1",
        "TLSv1.2",
        ("TLSv1.3", "TLSv1.2"),
        (0xC02F, 0x00FF),
        server_name=PROXY,
        groups=(29, 23),
        signature_algorithms=(0x0401,),
        extensions=(0, 23, 10, 13),
    )
    trace.see(hello, flow="f1", edge="primary", direction=IN)


@good("tls.negotiates", **NEGOTIATES)
@good("tls.suite-alone", suite=GCM)
@good("tls.takes-one-alone", suites=[GCM])
def takes_a_suite_alone(trace: Trace) -> None:
    offers(trace)
    trace.see(TlsPresented("good", ("TLSv1.2",), GCM), flow="f1", edge="primary", direction=OUT)
    trace.see(TlsEstablished("TLSv1.2", GCM), flow="f1", edge="primary", direction=IN)
    trace.request("REGISTER")


SO = {"edge": "primary", "manner": "odd"}


def odd_handshake(trace: Trace) -> None:
    offers(trace)
    trace.see(TlsPresented("good", ("TLSv1.2",), manner="odd"), flow="f1", edge="primary", direction=OUT)


@good("tls.completes-so", **SO, finding="x", what="is odd", hint="h")
def completes_an_odd_handshake(trace: Trace) -> None:
    odd_handshake(trace)
    trace.see(TlsEstablished("TLSv1.2", GCM), flow="f1", edge="primary", direction=IN)
    trace.request("REGISTER")


@good("tls.is-not-followed", **SO, offering=["TLSv1.3"], finding="x", what="lies", hint="h")
@good("tls.is-broken-off", **SO)
@good("tls.gives-up-stalled", **SO)
def ends_an_odd_handshake(trace: Trace) -> None:
    odd_handshake(trace)
    trace.see(FlowClosed("device", "fin"), flow="f1", edge="primary", direction=IN)


@good("tls.resumption")
def resumes_a_session(trace: Trace) -> None:
    offers(trace)
    trace.see(TlsEstablished("TLSv1.2", GCM, resumed=True), flow="f1", edge="primary", direction=IN)


@good("tls.comes-back")
def comes_back(trace: Trace) -> None:
    odd_handshake(trace)
    trace.see(FlowClosed("bench", "fin"), flow="f1", edge="primary", direction=OUT)
    binds(trace, "secondary")


@good("tls.comes-with-its-clock", lines=1)
def comes_with_its_clock(trace: Trace) -> None:
    trace.see(BenchChanged("clock", "1970"))
    odd_handshake(trace)
    trace.see(BenchChanged("clock", "right"))
    binds(trace, "secondary")


@good("trust.root", root="AB", name="Root", modes=["spoof TLSv1.2"], rounds=1, store="system", chain="none")
def answers_a_root_probe(trace: Trace) -> None:
    for role, alert in (("unknown", 48), ("trusted", 51), ("probed", 51)):
        trace.see(RootProbeAnswer("AB", "spoof", "TLSv1.2", role, 0, "alert", alert), flow="f1", edge="root-probe")


@good("reg.auth-user")
@good("reg.digest")
def answers_the_challenge(trace: Trace) -> None:
    trace.request("REGISTER")
    trace.answer(401, "Unauthorized", OUT, method="REGISTER")
    trace.request("REGISTER")
    trace.see(DigestChecked("REGISTER", "4085550100", "BroadWorks", True, True, True), flow="f1", line=1)


@good("pw.characters", characters="!@")
@good("reg.registers", edge="primary")
def registers(trace: Trace) -> None:
    binds(trace)


@good("reg.refreshes", lines=1)
def refreshes(trace: Trace) -> None:
    binds(trace)
    trace.after(30)
    binds(trace)
    trace.after(31).see(Note("60 s are over"))


@good("fo.uses-secondary")
def fails_over(trace: Trace) -> None:
    trace.see(FlowClosed("bench", "rst"), flow="f1", edge="primary")
    trace.after(5)
    binds(trace, "secondary")


def fails(trace: Trace, phase: str = "silent") -> None:
    detail = {"failure": "answers nothing", "cut": True, "bound": {"1": ["primary", "f1"]}}
    trace.see(BenchChanged("primary edge", phase, detail), edge="primary")


@good("fo.moves-on", phase="silent", lines=1)
def moves_on(trace: Trace) -> None:
    fails(trace)
    trace.after(5)
    trace.connects("f2", "secondary")
    binds(trace, "secondary", "f2")


@good("fo.recovers", phase="silent", lines=1)
@good("fo.settles-down", phase="silent", lines=1, until="9 s have passed")
@good("fo.old-binding")
def goes_and_comes_back(trace: Trace) -> None:
    moves_on(trace)
    trace.after(5).see(BenchChanged("primary edge", "good", {}), edge="primary")
    trace.after(5)
    binds(trace, "primary", "f3")
    trace.see(Note("9 s have passed"))


@good("fo.saves", phase="silent", method="BYE")
def saves_bye(trace: Trace) -> None:
    fails(trace)
    trace.request("BYE", to_tag="1")
    trace.after(5).request("BYE", to_tag="1", flow="f2", edge="secondary")
    trace.answer(200, direction=OUT, method="BYE", flow="f2", edge="secondary")


@good("fo.is-patient", phase="silent", lines=1)
def tries_now_and_then(trace: Trace) -> None:
    fails(trace)
    for _ in range(3):
        trace.after(4).connects("f2")


@good("fo.call-from-secondary")
def is_called_from_elsewhere(trace: Trace) -> None:
    trace.request("INVITE", OUT, flow="f2", edge="secondary")
    trace.answer(180, flow="f2", edge="secondary")


@good("fo.returns-to-primary", granted_s=60)
def fails_back(trace: Trace) -> None:
    trace.see(BenchChanged("primary edge", "good", {}), edge="primary")
    trace.after(50)
    binds(trace)


@good("ua.names-make-and-model", make="Acme", model="Phone", methods=["REGISTER", "INVITE"])
@good("ua.as-profile", user_agent="^Acme Phone")
@good("sip.no-sips-uri")
def sends_messages(trace: Trace) -> None:
    trace.request("REGISTER")
    trace.request("INVITE")


@good("pw.policy")
def supplies(trace: Trace) -> None:
    trace.see(CredentialsAudited((1,), (12,), ((),), ((),)))


@good("call.rings")
def rings(trace: Trace) -> None:
    trace.request("INVITE", OUT)
    trace.after(1).answer(180)


@good("call.is-answered")
def answers(trace: Trace) -> None:
    rings(trace)
    trace.after(1).answer(200, body=trace.sdp())


@good("call.is-refused")
def refuses_the_offer(trace: Trace) -> None:
    rings(trace)
    trace.after(1).answer(488)


@good("call.offers-srtp")
@good("call.is-placed", number="2000")
def dials(trace: Trace) -> None:
    trace.see(DriverAction("dial", {"number": "2000"}, ok=True))
    trace.request("INVITE", body=trace.sdp())


@good("call.answers-challenge")
def answers_the_second_challenge(trace: Trace) -> None:
    trace.request("INVITE", body=trace.sdp())
    trace.answer(407, "", OUT)
    trace.request("INVITE", body=trace.sdp())
    trace.see(DigestChecked("INVITE", "4085550100", "BroadWorks", True, True, True), flow="f1", line=1)


@good("call.is-acknowledged")
def acknowledges(trace: Trace) -> None:
    trace.answer(200, "OK", OUT)
    trace.request("ACK")


@good("call.ends")
def ends(trace: Trace) -> None:
    trace.request("BYE", OUT)
    trace.answer(200, method="BYE")


@good("call.is-held")
def holds(trace: Trace) -> None:
    trace.request("INVITE", body=trace.sdp())
    trace.see(DriverAction("hold", {}, ok=True))
    trace.request("INVITE", to_tag="1", body=trace.sdp(direction="sendonly"))


@good("call.is-resumed")
def resumes(trace: Trace) -> None:
    holds(trace)
    trace.request("INVITE", to_tag="1", body=trace.sdp())


def window(trace: Trace, tone: float, sent: float = 0.0) -> None:
    trace.after(0.2).see(
        MediaWindow(CALL, 0.2, 10, 0, 0, 0, "127.9.0.9:4000", 1, tone, -10.0, 0.9, sent, 10), flow="f1"
    )


@good("media.srtp")
@good("media.audio-both-ways", tones=[700, 1100])
def hears(trace: Trace) -> None:
    trace.see(MediaOpened(CALL, "127.9.0.1:2", "127.9.0.9:4000", "PCMA/8000", SUITE, 8, 101), flow="f1")
    window(trace, 0.0, 700.0)
    window(trace, 700.0, 700.0)
    window(trace, 1100.0, 1100.0)


@good("media.dtmf", digits="5#")
def presses(trace: Trace) -> None:
    for digit in "5#":
        trace.after(0.2).see(DtmfEvent(CALL, digit, 100.0, 3, 8), flow="f1")
