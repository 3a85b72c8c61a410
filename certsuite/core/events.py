"""The events: what can be seen on the wire or done by the harness, as frozen dataclasses.

Each has a ``kind``, under which it is written to the record; :mod:`certsuite.core.observations` places one in a run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, dataclass_transform


@dataclass(frozen=True, slots=True)
class Event:
    """Base of everything that can be observed."""

    kind: ClassVar[str] = ""


KINDS: dict[str, type[Event]] = {}
E = TypeVar("E", bound=Event)


@dataclass_transform(frozen_default=True)
def _event(kind: str) -> Callable[[type[E]], type[E]]:
    """Class decorator: a frozen dataclass that is written and read under the name ``kind``."""

    def decorate(cls: type[E]) -> type[E]:
        made = dataclass(frozen=True, slots=True)(cls)
        made.kind = kind
        assert kind not in KINDS, f"two events are named {kind}"
        KINDS[kind] = made
        return made

    return decorate


# --- the run ---------------------------------------------------------------------------------------------------------


@_event("segment-opened")
class SegmentOpened(Event):
    """A process began to write to the record."""

    run: str
    suite_version: str
    tools: dict[str, str]
    "Versions of what judges and serves: Python, OpenSSL of the edge, libsrtp, FFmpeg."
    plan: str
    planned: tuple[tuple[str, str], ...]
    "(case id, variant) of everything that was asked for, in order: a truncated run is recognisable."
    full_plan: bool
    catalogue_hash: str
    profile_hash: str
    plan_hash: str
    device: dict[str, str]
    "vendor, model, firmware, kind, profile (its name)."
    clock_utc: str
    "UTC of the bench's clock when ``t_mono_ns`` was ``clock_mono_ns``."
    clock_mono_ns: int
    time_scale: float = 1.0
    fault: str = ""
    bench: str = "loopback"
    "Kind of the bench's network: ``loopback`` or ``netns``."


@_event("segment-closed")
class SegmentClosed(Event):
    """The process ended its part of the record."""

    complete: bool
    reason: str = ""
    "Why it is not complete: ``interrupted``, an error's text."
    wall_s: float = 0.0
    waited_s: float = 0.0
    "Union of all open waits; the rest of the wall time is the suite's own overhead."


@_event("case-started")
class CaseStarted(Event):
    """A case began; everything that its verdict needs from the catalogue, as it was then."""

    title: str
    level: str
    mark: str
    requirements: tuple[str, ...]


@_event("case-finished")
class CaseFinished(Event):
    """A case ended, or a deferred one was settled."""

    duration_s: float
    waited_s: float
    restarts: int = 0


@_event("case-not-applicable")
class CaseNotApplicable(Event):
    """The profile does not claim what the case is about, or what it needs was not given."""

    reason: str
    reason_code: str


@_event("case-blocked")
class CaseBlocked(Event):
    """The state or the fact that a case needs could not be reached."""

    reason: str
    reason_code: str
    explained_by: str = ""
    "Id of the case that says why."


@_event("tool-error")
class ToolError(Event):
    """The suite itself failed."""

    text: str


@_event("expectation")
class Expectation(Event):
    """A case stated that something must be observed: what ``rejudge`` evaluates."""

    check: str
    requirement: str
    first_seq: int
    last_seq: int
    limits: tuple[str, ...] = ()
    "Names of limits in the catalogue, never their values."
    params: dict[str, Any] = dataclasses.field(default_factory=dict)
    call_id: str | None = None
    control: bool = False
    "Whether it proves the bench rather than the device: a control that fails makes the case inconclusive."


# --- the bench -------------------------------------------------------------------------------------------------------


@_event("bench-changed")
class BenchChanged(Event):
    """The bench now behaves in another way: an edge's behaviour, a zone, a granted expiry."""

    what: str
    behaviour: str
    detail: dict[str, Any] = dataclasses.field(default_factory=dict)


@_event("targets-walked")
class TargetsWalked(Event):
    """The device was led past faulty targets that stood ahead of the good ones in DNS (RFC 3263 section 4.3)."""

    targets: tuple[str, ...]
    "What was to be shown, in order."
    contacted: tuple[str, ...]
    "What the device connected to."
    mode: str
    "``one answer``, ``several answers``, ``pairs`` of a faulty and a good target, ``one by one``."
    most_in_one: int
    "Most targets of one answer that it connected to, a good one included."
    attempts: int
    "Times that it was given a reason to register."
    took_s: float


