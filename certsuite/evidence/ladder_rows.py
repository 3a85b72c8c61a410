"""What a ladder shows: the observations of a case as rows, each an arrow between two participants or a note.

What repeats is condensed (media windows that say the same are one arrow), and every text is safe to show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatchmethod

from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    CaseBlocked,
    CaseFinished,
    CaseStarted,
    Cleartext,
    ClientHelloSeen,
    ClientKeyExchangeSeen,
    ConfigDelivered,
    ConnectionAttempt,
    DeviceExited,
    DeviceStarted,
    DigestChecked,
    DnsGarbage,
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
    Note,
    ProvisioningAnswer,
    ProvisioningRequest,
    RootProbeAnswer,
    RtcpSeen,
    SegmentOpened,
    SipGarbage,
    SipKeepAlive,
    SipMessageSeen,
    StateNotReached,
    StateReached,
    SubscriptionChanged,
    TlsAlert,
    TlsEstablished,
    TlsFailed,
    TlsPresented,
    ToolError,
)
from certsuite.core.observations import IN, OUT, Observation
from certsuite.core.redaction import printable
from certsuite.evidence.sip_text import message_text
from certsuite.sip import message as sip

DEVICE = "Device"
DNS = "DNS"
MEDIA = "Far end (media)"
BENCH = "Bench"

_TONE_STEP_HZ = 40
"Tones that differ by less are the same: a measured tone is never quite the one that was sent."
_FATAL = 2
_WORTH_TELLING_S = 0.06
"Three packets could have come in this time: silence that is shorter is none."
_ON_THE_WIRE = (DnsQuery, FlowOpened, ClientHelloSeen, TlsAlert, SipMessageSeen, Cleartext, MediaWindow, DtmfEvent)
_SHOWN_ANSWERS = 3
_SHOWN_AT_EACH_END = 1000
"Observations at the beginning and the end of a long span that become rows: no ladder has room for those between."


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a ladder."""

    t: float
    "Seconds since the first row of the same segment."
    seq: int
    text: str
    source: str = ""
    "Participant where an arrow starts; empty for a note."
    target: str = ""
    tone: str = "plain"
    "``plain``, ``quiet``, ``good``, ``bad``, ``media``, ``action`` or ``mark``."
    merge_key: tuple[object, ...] = ()
    "Rows that follow one another with the same key are one; empty if it stands alone."
    packets: int = 0


