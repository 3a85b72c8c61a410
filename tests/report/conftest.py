"""A run as a judge makes it: a device with a good name and another that tries to be live wherever it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from certsuite.checks.reviews import with_reviews
from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    CaseFinished,
    CaseStarted,
    ClientHelloSeen,
    DigestChecked,
    DnsQuery,
    DriverAction,
    DtmfEvent,
    Event,
    Expectation,
    FlowClosed,
    FlowOpened,
    MediaClosed,
    MediaOpened,
    MediaWindow,
    SegmentClosed,
    SegmentOpened,
    SipMessageSeen,
    StateReached,
    TlsAlert,
    TlsEstablished,
    TlsFailed,
    TlsPresented,
)
from certsuite.core.findings import Evidence, Finding, Measurement, Subject
from certsuite.core.journal import Journal
from certsuite.core.results import CaseResult, RequirementResult, RunResult, outcome_of
from certsuite.core.verdicts import Level, Mark, Verdict
from certsuite.evidence.record import Record

HOSTILE = (
    "<script>document.title='pwned'</script><img src=x onerror=alert(1)>\"'&]]>\x1b[31mred\x1b]0;title\x07\x00"
    "[bold red]markup[/] \u202egnp.exe\u2066 \ufffe\U000e0041 {{7*7}}\r\n::error::" + "A" * 60_000
)


@dataclass(frozen=True)
class Info:
    """A requirement as the catalogue tells it."""

    title: str
    level: Level
    mark: Mark
    source: str
    not_tested: str = ""


@dataclass(frozen=True)
class Run:
    """Everything that reports are made from."""

    result: RunResult
    record: Record
    titles: dict[str, Info]

    def with_cases(self, *cases: CaseResult) -> Run:
        """The same run with other cases, the outcome following from them."""
        planned = tuple((case.id, case.variant) for case in cases)
        outcome, exit_code = outcome_of(cases, len(planned), full_plan=True, interrupted=False)
        return replace(
            self, result=replace(self.result, cases=cases, planned=planned, outcome=outcome, exit_code=exit_code)
        )


class FixedClock:
    """A clock that moves 20 ms with each reading."""

    def __init__(self) -> None:
        self._ns = 5_000_000_000

    def monotonic_ns(self) -> int:
        self._ns += 20_000_000
        return self._ns

    def utc(self) -> float:
        return 1_795_292_100.0 + self._ns / 1e9


class Scene:
    """Writes a record the way a bench does."""

    def __init__(self, agent: str) -> None:
        self.agent = agent
        self.journal = Journal(FixedClock())
        self.see(
            SegmentOpened(
                run="2026-11-21T20-15-00Z-acme",
                suite_version="0.1.0",
                tools={"Python": "3.11.2", "OpenSSL": "3.5.0"},
                plan="full",
                planned=(),
                full_plan=True,
                catalogue_hash="c" * 64,
                profile_hash="d" * 64,
                plan_hash="e" * 64,
                device={},
                clock_utc="2026-11-21T20:15:00.000000Z",
                clock_mono_ns=0,
            )
        )

    def see(self, event: Event, **place: object) -> int:
        return self.journal.record(event, **place).seq  # type: ignore[arg-type]

    def begin(self, case_id: str, title: str) -> int:
        self.journal.case = case_id
        return self.see(CaseStarted(title, "mandatory", "primary", ()))

    def end(self) -> int:
        return self.see(CaseFinished(0.6, 0.5))

    def sip(self, text: str, direction: str, *, flow: str, edge: str, body: str = "") -> None:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        raw = text.replace("\n", "\r\n") + f"\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        frame = self.journal.next_seq + 100
        self.see(
            SipMessageSeen(raw.encode("utf-8", "surrogatepass")),
            flow=flow,
            edge=edge,
            direction=direction,
            frame=frame,
            line=1,
        )

    def discovers(self) -> None:
        answers = ("0 100 8934 edge1.lab.example.", "10 100 8934 edge2.lab.example.")
        name = "_sips._tcp.hs17.hosted-lab.example."
        self.see(DnsQuery("udp", "127.0.0.9:41000", name, "SRV", "NOERROR", answers), direction="in")
        self.see(DnsQuery("udp", "127.0.0.9:41000", "edge1.lab.example.", "A", "NOERROR", ("127.4.2.1",)))

    def connects(self, flow: str, edge: str, presentation: str, *, refused: bool = False) -> None:
        self.see(FlowOpened("127.4.2.1:8934", "127.0.0.9:50112", "device", "sip-tls"), flow=flow, edge=edge)
        versions = ("TLSv1.3", "TLSv1.2")
        self.see(
            ClientHelloSeen(b"\x01", "TLSv1.2", versions, tuple(range(31)), "edge1.lab.example"),
            flow=flow,
            edge=edge,
            direction="in",
        )
        self.see(TlsPresented(presentation, ("TLSv1.2",)), flow=flow, edge=edge, direction="out")
        if refused:
            self.see(TlsAlert(2, 48, "unknown_ca"), flow=flow, edge=edge, direction="in")
            self.see(TlsFailed("tlsv1 alert unknown ca"), flow=flow, edge=edge)
            self.see(FlowClosed("device", "fin"), flow=flow, edge=edge)
        else:
            self.see(TlsEstablished("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384"), flow=flow, edge=edge)

    def registers(self, flow: str, edge: str) -> None:
        head = f"CSeq: %d REGISTER\nCall-ID: 8f3a\nUser-Agent: {self.agent}"
        start = "REGISTER sip:98079822.lab.example SIP/2.0\n"
        self.sip(start + head % 1, "in", flow=flow, edge=edge)
        self.sip("SIP/2.0 401 Unauthorized\nCSeq:1 REGISTER\nCall-ID:8f3a", "out", flow=flow, edge=edge)
        self.sip(start + head % 2, "in", flow=flow, edge=edge)
        self.see(DigestChecked("REGISTER", "4085550101", "BroadWorks", True, True, True), flow=flow, edge=edge)
        self.sip("SIP/2.0 200 OK\nCSeq:2 REGISTER\nCall-ID:8f3a", "out", flow=flow, edge=edge)
        self.see(BindingChanged("sip:i6i1ar1v29@98079822.lab.example", "sip:x@127.0.0.9", 120), flow=flow, edge=edge)

    def calls(self, flow: str, edge: str) -> None:
        call = "SSE2042-1@127.4.2.1"
        head = f"CSeq:%s\nCall-ID:{call}"
        invite = "INVITE sip:x@127.0.0.9:50112;transport=tls SIP/2.0\n" + head % "9 INVITE"
        self.sip(invite, "out", flow=flow, edge=edge, body="v=0\r\n")
        self.sip("SIP/2.0 180 Ringing\n" + head % "9 INVITE", "in", flow=flow, edge=edge)
        self.see(DriverAction("answer", {"line": "1"}, True))
        self.sip("SIP/2.0 200 OK\n" + head % "9 INVITE", "in", flow=flow, edge=edge, body="v=0\r\n")
        self.sip("ACK sip:x@127.0.0.9 SIP/2.0\n" + head % "9 ACK", "out", flow=flow, edge=edge)
        local, remote = "127.4.2.1:19560", "127.0.0.9:4000"
        self.see(MediaOpened(call, local, remote, "PCMA/8000", "AES_CM_128_HMAC_SHA1_80", 8, 101), flow=flow)
        for tone in (0.0, 1004.0, 996.0, 1001.0, 1003.0):
            self.see(MediaWindow(call, 1.0, 50, 0, 0, 0, remote, 7, tone, -12.0, 0.98, 440.0, 50), flow=flow, edge=edge)
        self.see(DtmfEvent(call, "5", 160.0, 3, 11, 10), flow=flow, edge=edge)
        self.sip("BYE sip:x@127.0.0.9 SIP/2.0\n" + head % "10 BYE", "out", flow=flow, edge=edge)
        self.sip("SIP/2.0 200 OK\n" + head % "10 BYE", "in", flow=flow, edge=edge)
        self.see(MediaClosed(call, 250, 250, 0, 0, 1.2), flow=flow, edge=edge)


def make_run(text: str = "") -> Run:
    """A run of a device that does wrong in every way; ``text`` stands wherever a device's string can."""
    agent = text or "Acme T1/2.4.1 00:11:22:33:44:55"
    scene = Scene(agent)
    spans: dict[str, tuple[int, int]] = {}

    def play(case_id: str, title: str, *steps: Callable[[], object]) -> None:
        first = scene.begin(case_id, title)
        for step in steps:
            step()
        scene.see(Expectation("tls.refuses", "TLS-VERIFY-CHAIN", first, scene.journal.next_seq))
        spans[case_id] = (first, scene.end())

    play(
        "WXC-TLS-040",
        "A server with an unknown root is refused",
        lambda: scene.see(BenchChanged("edge primary", text or "presents unknown-root")),
        scene.discovers,
        lambda: scene.connects("f1", "primary", "unknown-root"),
        lambda: scene.registers("f1", "primary"),
    )
    play(
        "WXC-TLS-010",
        "A TLS 1.2 handshake completes",
        lambda: scene.connects("f2", "primary", "other-root", refused=True),
        lambda: scene.connects("f3", "secondary", "good"),
        lambda: scene.see(StateReached("registered", "retry", 4.2)),
    )
    play("WXC-CALL-060", "An incoming call carries audio both ways", lambda: scene.calls("f3", "secondary"))
    scene.journal.case = ""
    scene.see(SegmentClosed(complete=True, wall_s=44.0, waited_s=43.1))

    def one(
        case_id: str,
        title: str,
        verdict: Verdict,
        requirement: str,
        *,
        level: Level = Level.MANDATORY,
        mark: Mark = Mark.PRIMARY,
        variant: str = "",
        reason: str = "",
        explained_by: str = "",
        findings: tuple[Finding, ...] = (),
        measurements: tuple[Measurement, ...] = (),
        restarts: int = 0,
        claimed: bool = True,
    ) -> CaseResult:
        first, last = spans.get(case_id, (0, 0))
        return CaseResult(
            id=case_id,
            variant=variant,
            title=title,
            level=level,
            mark=mark,
            requirements=(RequirementResult(requirement, level, mark, verdict),),
            verdict=verdict,
            reason=reason,
            reason_code="state-not-reached" if reason else "",
            explained_by=explained_by,
            restarts=restarts,
            started="2026-11-21T20:15:07.100000Z",
            duration_s=0.0 if verdict is Verdict.NOT_APPLICABLE else 4.2,
            waited_on_device_s=0.0 if verdict is Verdict.NOT_APPLICABLE else 4.1,
            findings=findings,
            measurements=measurements,
            first_seq=first,
            last_seq=last,
            claimed=claimed,
        )

    def finding(name: str, requirement: str, observed: str, expected: str, hint: str = "", **more: object) -> Finding:
        return Finding(name, text or observed, text or expected, requirement, hint=text or hint, **more)  # type: ignore[arg-type]

    accepted = finding(
        "tls-accepted-unknown-root",
        "TLS-VERIFY-CHAIN",
        "the device finished the handshake and sent REGISTER to a server whose chain ends in an unknown root",
        "a fatal alert such as unknown_ca, and no SIP",
        "Switch on verification of the server's certificate in the device's SIP TLS settings.",
        subject=Subject(1, "f1", "8f3a"),
        evidence=(Evidence(spans["WXC-TLS-040"][0] + 7, 131), Evidence(spans["WXC-TLS-040"][0] + 9, 133)),
    )
    slow = finding(
        "failover-late",
        "FO-SECONDARY",
        "the secondary was used 71.4 s after the primary refused",
        "the secondary is used in time",
        "Shorten the device's connection timeout.",
        limit=60.0,
        unit="s",
    )
    anonymous = finding(
        "user-agent-unspecific",
        "ID-UA",
        "User-Agent: sip/1.0",
        "make and model as in the profile: Acme T1",
        "Set the User-Agent in the firmware's SIP settings.",
    )
    cases = (
        one("WXC-TLS-010", "A TLS 1.2 handshake completes", Verdict.PASS, "TLS-1.2"),
        one(
            "WXC-TLS-040",
            "A server whose chain ends in an unknown root is refused",
            Verdict.FAIL,
            "TLS-VERIFY-CHAIN",
            mark=Mark.INFERRED,
            findings=(accepted,),
        ),
        one(
            "WXC-TLS-050",
            "A server with another host's certificate is refused",
            Verdict.INCONCLUSIVE,
            "TLS-VERIFY-NAME",
            mark=Mark.SECONDARY,
            variant="rsa",
            reason=text or "The device accepts any certificate, so its choice by name cannot be seen.",
            explained_by="WXC-TLS-040",
        ),
        one("WXC-DNS-010", "The SRV record of the outbound proxy is asked for", Verdict.PASS, "DNS-SRV"),
        one(
            "WXC-FO-010",
            "The secondary is used when the primary refuses connections",
            Verdict.WARN,
            "FO-SECONDARY",
            mark=Mark.INFERRED,
            findings=(slow,),
            measurements=(Measurement("failover_time", 71.4, "s", 60.0), Measurement("attempts", 3.0, "")),
            restarts=1,
        ),
        one(
            "WXC-ID-010", "Make and model are named", Verdict.FAIL, "ID-UA", level=Level.EXPECTED, findings=(anonymous,)
        ),
        one("WXC-PW-010", "Password characters survive", Verdict.PASS, "PW-ALPHABET", mark=Mark.SECONDARY),
        one(
            "WXC-CALL-060",
            "An incoming call is answered and carries audio both ways",
            Verdict.PASS,
            "CALL-TERM",
            measurements=(Measurement("post_dial_delay", 0.34, "s", 12.0), Measurement("loss", 0.0, "%", 1.0)),
        ),
        one(
            "WXC-CALL-090",
            "A call is held and resumed",
            Verdict.NEEDS_REVIEW,
            "CALL-HOLD",
            level=Level.CONDITIONAL,
            reason=text or "Music on hold was heard; a person must say whether it is the device's.",
        ),
        one(
            "WXC-CALL-120",
            "A call is transferred",
            Verdict.NOT_APPLICABLE,
            "CALL-XFER",
            level=Level.CONDITIONAL,
            reason="The profile does not claim blind_transfer.",
            claimed=False,
        ),
        one("WXC-CALL-130", "A conference of three is mixed", Verdict.ERROR, "CALL-CONF", reason=text or "IndexError"),
    )
    outcome, exit_code = outcome_of(cases, len(cases), full_plan=True, interrupted=False)
    device = {"vendor": "Acme", "model": "T1", "firmware": "2.4.1", "kind": "phone", "profile": "acme-t1"}
    result = RunResult(
        run="2026-11-21T20-15-00Z-acme",
        suite_version="0.1.0",
        tools={"Python": "3.11.2", "OpenSSL": "3.5.0", "libsrtp": "2.7.0"},
        complete=True,
        interrupted=False,
        outcome=outcome,
        exit_code=exit_code,
        plan="full",
        planned=tuple((case.id, case.variant) for case in cases),
        full_plan=True,
        time_scale=1.0,
        plan_hash="e" * 64,
        catalogue_hash="c" * 64,
        profile_hash="d" * 64,
        started="2026-11-21T20:15:00.000000Z",
        finished="2026-11-21T20:15:44.000000Z",
        device={key: text or value for key, value in device.items()},
        user_agents_seen=(agent,),
        control_hub="Partner Managed Phone - Acme Phone",
        cases=cases,
        fault=text,
        bench=text,
        wall_s=44.0,
        waited_s=43.1,
        measurements=(Measurement("loop_lag_max", 1.4, "ms"),),
    )
    source = "https://help.webex.com/1mh2m9"
    titles = {
        "TLS-1.2": Info("TLS 1.2 is supported", Level.MANDATORY, Mark.PRIMARY, source),
        "TLS-VERIFY-CHAIN": Info(
            "A server whose chain is not trusted is refused", Level.MANDATORY, Mark.INFERRED, source
        ),
        "DNS-SRV": Info("The edge is found by SRV", Level.MANDATORY, Mark.PRIMARY, "RFC 3263 section 4.1"),
        "ID-UA": Info("User-Agent names make and model", Level.EXPECTED, Mark.PRIMARY, source),
    }
    return Run(result, Record(tuple(scene.journal.since(0))), titles)


@pytest.fixture
def run() -> Run:
    """A run with every verdict, of a device with an ordinary name."""
    return make_run()


@pytest.fixture
def hostile_run() -> Run:
    """The same of a device whose every string tries to be live where it is shown."""
    return make_run(HOSTILE)


@pytest.fixture
def hostile_text() -> str:
    """What the hostile device says."""
    return HOSTILE


@pytest.fixture
def reviewed_run(run: Run) -> Run:
    """The same after a person settled what needed a review."""
    review = {
        "kind": "review",
        "case": "WXC-CALL-090",
        "variant": "",
        "verdict": "pass",
        "by": "A. <b>Person",
        "at": "2026-11-22T08:00:00.000000Z",
        "evidence": "evidence/reviews/0123456789abcdef.jpg",
        "sha256": "0123456789abcdef" * 4,
    }
    return replace(run, result=with_reviews(run.result, [{**review, "verdict": "fail", "by": "B. First"}, review]))