@_event("state-reached")
class StateReached(Event):
    """The device was brought to a state that a case needs."""

    state: str
    means: str
    took_s: float


@_event("state-not-reached")
class StateNotReached(Event):
    """The device could not be brought to a state."""

    state: str
    means: str
    waited_s: float
    cause: str


@_event("loop-lag")
class LoopLag(Event):
    """The longest that the bench's loop was late since the last one of these."""

    max_ms: float


# --- the device ------------------------------------------------------------------------------------------------------


@_event("config-delivered")
class ConfigDelivered(Event):
    """A generated configuration was put where the device takes it."""

    files: tuple[str, ...]
    means: str


@_event("device-started")
class DeviceStarted(Event):
    """The device's program runs."""

    pid: int
    command: str


@_event("device-exited")
class DeviceExited(Event):
    """The device's program ended."""

    status: int
    "Exit code, or the negative number of the signal."
    asked: bool
    "Whether the bench ended it."
    last_output: str = ""


@_event("driver-action")
class DriverAction(Event):
    """The driver made the device act. It stands in the record when that is done."""

    action: str
    arguments: dict[str, str]
    ok: bool
    problem: str = ""
    took_s: float = 0.0
    "Since the order was given; 0 where a person carries it out, whose time is not the device's."


@_event("credentials-audited")
class CredentialsAudited(Event):
    """Properties of SIP passwords that the user supplied; never the passwords."""

    lines: tuple[int, ...]
    lengths: tuple[int, ...]
    missing: tuple[tuple[str, ...], ...]
    "For each line the character classes that its password lacks: upper, lower, digit, special."
    same_as: tuple[tuple[int, ...], ...]
    "For each line those of other users with the same password."


@_event("password-traced")
class PasswordTraced(Event):
    """Where a password that the bench made for a line, and by which it did not register, was lost; never itself."""

    signs: str
    "Its special characters."
    length: int
    in_configuration: bool
    "Whether a generated file has it: as it is, or as JSON, TOML or XML write it."
    made_of: str
    "Of what the response was made instead, in words; empty if that is not known."


@_event("passwords-watched")
class PasswordsWatched(Event):
    """From the start on the bench has looked for the passwords of all lines in what comes from the device."""

    places: tuple[str, ...]
    "``SIP``, ``log``, ``cleartext``, ``HTTP``."


@_event("password-seen")
class PasswordSeen(Event):
    """A password of a line stood where it must not: of which line, and where, but never itself."""

    place: str
    "As above, or ``User-Agent``."
    what: str
    "The message or file that it stood in, in words."


# --- DNS -------------------------------------------------------------------------------------------------------------


@_event("dns-query")
class DnsQuery(Event):
    """A question that the responder was asked, and what it answered."""

    transport: str
    "``udp`` or ``tcp``."
    source: str
    "``address:port`` of who asked."
    name: str
    type: str
    rcode: str
    "Empty if nothing was sent."
    answers: tuple[str, ...]
    "The answer section in presentation form."
    id: int = 0
    edns: bool = False
    truncated: bool = False
    "Whether the answer had the TC bit: the rest is to be had over TCP."
    behaviour: str = ""
    "What was wrong with the server for this question; empty if nothing."


@_event("dns-garbage")
class DnsGarbage(Event):
    """Bytes that are no DNS question arrived at the responder."""

    source: str
    data: bytes
    problem: str


# --- transport and TLS -----------------------------------------------------------------------------------------------


@_event("flow-opened")
class FlowOpened(Event):
    """A TCP connection was accepted."""

    local: str
    remote: str
    owner: str
    "``device``, or ``foreign``: never judged."
    port_role: str
    """``sip-tls`` the SRV port; ``sip-tls-default`` 5061; ``sip-cleartext`` 5060; ``https`` and ``http`` of the
    provisioning server."""


@_event("attempts-watched")
class AttemptsWatched(Event):
    """Whether connections are seen that an edge does not accept: their SYNs, as they come to the bench's addresses."""

    seen: bool
    why_not: str = ""