@dataclass(slots=True)
class _Writer:
    """Turns observations into rows one by one, keeping what later ones need: flows, edges, media."""

    rows: list[Row] = field(default_factory=list)
    edge_of_flow: dict[str, str] = field(default_factory=dict)
    media: dict[str, MediaOpened] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    "Numbers of the calls, by Call-ID."
    sent: set[tuple[str | None, str | None, bytes]] = field(default_factory=set)
    segment: int = -1
    base_t: float = 0.0
    now: Observation | None = None

    def take(self, observation: Observation) -> None:
        resumed = observation.segment != self.segment >= 0
        self._remember(observation)
        self.now = observation
        if resumed:
            self.note("the run was resumed by another process; times start again", "action")
        # A flow whose name begins so is another program's: that it came is told, and no more of it.
        if isinstance(observation.event, FlowOpened) or not (observation.flow or "").startswith("x"):
            # Looked up by class: the method would be made anew for each of many thousand observations.
            _showing(type(observation.event))(self, observation.event)

    def pass_over(self, observations: Sequence[Observation]) -> None:
        """Say that these are not shown, and keep what later ones need."""
        if not observations:
            return
        self.note(left_out(observations[0].seq, observations[-1].seq))
        for observation in observations:
            self._remember(observation)

    def _remember(self, observation: Observation) -> None:
        if observation.segment != self.segment:
            self.segment, self.base_t = observation.segment, observation.t
        if observation.flow is not None and observation.edge:
            self.edge_of_flow.setdefault(observation.flow, observation.edge)
        if isinstance(observation.event, MediaOpened):
            self.media[observation.event.call_id] = observation.event

    # --- writing rows

    def arrow(self, source: str, target: str, text: str, tone: str = "plain") -> None:
        assert self.now is not None
        self.rows.append(Row(self.now.t - self.base_t, self.now.seq, text, source, target, tone))

    def note(self, text: str, tone: str = "quiet") -> None:
        self.arrow("", "", text, tone)

    def directed(self, text: str, tone: str = "plain") -> None:
        """An arrow between device and edge, as the observation's direction says."""
        assert self.now is not None
        if self.now.direction == OUT:
            self.arrow(self.edge, DEVICE, text, tone)
        else:
            self.arrow(DEVICE, self.edge, text, tone)

    def merge(self, source: str, target: str, text: str, tone: str, key: tuple[object, ...], packets: int) -> None:
        """An arrow that joins the latest one of the same kind, if there was nothing new between them."""
        assert self.now is not None
        for place in range(len(self.rows) - 1, -1, -1):
            row = self.rows[place]
            if not row.merge_key:
                break
            if row.merge_key == key:
                self.rows[place] = replace(row, packets=row.packets + packets)
                return
            if row.merge_key[:3] == key[:3]:  # the same stream, in another way than before
                break
        self.rows.append(Row(self.now.t - self.base_t, self.now.seq, text, source, target, tone, key, packets))

    @property
    def edge(self) -> str:
        """The edge that the current observation belongs to."""
        assert self.now is not None
        return self.now.edge or self.edge_of_flow.get(self.now.flow or "", BENCH)

    # --- the events

    @singledispatchmethod
    def show(self, event: Event) -> None:
        """An event that a ladder has no sign for is left out."""

    @show.register
    def _(self, event: SegmentOpened) -> None:
        if event.time_scale != 1.0:
            self.note(f"time is scaled by {event.time_scale:g}")

    @show.register
    def _(self, event: CaseStarted) -> None:
        assert self.now is not None
        variant = f"[{self.now.variant}]" if self.now.variant else ""
        self.note(f"case {self.now.case}{variant} begins", "mark")

    @show.register
    def _(self, event: CaseFinished) -> None:
        assert self.now is not None
        self.note(f"case {self.now.case} ends", "mark")

    @show.register
    def _(self, event: CaseBlocked) -> None:
        because = f" ({event.explained_by} says why)" if event.explained_by else ""
        self.note(f"cannot go on: {printable(event.reason)}{because}", "bad")

    @show.register
    def _(self, event: ToolError) -> None:
        self.note(f"the suite failed: {printable(event.text)}", "bad")

    @show.register
    def _(self, event: Expectation) -> None:
        self.note(f"expects {event.check}", "mark")

    @show.register
    def _(self, event: BenchChanged) -> None:
        self.note(f"bench: {printable(event.what)} is now {printable(event.behaviour)}", "action")

    @show.register
    def _(self, event: StateReached) -> None:
        self.note(f"state {event.state} reached by {event.means} in {event.took_s:.1f} s")

    @show.register
    def _(self, event: StateNotReached) -> None:
        self.note(f"state {event.state} not reached by {event.means}: {printable(event.cause)}", "bad")

    @show.register
    def _(self, event: ConfigDelivered) -> None:
        self.note(f"configuration delivered by {event.means}: {printable(', '.join(event.files))}", "action")

    @show.register
    def _(self, event: DeviceStarted) -> None:
        self.note("device started", "action")

    @show.register
    def _(self, event: DeviceExited) -> None:
        how = "was stopped" if event.asked else f"ended by itself (status {event.status})"
        self.note(f"device {how}", "action" if event.asked else "bad")

    @show.register
    def _(self, event: DriverAction) -> None:
        arguments = ", ".join(f"{name}={value}" for name, value in event.arguments.items())
        problem = "" if event.ok else f": {event.problem or 'failed'}"
        self.note(printable(f"device is told to {event.action} {arguments}".rstrip() + problem), _tone(event.ok))

    @show.register
    def _(self, event: DnsQuery) -> None:
        over = "" if event.transport == "udp" else f" over {event.transport.upper()}"
        self.arrow(DEVICE, DNS, printable(f"{event.type} {event.name}?{over}"))
        if not event.rcode:
            return
        answers = event.answers[:_SHOWN_ANSWERS]
        more = f" and {len(event.answers) - len(answers)} more" if len(event.answers) > len(answers) else ""
        text = f"{event.rcode} {'; '.join(answers)}{more}" if answers else f"{event.rcode}, no answer"
        text = f"{text} (truncated)" if event.truncated else text
        self.arrow(DNS, DEVICE, printable(text), "plain" if event.rcode == "NOERROR" else "bad")

    @show.register
    def _(self, event: DnsGarbage) -> None:
        self.arrow(DEVICE, DNS, f"no DNS question ({len(event.data)} bytes): {printable(event.problem)}", "bad")

    @show.register
    def _(self, event: FlowOpened) -> None:
        if event.owner == "foreign":
            self.note(f"a connection from {printable(event.remote)} is not the device's: never judged")
            return
        role = "" if event.port_role == "sip-tls" else f", {event.port_role}"
        self.arrow(DEVICE, self.edge, printable(f"TCP opens to {event.local} from {event.remote}{role}"), "quiet")

    @show.register
    def _(self, event: ConnectionAttempt) -> None:
        self.arrow(DEVICE, self.edge, printable(f"SYN to {event.local} from {event.remote}, {event.fate}"), "bad")

    @show.register
    def _(self, event: FlowClosed) -> None:
        text = printable(f"TCP closes ({event.how})")
        if event.by == "bench":
            self.arrow(self.edge, DEVICE, text, "quiet")
        elif event.by == "device":
            self.arrow(DEVICE, self.edge, text, "quiet")
        else:
            self.note(printable(f"connection with {self.edge} lost ({event.how})"), "bad")

    @show.register
    def _(self, event: ClientHelloSeen) -> None:
        versions = ", ".join(event.versions) or event.legacy_version
        server_name = f" · for {event.server_name}" if event.server_name else " · no server name"
        self.arrow(
            DEVICE,
            self.edge,
            printable(f"ClientHello · {versions}{server_name} · {len(event.cipher_suites)} cipher suites"),
        )

    @show.register
    def _(self, event: TlsPresented) -> None:
        versions = ", ".join(event.versions)
        manner = f" · {event.manner}" if event.manner else ""
        self.arrow(self.edge, DEVICE, printable(f"presents chain “{event.presentation}” · {versions}{manner}"), "quiet")

    @show.register
    def _(self, event: ClientKeyExchangeSeen) -> None:
        self.directed("ClientKeyExchange · goes on with the handshake")

    @show.register
    def _(self, event: TlsAlert) -> None:
        how = "fatal" if event.level == _FATAL else "warning"
        # close_notify ends every good session.
        tone = "quiet" if event.description == 0 else "bad"
        self.directed(printable(f"Alert {event.description} {event.name} ({how})"), tone)

    @show.register
    def _(self, event: RootProbeAnswer) -> None:
        what = event.answer if event.alert is None else f"{event.answer} {event.alert}"
        self.note(printable(f"answers {event.technique} {event.version}, {event.role} root: {what}"), "mark")

    @show.register
    def _(self, event: ProvisioningRequest) -> None:
        how = "" if event.credentials == "none" else f" · {event.credentials}"
        clear = "" if event.secure else " · without TLS"
        tone = "plain" if event.secure and not event.secrets_in else "bad"
        self.arrow(DEVICE, self.edge, printable(f"{event.method} {event.target}{how}{clear}"), tone)

    @show.register
    def _(self, event: ProvisioningAnswer) -> None:
        about = " · ".join(part for part in (event.location, event.fault) if part)
        text = f"{event.status} · {event.length} bytes" if event.status else "no answer"
        self.arrow(self.edge, DEVICE, printable(f"{text}{' · ' if about else ''}{about}"))

    @show.register
    def _(self, event: TlsEstablished) -> None:
        resumed = " · resumed" if event.resumed else ""
        self.arrow(self.edge, DEVICE, printable(f"TLS established · {event.version} · {event.cipher}{resumed}"), "good")

    @show.register
    def _(self, event: TlsFailed) -> None:
        self.note(printable(f"TLS with {self.edge} failed: {event.reason}"), "bad")

    @show.register
    def _(self, event: Cleartext) -> None:
        if event.owner == "device":
            text = f"{len(event.data)} bytes in the clear over {event.transport} from {event.source}"
            self.arrow(DEVICE, self.edge, printable(text), "bad")

    @show.register
    def _(self, event: SipMessageSeen) -> None:
        assert self.now is not None
        text, tone = message_text(event.raw)
        key = (self.now.flow, self.now.direction, event.raw)
        if key in self.sent:
            text += " · again"
        self.sent.add(key)
        self.directed(text + self._call(event.raw), tone)

    def _call(self, raw: bytes) -> str:
        """Which call of several a message belongs to; nothing of the first."""
        message = sip.read(raw)
        if message is None or not message.call_id:
            return ""
        if message.method == "INVITE":
            self.calls.setdefault(message.call_id, len(self.calls) + 1)
        number = self.calls.get(message.call_id, 1)
        return f" · call {number}" if number > 1 else ""

    @show.register
    def _(self, event: RtcpSeen) -> None:
        assert self.now is not None
        opened = self.media.get(event.call_id)
        clear = event.protection == "none" and opened is not None and opened.suite != "none"
        if clear and self.now.direction == IN:
            self.arrow(DEVICE, MEDIA, f"RTCP {printable('+'.join(event.kinds))} in the clear", "bad")

    @show.register
    def _(self, event: SipKeepAlive) -> None:
        assert self.now is not None
        ends = (self.edge, DEVICE) if self.now.direction == OUT else (DEVICE, self.edge)
        key = ("keep-alive", self.now.flow, self.now.direction, event.form)
        self.merge(*ends, f"CRLF {event.form}", "quiet", key, 1)

    @show.register
    def _(self, event: SipGarbage) -> None:
        self.directed(f"{event.length} bytes that are no SIP: {printable(event.problem)}", "bad")

    @show.register
    def _(self, event: DigestChecked) -> None:
        wrong = [
            part
            for part, right in (
                ("response", event.response_right),
                ("username", event.username_right),
                ("nonce", event.nonce_right),
            )
            if not right
        ]
        judged = f"wrong {', '.join(wrong)}" if wrong else "right"
        self.note(f"credentials for {printable(event.method)}: {judged}", "bad" if wrong else "quiet")

    @show.register
    def _(self, event: BindingChanged) -> None:
        text = f"bound for {event.granted_s} s" if event.granted_s else f"unbound ({event.why})"
        self.note(printable(f"{event.aor} {text}"))

    @show.register
    def _(self, event: SubscriptionChanged) -> None:
        what = f"granted {event.granted_s} s" if event.granted_s else f"gone ({event.why})"
        self.note(printable(f"subscription to {event.package} of {event.resource} {what}"), _tone(event.granted_s > 0))

    @show.register
    def _(self, event: MediaOpened) -> None:
        self.note(printable(f"media agreed: {event.codec} · {event.suite} · device receives at {event.remote}"))

    @show.register
    def _(self, event: MediaWindow) -> None:
        opened = self.media.get(event.call_id)
        codec = printable(opened.codec) if opened else "media"
        kind = "RTP" if opened and opened.suite == "none" else "SRTP"
        troubles = [
            text
            for count, text in (
                (event.auth_failures, "not authentic"),
                (event.cleartext, "in the clear"),
                (event.lost, "with loss"),
            )
            if count
        ]
        if event.packets or troubles:
            step = round(event.tone_hz / _TONE_STEP_HZ)
            heard = f"{step * _TONE_STEP_HZ} Hz heard" if step else "no tone"
            text = " · ".join([f"{kind} {codec}", heard, *troubles])
            key: tuple[object, ...] = ("media", event.call_id, IN, step, tuple(troubles))
            self.merge(DEVICE, MEDIA, text, "bad" if troubles else "media", key, event.packets)
        elif event.duration_s >= _WORTH_TELLING_S:
            key = ("media", event.call_id, IN, "silence")
            self.merge(DEVICE, MEDIA, f"no {kind} arrives", "bad", key, 0)
        if event.sent_packets:
            step = round(event.sent_tone_hz / _TONE_STEP_HZ)
            said = f"{event.sent_tone_hz:.0f} Hz sent" if step else "silence sent"
            key = ("media", event.call_id, OUT, step)
            self.merge(MEDIA, DEVICE, f"{kind} {codec} · {said}", "media", key, event.sent_packets)

    @show.register
    def _(self, event: DtmfEvent) -> None:
        text = f"DTMF {event.digit} · {event.duration_ms:.0f} ms · {event.end_packets} end packets"
        self.arrow(DEVICE, MEDIA, printable(text), "media")

    @show.register
    def _(self, event: MediaClosed) -> None:
        lost = f", {event.lost} lost" if event.lost else ""
        self.note(f"media ends: {event.received} packets received{lost}, {event.sent} sent")

    @show.register
    def _(self, event: Note) -> None:
        self.note(printable(event.text))


