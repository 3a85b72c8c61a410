"""How the device behaves, and the named faults that change it.

A :class:`Behaviour` says what the device does; the parts of the device read its fields and know no fault by name. A
:class:`Fault` is a name, what is wrong with such a device, and the fields that it sets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

SIPS_SERVICE = "_sips._tcp"
IDENTRUST_SHA256 = "5D56499BE4D2E08BCFCAD08A3E38723D50503BDE706948E42F55603019E528AE"
"IdenTrust Commercial Root CA 1."
FAULTY_DEVICE = "a device that misbehaves in what is certified"
ODD_DEVICE = "a device that is right in an unusual way, for no case to fail"
MISBEHAVIOUR = "a device that is no use at all, for the suite's own robustness"


class Verifies(Enum):
    """When the device heeds what it has found in the server's chain."""

    IN_HANDSHAKE = auto()
    AFTER_HANDSHAKE = auto()
    "It completes the handshake, and ends the connection before it sends anything."
    AFTER_SPEAKING = auto()
    "It sends its first request, and ends the connection when something comes back."


class RefusesBy(Enum):
    """How the device ends a handshake in which it was shown a chain that it does not accept."""

    ALERT = auto()
    CLOSING = auto()
    "The TCP connection, without an alert."
    SILENCE = auto()
    "The connection stays open and nothing is sent on it, while the device goes on elsewhere."


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the device does. The defaults are the compliant phone."""

    # --- TLS
    tls_minimum: str = "1.2"
    "Lowest TLS version offered: ``1.0``, ``1.2`` or ``1.3``."
    tls_maximum: str = "1.3"
    "Highest TLS version offered: ``1.2`` or ``1.3``."
    tls_ciphers: str = ""
    "OpenSSL's cipher list for TLS 1.2 and older; empty is the library's own."
    tls_group: str = ""
    "The only group offered; empty is the library's own list."
    sends_server_name: bool = True
    goes_on_without_certificate: bool = True
    "Whether it proceeds when the server asks for a certificate, of which it has none."
    stays_with_tls13: bool = True
    "Whether a connection with TLS 1.3 is used rather than ended."
    old_hello_first: bool = False
    "Whether each target first gets the ClientHello of an old stack, and that connection is given up."
    takes_fragments: bool = True
    "Whether a handshake message may go on in the next record."
    heeds_downgrade: bool = True
    "Whether it breaks off when the server tells that its ClientHello was altered."
    handshake_timeout_s: float | None = 3.0
    "For the TCP connection and the TLS handshake together; ``None`` is to wait for ever."
    survives_broken_handshake: bool = True
    "Whether it goes on to another target, or tries again, when a server closes the connection in the handshake."
    verifies_each_time: bool = True
    "Whether each handshake with a target is verified; else only the first."
    pins_issuer: bool = False
    "Whether it takes certificates of the issuer alone that it saw first."
    insists_on_session: bool = False
    "Whether it offers its last TLS session, and gives up a connection on which that is not resumed."
    loads_trusted_roots: bool = True
    "Whether the roots of its configuration are trusted; else none is."
    lacks_root: str = ""
    "SHA-256 of a root that is trusted in no case, in capital hexadecimal digits."
    verifies_chain: bool = True
    verifies_host_name: bool = True
    overlooks: tuple[str, ...] = ()
    "Faults of a chain or of its names that are accepted: of ``leniency.CHAIN_FAULTS`` and ``leniency.NAME_FAULTS``."
    dislikes: tuple[str, ...] = ()
    "Properties of good chains that are not accepted: of ``leniency.DISLIKES``."
    wants_target_name: bool = False
    "Whether the certificate must have the name of the SRV target, rather than that of the outbound proxy."
    asks_for_status: bool = False
    "Whether a stapled OCSP answer is asked for."
    heeds_status: bool = True
    "Whether that answer is looked at."
    verifies: Verifies = Verifies.IN_HANDSHAKE
    refuses_by: RefusesBy = RefusesBy.ALERT
    cleartext_port: int | None = None
    "Port of the same address at which it registers over plain TCP when TLS has failed; ``None`` is never."

    # --- DNS and targets
    srv_service: str = SIPS_SERVICE
    fixed_port: int | None = None
    "Port that is used in place of the SRV record's."
    highest_priority_value_first: bool = False
    order_of_answer: bool = False
    "Whether targets are tried in the order in which the answer has them."
    heeds_weight: bool = True
    heeds_ttl: bool = True
    "Else the first targets are kept for ever."
    addresses_per_target: int | None = None
    "How many addresses of a target are tried; ``None`` is all."
    records_per_answer: int | None = None
    "How many records of an answer are read; ``None`` is all."
    asks_ipv6: bool = False
    "Whether AAAA is asked for beside A, and its answer waited for."
    ipv6_alone: bool = False
    "Whether the IPv4 addresses of a host that has IPv6 ones are left out."
    insists_on_edns: bool = False
    "Whether each question has EDNS, whatever the server says to it."
    compares_id: bool = True
    heeds_letter_case: bool = False
    follows_cname: bool = True
    dns_timeout_s: float = 0.9
    "Seconds until a question is asked again, or given up."
    takes_no_service_for_no_record: bool = False
    "Whether SRV target ``.`` is as good as no SRV record."
    falls_back_to_address: bool = True
    "Whether the addresses of the proxy are asked for where there is no SRV record."
    gives_up_after: str = ""
    "Failure of DNS after which it never tries again: ``no answer``, ``SERVFAIL`` or ``NXDOMAIN``."
    resolves_to_refresh: bool = False
    "Whether a refresh begins with DNS, and the registration is given up when DNS fails."
    resolves_registrar: bool = False
    "Whether the registrar's domain has to have an address."
    connects: bool = True
    "Whether it goes on from the DNS answer to a connection."
    takes_long_answers: bool = True
    "Whether a DNS answer that is truncated over UDP is asked for over TCP; else it is no answer."
    targets_tried: int | None = None
    "Targets that are tried when one fails after the other, the first ones; ``None`` is all."
    gives_up_requests: bool = True
    "Whether a request is given up that is not answered."
    rounds_tried: int | None = None
    "How often all targets are tried in a row; ``None`` is for ever."
    moves_on_at: frozenset[int] = frozenset({408, 430, 500, 503})
    "Answers to REGISTER that send it to the next target."
    hammers: bool = False
    "Whether it tries again at once when every target failed, and again at the first."
    wanders: bool = False
    "Whether it goes to the other target at each refresh."
    refreshes_old_flow: bool = False
    "Whether the flow that it has moved from is kept, and the lines registered there as well."
    keeps_old_flow: bool = False
    "Whether the flow that it has moved from is left open."
    fails_back: bool = True
    "Whether it returns to a better target when one is there again."

    # --- registration
    pins_realm: bool = False
    wrong_digest: bool = False
    auth_user_is_aor_user: bool = False
    password_drops: str = ""
    "Characters of the password that are lost before it is used."
    refreshes: bool = True
    heeds_granted_expiry: bool = True
    "Whether the granted expiry sets the refresh; else the one that it asked for."
    contact_scheme: str = "sip"
    register_names_proxy: bool = False
    "Whether REGISTER has the outbound proxy in its URI."
    only_realm: str = ""
    "The only realm whose challenges are answered; empty is every one."
    keeps_first_realm: bool = False
    "Whether challenges in another realm than the first one are not answered."
    heeds_stale: bool = True
    knows_sha256: bool = True
    looks_beyond_first_challenge: bool = True
    takes_several_challenges: bool = True
    takes_qop_lists: bool = True
    "Whether a qop with more than ``auth`` is answered."
    needs_qop: bool = False
    takes_unknown_parameters: bool = True
    "Whether a challenge with parameters that it does not know is answered."
    reads_expires_header: bool = True
    prefers_expires_header: bool = False
    goes_on_after_423: bool = True
    heeds_min_expires: bool = True
    refresh_share: float = 0.5
    "Share of the granted expiry after which a line is refreshed."
    reuses_flow: bool = True
    "Whether calls go over the flow of the registration; else each has one of its own."
    reconnects: bool = True
    "Whether a flow that is lost is opened again without being told to."
    hammers_on: int = 0
    "Status of a rejected REGISTER after which it tries again at once, for ever; 0 is none."
    heeds_retry_after: bool = True
    "Whether a server that asks for it is left alone; else it is tried once more at once."
    takes_bodies: bool = True
    takes_unknown_headers: bool = True
    "Whether a 200 to REGISTER may have headers that it does not know, and likewise a body."
    own_call_ids: bool = True
    deregisters: bool = True
    answers_options: bool = True

    # --- identity
    user_agent: str | None = None
    "User-Agent in place of the configured one, which stands for ``{configured}`` in it."
    user_agent_methods: frozenset[str] | None = None
    "Methods whose requests carry a User-Agent, responses then carry none; ``None`` is everything."

    # --- calls and media
    answers: bool = True
    echoes_incoming: bool = True
    "Whether what is heard in a call to the device is sent back; else silence is sent."
    echoes_outgoing: bool = True
    sends_rtp: bool = True
    true_key: bool = True
    "Whether SRTP is encrypted with the key of its SDP."
    accepts_plain_rtp: bool = False
    offers_plain_rtp: bool = False
    dialled_suffix: str = ""
    "What is added to each number that is dialled."
    keeps_call_without_flow: bool = True
    "Whether a call goes on when its flow has ended."
    dials_again: bool = True
    "Whether a call that met a target that does not serve is placed at the next."
    dtmf_in_band: bool = False
    "Whether digits are sent as tones in the audio rather than by RFC 4733."
    dtmf_shift: int = 0
    "How many digits too high the digit is that is sent."
    hold_reinvites: bool = True
    resume_reinvites: bool = True
    sends_after_resume: bool = True

    # --- the program
    silent: bool = False
    "Whether nothing is ever sent to the network."
    exits_at_start: bool = False
    exits_when_dialling: bool = False
    garbage_bytes: int = 0
    "Bytes of garbage that are sent in place of the first REGISTER of each flow."
    heeds_sigterm: bool = True


COMPLIANT = Behaviour()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can be wrong with the device."""

    name: str
    description: str
    changes: dict[str, Any] = field(repr=False)
    "Fields of :class:`Behaviour` and their values."
    kind: str = FAULTY_DEVICE