@_event("connection-attempt")
class ConnectionAttempt(Event):
    """The device sent a SYN to the SIP port of an edge that takes no connection: one for each that it tried."""

    local: str
    remote: str
    fate: str
    "``refused`` or ``unanswered``."


@_event("flow-closed")
class FlowClosed(Event):
    """A TCP connection ended."""

    by: str
    "``device``, ``bench`` or ``network``."
    how: str
    "``fin``, ``rst``, ``timeout`` or an error's text."
    unacknowledged: int = 0
    "Bytes sent to the device that its TCP had not acknowledged when the end began."


@_event("strangers-counted")
class StrangersCounted(Event):
    """What other programs than the device sent to the bench, beyond what is recorded one by one; nobody answered it."""

    connections: int
    datagrams: int
    sources: dict[str, int]
    "How many by address."
    ports: dict[str, int]


@_event("client-hello")
class ClientHelloSeen(Event):
    """The device's TLS ClientHello (RFC 5246 section 7.4.1.2, RFC 8446 section 4.1.2)."""

    raw: bytes
    "The handshake message without record headers."
    legacy_version: str
    versions: tuple[str, ...]
    "Offered versions, such as ``TLSv1.2``, the extension's list or, without it, everything up to ``legacy_version``."
    cipher_suites: tuple[int, ...]
    server_name: str | None = None
    alpn: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    signature_algorithms: tuple[int, ...] = ()
    extensions: tuple[int, ...] = ()
    compression_methods: tuple[int, ...] = (0,)


@_event("tls-presented")
class TlsPresented(Event):
    """What the edge was set to present on this flow."""

    presentation: str
    "Name of the certificate chain: ``good``, ``unknown-root``, ..."
    versions: tuple[str, ...]
    ciphers: str = ""
    "The list of suites for TLS 1.2 and older, where it is another than usual."
    asks_for_certificate: bool = False
    manner: str = ""
    "In what other way the handshake is unusual, in words; empty if it is not."


@_event("client-key-exchange")
class ClientKeyExchangeSeen(Event):
    """The device went on with a handshake after it had seen all that the server shows (RFC 5246 section 7.4.7).

    It is noted where the edge behaves so that a good client does not go on.
    """


@_event("tls-alert")
class TlsAlert(Event):
    """A TLS alert; the observation's direction tells whose (RFC 8446 section 6)."""

    level: int
    description: int
    name: str


@_event("tls-established")
class TlsEstablished(Event):
    """The handshake is complete on the edge's side."""

    version: str
    cipher: str
    resumed: bool = False
    "Whether it goes on with a session of before, so that no certificate was shown."


@_event("tls-failed")
class TlsFailed(Event):
    """The handshake or the session broke, as the edge's TLS library puts it."""

    reason: str


@_event("http-request")
class HttpRequest(Event):
    """Someone asked the bench for a file over HTTP."""

    source: str
    "``address:port`` of who asked."
    host: str
    target: str
    status: int
    owner: str = "device"


@_event("provisioning-request")
class ProvisioningRequest(Event):
    """Someone asked the provisioning server for something. What is secret in it is written ``***``."""

    secure: bool
    "Whether it came over TLS."
    method: str
    host: str
    target: str
    user_agent: str
    mac_in: tuple[str, ...]
    "Where the device's MAC address stood: ``path``, and names of headers."
    credentials: str
    "How it authenticated: ``none``, ``basic``, ``digest``, ``certificate``, or another scheme."
    accepted: bool
    "Whether those are what is asked for, and right."
    problem: str = ""
    "Why they are not."
    secrets_in: tuple[str, ...] = ()
    "Where a password stood that has no business there: ``target``, and names of headers."
    if_none_match: str = ""


@_event("provisioning-answer")
class ProvisioningAnswer(Event):
    """What the provisioning server answered."""

    target: str
    status: int
    "0 if nothing was answered."
    etag: str = ""
    "Of the file as it is now, which a 304 has as well."
    length: int = 0
    "Bytes of the body that were sent."
    location: str = ""
    fault: str = ""
    "Name of what went wrong on purpose."