_showing = vars(_Writer)["show"].dispatcher.dispatch


def ladder_rows(observations: Sequence[Observation]) -> list[Row]:
    """The rows of a ladder, in the order in which things were seen; one stands for the middle of a long span."""
    writer = _Writer()
    begin, end = _SHOWN_AT_EACH_END, max(len(observations) - _SHOWN_AT_EACH_END, _SHOWN_AT_EACH_END)
    for observation in observations[:begin]:
        writer.take(observation)
    writer.pass_over(observations[begin:end])
    for observation in observations[end:]:
        writer.take(observation)
    return [_with_packets(row) for row in writer.rows]


def left_out(first_seq: int, last_seq: int) -> str:
    """What is said in the place of rows that are not shown."""
    return f"… left out here: numbers {first_seq} to {last_seq} of record.jsonl …"


def is_worth_a_ladder(observations: Iterable[Observation]) -> bool:
    """Whether anything crossed the wire that a ladder could show."""
    return any(isinstance(observation.event, _ON_THE_WIRE) for observation in observations)


def participants(rows: Sequence[Row]) -> list[str]:
    """Everyone that an arrow touches: the device first, then DNS, the edges in their order, the media's far end."""
    touched = dict.fromkeys(name for row in rows for name in (row.source, row.target) if name)
    fixed = (DEVICE, DNS, BENCH, MEDIA)
    edges = [name for name in touched if name not in fixed]
    return [DEVICE, *([DNS] if DNS in touched else []), *edges, *(name for name in (BENCH, MEDIA) if name in touched)]


def _with_packets(row: Row) -> Row:
    if not row.packets:
        return row
    if row.merge_key[0] == "keep-alive":
        return replace(row, text=row.text if row.packets == 1 else f"{row.text} · {row.packets} times")
    return replace(row, text=f"{row.text} · {row.packets} packet{'' if row.packets == 1 else 's'}")


def _tone(ok: bool) -> str:
    return "action" if ok else "bad"