class UnknownFault(ValueError):
    """No fault has this name. The text lists those that there are."""

    def __init__(self, name: str) -> None:
        known = "\n".join(f"  {fault.name:28} {fault.description}" for fault in FAULTS.values())
        super().__init__(f"there is no fault named {name!r}; there are:\n{known}")


def behaviour_with(faults: Iterable[str]) -> Behaviour:
    """The behaviour of a device that has all of these faults. Raises :class:`UnknownFault`."""
    behaviour = Behaviour()
    for name in faults:
        if name not in FAULTS:
            raise UnknownFault(name)
        # What is listed adds up; anything else is as the last of the faults has it.
        changes: dict[str, Any] = {
            key: (*getattr(behaviour, key), *value) if isinstance(value, tuple) else value
            for key, value in FAULTS[name].changes.items()
        }
        behaviour = dataclasses.replace(behaviour, **changes)
    return behaviour


def _fault(name: str, description: str, kind: str = FAULTY_DEVICE, **changes: Any) -> Fault:
    return Fault(name, description, changes, kind)


def _accepts(name: str, description: str, overlooked: str) -> Fault:
    return _fault(name, description, overlooks=(overlooked,))


def _refuses(name: str, description: str) -> Fault:
    return _fault(name, description, dislikes=(name.removeprefix("refuses-"),))