@_event("doors-seen")
class DoorsSeen(Event):
    """Where others than its registrar can reach the device: sockets that listen, and that take datagrams of anyone."""

    doors: tuple[str, ...]
    "Such as ``udp 127.9.0.100:5060``."


@_event("outside-message")
class OutsideMessage(Event):
    """SIP between the device and someone who is neither its registrar nor its provisioning server."""

    door: str
    "As in :class:`DoorsSeen`; what is said there over TLS has ``tls`` in place of ``tcp``."
    raw: bytes


@_event("root-probe-answer")
class RootProbeAnswer(Event):
    """What the device did on one connection of a root probe; the words are those of ``tls.probe_chains``."""

    root: str
    "SHA-256 of the root that is asked for."
    technique: str
    version: str
    role: str
    round: int
    answer: str
    "``alert``, ``closed``, ``silence``, ...: see ``tls.probe_server``."
    alert: int | None = None
    established: bool = False
    after_s: float | None = None
    "Seconds after the server's flight; None if there was none."
    detail: str = ""


@_event("cleartext")
class Cleartext(Event):
    """Bytes that arrived outside TLS: SIP over UDP or TCP, or on a TLS port before a ClientHello."""

    transport: str
    source: str
    data: bytes
    owner: str = "device"


# --- SIP -------------------------------------------------------------------------------------------------------------


@_event("sip")
class SipMessageSeen(Event):
    """A SIP message over TLS, exactly as on the wire, but for the characters of a password: each is a ``*``."""

    raw: bytes
    strict_error: str = ""
    "Why a strict parser refuses it; empty if it does not."


@_event("sip-keepalive")
class SipKeepAlive(Event):
    """CRLF outside a message (RFC 5626 section 3.5.1): ``ping`` is two, ``pong`` one. The edge's answer is one too."""

    form: str


@_event("traffic-class")
class TrafficClass(Event):
    """How the device marks its packets for the network (RFC 2474), on the first of them."""

    dscp: int
    of: str
    "``sip`` or ``rtp``."


@_event("sip-garbage")
class SipGarbage(Event):
    """Application data that cannot be framed as SIP."""

    data: bytes
    "Its beginning, 512 bytes at most."
    length: int
    problem: str


@_event("digest-checked")
class DigestChecked(Event):
    """The registrar's or proxy's judgement of one set of credentials: the password is not in the record."""

    method: str
    username: str
    realm: str
    response_right: bool
    "The response is right for the given username, the line's password and the parameters that the device sent."
    username_right: bool
    "The username is the line's auth user."
    nonce_right: bool
    detail: str = ""


@_event("binding")
class BindingChanged(Event):
    """The registrar's view of one AoR: bound with an expiry, or removed (``granted_s`` 0)."""

    aor: str
    contact: str
    granted_s: int
    why: str = "register"
    "``register``, ``expired``, ``flow-closed`` or ``unregister``."


@_event("subscription")
class SubscriptionChanged(Event):
    """The notifier's view of one subscription: granted, or gone (``granted_s`` 0; RFC 6665)."""

    package: str
    "``message-summary`` or ``dialog``."
    resource: str
    "``user@host``, as the device wrote it."
    granted_s: int
    call_id: str
    why: str = "subscribe"
    "``subscribe``, ``refresh``, ``fetch``, ``unsubscribe``, ``expired``, ``flow-closed`` or ``notify-refused``."


# --- media -----------------------------------------------------------------------------------------------------------


@_event("media-opened")
class MediaOpened(Event):
    """A media stream between a party and the device was agreed on."""

    call_id: str
    local: str
    remote: str
    "Where the device's SDP says it receives."
    codec: str
    "Encoding name and clock rate, such as ``PCMU/8000``."
    suite: str
    "SRTP crypto suite (RFC 4568), or ``none``."
    payload_type: int
    dtmf_payload_type: int | None = None


@_event("media-not-agreed")
class MediaNotAgreed(Event):
    """Offer and answer do not make a stream."""

    call_id: str
    reason_code: str
    reason: str


@_event("media-window")
class MediaWindow(Event):
    """What a party received from the device in one window of time."""

    call_id: str
    duration_s: float
    packets: int
    "That were authenticated and decrypted."
    lost: int
    auth_failures: int
    "That failed SRTP authentication under the agreed key."
    cleartext: int
    "That look like RTP with a readable payload although SRTP was agreed."
    source: str
    "``address:port`` that they came from; the latched one."
    ssrc: int = 0
    tone_hz: float = 0.0
    "The strongest tone, 0 if there is none."
    tone_level_dbfs: float = -120.0
    tone_purity: float = 0.0
    "Share of the window's energy that is in that tone, 0 to 1."
    sent_tone_hz: float = 0.0
    "The tone that the party was sending in this window."
    sent_packets: int = 0
    local: str = ""
    "``address:port`` of the party's end."
    clipped: float = 0.0
    "Share of the samples that are at full scale."
    silent_ms: float = 0.0
    "Of what was received, beside the tone."
    digit: str = ""
    "The digit whose two tones were the strongest (ITU-T Q.23); empty if there was none."


@_event("media-stimulus")
class MediaStimulus(Event):
    """What a party did to the media that it sends, for the device to bear."""

    call_id: str
    what: str
    "Such as ``rolled-over``: what a check asks for."


@_event("dtmf")
class DtmfEvent(Event):
    """One telephone-event, complete (RFC 4733)."""

    call_id: str
    digit: str
    duration_ms: float
    end_packets: int
    "Packets with the end bit; three are sent so that loss does not hide it."
    packets: int
    volume: int = 0


@_event("media-quality")
class MediaQuality(Event):
    """How well the device's audio arrived on one stream, over all of it."""

    call_id: str
    local: str
    codec: str
    packets: int
    lost: int
    duplicates: int
    reordered: int
    jitter_ms: float
    "Interarrival jitter at the end (RFC 3550 section 6.4.1), and the most that it was."
    jitter_max_ms: float
    longest_gap_s: float
    "Between two packets of audio."
    skew_ms: float = 0.0
    "The most by which a packet came later, or with a minus earlier, than the timestamps since the first one say."


@_event("rtcp")
class RtcpSeen(Event):
    """A datagram of RTCP, from the device or to it (RFC 3550 section 6)."""

    call_id: str
    local: str
    "``address:port`` of the party's stream."
    protection: str
    "``srtcp``, ``none``, or ``unknown``: neither authentic nor RTCP in the clear."
    multiplexed: bool
    "Whether it went over the port of RTP (RFC 5761)."
    octets: int
    kinds: tuple[str, ...] = ()
    "Such as ``SR``, ``SDES``; nothing where it could not be read."
    flaw: str = ""
    "Why it is no compound packet as it ought to be."
    ssrc: int = 0
    cname: str = ""
    about_us: bool = False
    "Whether it reports how the party's present source arrived; what follows is from that report."
    reported_lost: int = 0
    reported_jitter_ms: float = 0.0
    highest_sequence: int = 0
    round_trip_ms: float | None = None
    "By the times of the party's last report."
    withheld: int = 0
    "Packets that the party lost on purpose up to that sequence number."
    sent_jitter_ms: float = 0.0
    "Jitter with which the party's packets left, where it was made on purpose."


@_event("media-closed")
class MediaClosed(Event):
    """A media stream was ended by the bench; totals of both directions."""

    call_id: str
    received: int
    sent: int
    lost: int
    auth_failures: int
    max_send_lateness_ms: float = 0.0


@_event("pstn-told")
class PstnTold(Event):
    """What the program at the far end of a PSTN call was told to do."""

    call_id: str
    "Of the device's call, as with all that follow."
    order: str
    tone_hz: float = 0.0


@_event("pstn-call")
class PstnCall(Event):
    """What became of a PSTN call, as the program at its far end wrote it."""

    call_id: str
    state: str
    "``called``, ``answered``, ``ended`` or ``failed``."
    text: str = ""
    "Who called, or what failed."


@_event("pstn-heard")
class PstnHeard(Event):
    """The strongest tone of 100 ms that the program at the far end of a PSTN call decoded."""

    call_id: str
    tone_hz: float
    level_dbfs: float
    purity: float


@_event("pstn-digit")
class PstnDigit(Event):
    """A digit that the program at the far end of a PSTN call received."""

    call_id: str
    digit: str


@_event("note")
class Note(Event):
    """Something worth telling that nothing judges."""

    text: str