_HOSTILE_USER_AGENT = (
    "{configured} <script>alert(1)</script><img src=x onerror=alert(2)> \x1b[31mred\x1b]0;title\x07 "
    "[bold]rich[/bold] [link=http://192.0.2.1]link[/link] \u202etxt.exe\u202c ]]>&amp;"
)
_HUGE_USER_AGENT = "{configured} " + "A" * 60_000

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        # --- TLS
        _fault("tls13-only", "offers TLS 1.3 alone", tls_minimum="1.3"),
        _fault("accepts-tls10", "takes servers that speak no more than TLS 1.0 or 1.1", tls_minimum="1.0"),
        _fault("ignores-lab-root", "trusts none of the roots that it was given", loads_trusted_roots=False),
        _fault("lacks-identrust", "does not trust the IdenTrust root", lacks_root=IDENTRUST_SHA256),
        _fault("accepts-any-root", "does not verify the server's chain", verifies_chain=False),
        _fault("ignores-host-name", "does not compare the server's name", verifies_host_name=False),
        _fault("tls12-only", "offers nothing newer than TLS 1.2", tls_maximum="1.2"),
        _fault("breaks-off-tls13", "ends each connection on which TLS 1.3 was agreed", stays_with_tls13=False),
        _fault(
            "no-gcm",
            "offers CBC suites alone for TLS 1.2",
            tls_ciphers="ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256",
        ),
        _fault(
            "offers-weak-suites",
            "offers suites without encryption and without authentication",
            tls_ciphers="ALL:COMPLEMENTOFALL:@SECLEVEL=0",
        ),
        _fault("offers-rare-group", "offers the group secp384r1 alone", tls_group="secp384r1"),
        _fault("no-server-name", "sends no server name", sends_server_name=False),
        _fault(
            "refuses-certificate-request",
            "gives up when the server asks for a certificate",
            goes_on_without_certificate=False,
        ),
        _fault("old-hello-first", "first tries the ClientHello of a very old TLS stack", old_hello_first=True),
        _fault("falls-back-to-cleartext", "registers over TCP port 5060 when TLS fails", cleartext_port=5060),
        _fault("refuses-fragments", "cannot read handshake messages that span records", takes_fragments=False),
        _fault("ignores-downgrade-mark", "goes on when a server marks a downgrade", heeds_downgrade=False),
        _fault("impatient-handshake", "gives a handshake 0.3 s", handshake_timeout_s=0.3),
        _fault("endless-handshake", "waits for ever in a handshake", handshake_timeout_s=None),
        _fault(
            "gives-up-after-broken-handshake",
            "gives up for good when a server breaks a handshake off",
            survives_broken_handshake=False,
        ),
        _fault("verifies-once", "does not verify a server that it has verified before", verifies_each_time=False),
        _fault("pins-issuer", "takes the issuer alone that it saw first", pins_issuer=True),
        _fault("insists-on-session", "gives up where its TLS session is not resumed", insists_on_session=True),
        # --- TLS: certificates
        _accepts("accepts-unknown-root", "accepts a chain to a root that it does not trust", "unknown-root"),
        _accepts("accepts-expired", "accepts a certificate that has expired", "expired"),
        _accepts("accepts-not-yet-valid", "accepts a certificate that is not valid yet", "not-yet-valid"),
        _accepts("accepts-self-signed", "accepts a certificate that signs itself", "self-signed"),
        _accepts("accepts-wrong-eku", "accepts a certificate for clients alone", "usage"),
        _accepts("accepts-intermediate-not-ca", "accepts an issuer that is no authority", "no-authority"),
        _accepts("accepts-long-path", "accepts more authorities than one of them allows", "path-length"),
        _accepts("ignores-name-constraints", "ignores for which names an authority may sign", "name-constraints"),
        _accepts("accepts-sha1-signature", "accepts a certificate that is signed over SHA-1", "sha1"),
        _accepts("accepts-md5-signature", "accepts a certificate that is signed over MD5", "md5"),
        _accepts("accepts-short-key", "accepts a certificate with a key of 1024 bits", "short-key"),
        _accepts("prefers-common-name", "takes a right common name beside wrong names", "name-beside-common-name"),
        _accepts("takes-address-for-name", "takes the server's IP address for its name", "address-for-name"),
        _accepts("accepts-sibling-host", "accepts any host of the outbound proxy's domain", "host-of-same-domain"),
        _fault(
            "wants-target-name",
            "compares the server's name with the SRV target, not the outbound proxy",
            wants_target_name=True,
        ),
        _refuses("refuses-superfluous-certificates", "refuses a chain with more than its path"),
        _refuses("refuses-large-chain", "refuses a chain that is longer than a TLS record"),
        _refuses("refuses-rsa-3072", "refuses a certificate with an RSA key of 3072 bits"),
        _refuses("refuses-rsa-4096", "refuses a certificate with an RSA key of 4096 bits"),
        _fault(
            "ignores-stapled-revocation",
            "asks for a stapled OCSP answer and does not look at it",
            asks_for_status=True,
            heeds_status=False,
        ),
        _fault(
            "speaks-before-verifying",
            "registers first and verifies the server's certificate afterwards",
            verifies=Verifies.AFTER_SPEAKING,
        ),
        # --- TLS: right in an unusual way
        _fault(
            "rejects-without-alert",
            "closes the connection on a bad certificate, without an alert",
            ODD_DEVICE,
            refuses_by=RefusesBy.CLOSING,
        ),
        _fault(
            "rejects-by-silence",
            "leaves the connection on a bad certificate open and silent, and goes on elsewhere",
            ODD_DEVICE,
            refuses_by=RefusesBy.SILENCE,
        ),
        _fault(
            "closes-after-handshake",
            "completes the handshake, then verifies the certificate, and closes if it is bad",
            ODD_DEVICE,
            verifies=Verifies.AFTER_HANDSHAKE,
        ),
        _fault(
            "heeds-stapled-revocation",
            "asks for a stapled OCSP answer and heeds it",
            ODD_DEVICE,
            asks_for_status=True,
        ),
        # --- DNS and targets
        _fault("asks-sip-tls", "asks for SRV _sip._tls", srv_service="_sip._tls"),
        _fault("ignores-srv-port", "connects to port 5061 whatever SRV says", fixed_port=5061),
        _fault("ignores-srv-priority", "tries the highest priority value first", highest_priority_value_first=True),
        _fault("takes-answer-order", "tries targets in the order of the answer", order_of_answer=True),
        _fault("ignores-weight", "tries the lightest target of a priority first", heeds_weight=False),
        _fault("ignores-ttl", "keeps the first targets that it found for ever", heeds_ttl=False),
        _fault("takes-first-address-only", "tries one address of each target", addresses_per_target=1),
        _fault("reads-four-records", "reads the first four records of an answer", records_per_answer=4),
        _fault("takes-ipv6-alone", "tries no IPv4 address of a host with IPv6", asks_ipv6=True, ipv6_alone=True),
        _fault("waits-for-aaaa", "needs an answer to AAAA to use that to A", asks_ipv6=True),
        _fault("insists-on-edns", "asks with EDNS alone", insists_on_edns=True),
        _fault("impatient-resolver", "waits 0.2 s for DNS", dns_timeout_s=0.2),
        _fault("accepts-wrong-id", "takes any answer for its own", compares_id=False),
        _fault("heeds-letter-case", "takes names in other letters for other names", heeds_letter_case=True),
        _fault("ignores-cname", "follows no alias", follows_cname=False),
        _fault("ignores-no-service", "takes SRV target . for a missing record", takes_no_service_for_no_record=True),
        _fault("no-address-fallback", "asks nothing more without SRV", falls_back_to_address=False),
        _fault("gives-up-after-silence", "gives up when DNS does not answer", gives_up_after="no answer"),
        _fault("gives-up-after-servfail", "gives up when DNS answers SERVFAIL", gives_up_after="SERVFAIL"),
        _fault("gives-up-after-nxdomain", "gives up when DNS knows no such name", gives_up_after="NXDOMAIN"),
        _fault("drops-registration-without-dns", "resolves before each refresh", resolves_to_refresh=True),
        _fault("needs-registrar-address", "does not go on without one", resolves_registrar=True),
        _fault("register-names-proxy", "has the outbound proxy in the URI of REGISTER", register_names_proxy=True),
        _fault("never-fails-over", "tries the first target alone, again and again", targets_tried=1),
        _fault("walks-two-targets", "tries the first two targets alone", targets_tried=2),
        _fault("takes-eight-targets", "keeps no more than eight targets of an SRV answer", targets_tried=8),
        _fault("ignores-long-answers", "has no use for a truncated DNS answer", takes_long_answers=False),
        _fault(
            "never-times-out",
            "waits for ever for a connection or an answer",
            handshake_timeout_s=None,
            gives_up_requests=False,
        ),
        _fault("sticks-to-silent-connection", "waits for ever for an answer", gives_up_requests=False),
        _fault("ignores-503", "stays with a target that answers 503", moves_on_at=frozenset({408, 430, 500})),
        _fault(
            "moves-on-at-503-alone", "stays with a target that answers 500, 408 or 430", moves_on_at=frozenset({503})
        ),
        _fault("hammers-targets", "tries again at once when every target failed", hammers=True),
        _fault("gives-up-both-down", "tries all targets twice and never again", rounds_tried=2),
        _fault("wanders-between-targets", "goes to the other target at each refresh", wanders=True),
        _fault("keeps-old-binding", "stays registered where it has moved from", refreshes_old_flow=True),
        _fault("keeps-old-flow", "leaves the connection open that it has moved from", ODD_DEVICE, keeps_old_flow=True),
        _fault("never-fails-back", "stays on the secondary for ever", fails_back=False),
        # --- registration
        _fault("wrong-digest", "computes a wrong digest response", wrong_digest=True),
        _fault("pins-realm", "answers with its registrar's domain as realm", pins_realm=True),
        _fault("auth-user-is-aor-user", "authenticates as the user of its AoR", auth_user_is_aor_user=True),
        _fault("mangles-password", 'loses the signs % & " of its password', password_drops='%&"'),
        _fault("never-refreshes", "lets its registration expire", refreshes=False),
        _fault("ignores-granted-expiry", "refreshes by the expiry that it asked for", heeds_granted_expiry=False),
        _fault("uses-sips-uri", "writes a sips: URI into its Contact", contact_scheme="sips"),
        # --- registration: digest
        _fault("takes-no-qop-list", "gives up when qop has more than auth", takes_qop_lists=False),
        _fault("needs-qop", "gives up when the challenge has no qop", needs_qop=True),
        _fault("gives-up-on-two-challenges", "answers none of two challenges", takes_several_challenges=False),
        _fault(
            "takes-first-challenge-only",
            "knows MD5 alone, and looks at the first challenge alone",
            knows_sha256=False,
            looks_beyond_first_challenge=False,
        ),
        _fault("knows-md5-alone", "knows no digest by SHA-256", ODD_DEVICE, knows_sha256=False),
        _fault("knows-broadworks-alone", "answers challenges in the realm BroadWorks alone", only_realm="BroadWorks"),
        _fault("keeps-first-realm", "answers challenges in the realm of the first one alone", keeps_first_realm=True),
        _fault("ignores-stale", "gives up when its nonce is stale", heeds_stale=False),
        _fault(
            "trips-over-unknown-parameters",
            "gives up when the challenge has a parameter that it does not know",
            takes_unknown_parameters=False,
        ),
        # --- registration: grants and refusals
        _fault("ignores-expires-header", "looks for the granted expiry in Contact alone", reads_expires_header=False),
        _fault("prefers-expires-header", "takes the Expires header before the Contact", prefers_expires_header=True),
        _fault("gives-up-on-423", "does not register where its expiry is too brief", goes_on_after_423=False),
        _fault("ignores-min-expires", "asks for the same expiry after a 423", heeds_min_expires=False),
        _fault("hammers-on-403", "tries again at once when it is forbidden to register", hammers_on=403),
        _fault("hammers-on-401", "tries again at once when its credentials are refused", hammers_on=401),
        _fault("ignores-retry-after", "tries a server again at once that is out of service", heeds_retry_after=False),
        _fault("chokes-on-xml-body", "ends the connection when a 200 has a body", takes_bodies=False),
        _fault(
            "chokes-on-unknown-headers",
            "ends the connection when a 200 has headers that it does not know",
            takes_unknown_headers=False,
        ),
        # --- registration: at rest
        _fault("refreshes-too-fast", "refreshes its registration all the time", refresh_share=0.05),
        _fault("opens-a-flow-per-request", "opens a connection for each call", reuses_flow=False),
        _fault("never-reconnects", "stays away when its connection is lost", reconnects=False),
        _fault("one-call-id-for-all-lines", "registers all lines with one Call-ID", own_call_ids=False),
        _fault("never-deregisters", "ends without taking its bindings back", deregisters=False),
        _fault("answers-no-options", "does not answer OPTIONS", answers_options=False),
        # --- identity
        _fault("user-agent-without-model", "names a make and no model", user_agent="Certsuite"),
        _fault("user-agent-of-other-model", "names another model", user_agent="Certsuite OtherPhone/1.0"),
        _fault(
            "user-agent-register-only",
            "sends a User-Agent in REGISTER and nowhere else",
            user_agent_methods=frozenset({"REGISTER"}),
        ),
        # --- calls and media
        _fault("never-answers", "rings, and ignores that it is answered", answers=False),
        _fault("silent-call", "sends silence in every call", echoes_incoming=False, echoes_outgoing=False),
        _fault("outgoing-silent", "sends silence in calls that it places", echoes_outgoing=False),
        _fault("one-way-in", "sends no RTP", sends_rtp=False),
        _fault("loses-call-with-flow", "ends a call when its connection ends", keeps_call_without_flow=False),
        _fault("dials-once", "gives a call up that met a target that does not serve", dials_again=False),
        _fault("plain-srtp-key", "encrypts with a key that is not the one in its SDP", true_key=False),
        _fault("dials-wrong-number", "adds a digit to each number that is dialled", dialled_suffix="9"),
        _fault("offers-plain-rtp", "offers RTP without SRTP in calls that it places", offers_plain_rtp=True),
        _fault("accepts-plain-rtp", "answers an offer without SRTP, and sends plain RTP", accepts_plain_rtp=True),
        _fault("dtmf-inband", "sends digits as tones in the audio", dtmf_in_band=True),
        _fault("dtmf-wrong-digit", "sends the digit after the one that was pressed", dtmf_shift=1),
        _fault("hold-without-reinvite", "says that a call is held and goes on with it", hold_reinvites=False),
        _fault("resume-stays-silent", "sends no audio after a call was resumed", sends_after_resume=False),
        _fault("never-resumes", "says that a call is resumed and leaves it held", resume_reinvites=False),
        # --- robustness of the suite
        _fault("silent", "never sends anything", MISBEHAVIOUR, silent=True),
        _fault("dns-only", "asks for SRV and never connects", MISBEHAVIOUR, connects=False),
        _fault("exits-at-start", "ends at once", MISBEHAVIOUR, exits_at_start=True),
        _fault("exits-when-dialling", "ends at once when it is told to dial", MISBEHAVIOUR, exits_when_dialling=True),
        _fault("floods-garbage", "sends 300 kB of garbage over TLS", MISBEHAVIOUR, garbage_bytes=300_000),
        _fault(
            "hostile-user-agent",
            "has HTML, escape sequences, markup and direction signs in its User-Agent",
            MISBEHAVIOUR,
            user_agent=_HOSTILE_USER_AGENT,
        ),
        _fault("huge-user-agent", "has a User-Agent of 60 kB", MISBEHAVIOUR, user_agent=_HUGE_USER_AGENT),
        _fault("nul-user-agent", "has a NUL in its User-Agent", MISBEHAVIOUR, user_agent="{configured}\x00end"),
        _fault("ignores-sigterm", "does not end when it is told to", MISBEHAVIOUR, heeds_sigterm=False),
    )
}
"Every fault by its name, the device's own before those that try the suite."
