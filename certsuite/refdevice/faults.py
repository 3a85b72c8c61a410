"""The named faults of the device: what is wrong with such a device, and the fields of its behaviour that they set."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from certsuite.refdevice.behaviour import IDENTRUST_SHA256, Behaviour, RefusesBy, Verifies

FAULTY_DEVICE = "a device that misbehaves in what is certified"
ODD_DEVICE = "a device that is right in an unusual way, for no case to fail"
MISBEHAVIOUR = "a device that is no use at all, for the suite's own robustness"


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


def _refuses_form(name: str, description: str, form: str) -> Fault:
    return _fault(name, description, refused_forms=(form,))


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
        _fault("needs-clock-at-start", "gives up for good when its clock is of 1970", survives_wrong_clock=False),
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
        _fault(
            "crashes-on-large-chain",
            "ends on a chain that is longer than a TLS record",
            dislikes=("large-chain",),
            exits_on_dislike=True,
        ),
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
        _fault("heeds-stapled-revocation", "asks for stapled OCSP and heeds it", ODD_DEVICE, asks_for_status=True),
        # --- DNS and targets
        _fault("asks-sip-tls", "asks for SRV _sip._tls", srv_service="_sip._tls"),
        _fault("goes-to-proxys-address", "asks for no SRV record, and goes to port 5061 of the name", srv_service=""),
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
        _fault(
            "mixes-letters",
            "asks in letters of both cases at random, and wants them back",
            ODD_DEVICE,
            mixes_letters=True,
            heeds_letter_case=True,
        ),
        _fault("ignores-cname", "follows no alias", follows_cname=False),
        _fault("ignores-no-service", "takes SRV target . for a missing record", takes_no_service_for_no_record=True),
        _fault("no-address-fallback", "asks nothing more without SRV", falls_back_to_address=False),
        _fault("gives-up-after-silence", "gives up when DNS does not answer", gives_up_after="no answer"),
        _fault("gives-up-after-servfail", "gives up when DNS answers SERVFAIL", gives_up_after="SERVFAIL"),
        _fault("gives-up-after-nxdomain", "gives up when DNS knows no such name", gives_up_after="NXDOMAIN"),
        _fault("drops-registration-without-dns", "resolves before each refresh", resolves_to_refresh=True),
        _fault("needs-registrar-address", "does not go on without one", resolves_registrar=True),
        _fault("register-names-proxy", "has the outbound proxy in the URI of REGISTER", register_names_proxy=True),
        _fault("connects-to-two", "connects to two targets at once, and uses one", ODD_DEVICE, connects_to_two=True),
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
        _fault("wanders-between-targets", "goes to the other target at each refresh", wanders=True, looks_back=False),
        _fault("keeps-old-binding", "stays registered where it has moved from", refreshes_old_flow=True),
        _fault("keeps-old-flow", "leaves the connection open that it has moved from", ODD_DEVICE, keeps_old_flow=True),
        _fault("never-fails-back", "stays on the secondary for ever", fails_back=False),
        # --- subscriptions
        _fault("never-subscribes", "subscribes to nothing", subscribes=False),
        _fault("drops-subscriptions", "does not subscribe again over a new connection", subscribes_anew=False),
        _fault("lets-subscriptions-expire", "refreshes no subscription", refreshes_subscriptions=False),
        _fault("refuses-notify", "answers NOTIFY within a subscription with 481", takes_notify=False),
        # --- registration
        _fault("wrong-digest", "computes a wrong digest response", wrong_digest=True),
        _fault("pins-realm", "answers with its registrar's domain as realm", pins_realm=True),
        _fault("auth-user-is-aor-user", "authenticates as the user of its AoR", auth_user_is_aor_user=True),
        _fault("mangles-password", 'loses the signs % & " of its password', password_drops='%&"'),
        _fault("never-refreshes", "lets its registration expire", refreshes=False, looks_back=False),
        _fault(
            "ignores-granted-expiry",
            "refreshes by the expiry that it asked for",
            heeds_granted_expiry=False,
            looks_back=False,
        ),
        _fault("cuts-off-password", "uses the first 20 characters of its password", password_at_most=20),
        _fault("keeps-old-password", "takes another password only when started anew", takes_new_password=False),
        _fault("logs-password", "prints its password when it registers", logs_password=True),
        _fault("sends-password", "has its password in a header of REGISTER", sends_password=True),
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
        _fault("first-credentials-for-all-lines", "has one password for all lines", own_credentials=False),
        _fault("registers-first-line-only", "leaves all lines but the first alone", lines_used=1),
        _fault("registers-lines-twice", "registers each line from two ports", ports_a_line=2),
        _fault("registers-all-at-once", "registers all lines in one moment", spaces_lines=False),
        _fault("sends-no-keep-alive", "leaves its connection to itself", sends_keep_alives=False),
        _fault("rare-keep-alive", "sends keep-alives twenty times too seldom", keep_alive_factor=20.0),
        _fault("ignores-missing-pong", "goes on when its keep-alive is not answered", heeds_pong=False),
        _fault("loses-messages-in-pieces", "takes what comes at once for a message", joins_pieces=False),
        _fault("never-deregisters", "ends without taking its bindings back", deregisters=False),
        _fault("answers-no-options", "does not answer OPTIONS", answers_options=False),
        # --- provisioning
        _fault("never-fetches", "does not fetch its configuration", fetches=False),
        _fault("fetches-in-clear", "fetches its configuration over HTTP", fetches_in_clear=True),
        _fault("asks-for-another-file", "asks for a file of another name", fetched_name="phone.cfg"),
        _fault("fetches-from-any-root", "does not verify the provisioning server", verifies_fetched_chain=False),
        _fault("fetches-from-any-host", "does not compare that server's name", verifies_fetched_name=False),
        _fault("fetches-from-expired", "does not look at its certificate's dates", verifies_fetched_dates=False),
        _fault("wrong-fetch-digest", "fetches with a wrong digest response", wrong_fetch_digest=True),
        _fault("fetches-whole", "fetches what has not changed as well", ODD_DEVICE, conditional=False),
        _fault("follows-no-redirection", "does not follow a server's redirection", follows_redirects=False),
        _fault("redirected-to-clear", "follows a redirection to HTTP", redirects_to_clear=True),
        _fault("password-in-url", "has its password in the URL that it asks for", password_in="url"),
        _fault("password-in-user-agent", "has its password in HTTP's User-Agent", password_in="user agent"),
        _fault("ignores-check-sync", "does nothing at a NOTIFY check-sync", heeds_check_sync=False),
        _fault("heeds-outsiders", "fetches when anyone tells it to", listens_outside=True, heeds_outsiders=True),
        _fault(
            "challenges-outsiders", "asks anyone for credentials on a port of its own", ODD_DEVICE, listens_outside=True
        ),
        _fault(
            "challenges-check-sync", "asks who has it fetch for credentials", ODD_DEVICE, challenges_check_sync=True
        ),
        _fault("ignores-fetched", "fetches its configuration and does not use it", applies_fetched=False),
        _fault("applies-half-a-file", "uses a configuration that came in part", applies_halves=True),
        _fault("forgets-fetched", "forgets its configuration when it ends", keeps_fetched=False),
        _fault("needs-provisioning", "ends when its configuration cannot be fetched", needs_server=True),
        # --- identity
        _fault("user-agent-without-model", "names a make and no model", user_agent="Certsuite"),
        _fault("user-agent-of-other-model", "names another model", user_agent="Certsuite OtherPhone/1.0"),
        _fault(
            "user-agent-register-only",
            "sends a User-Agent in REGISTER and nowhere else",
            user_agent_methods=frozenset({"REGISTER"}),
        ),
        _fault("user-agent-changes", "has another User-Agent in calls", user_agent_of_calls="Certsuite/1.0"),
        _fault(
            "user-agent-unreadable",
            "names make and model in an order of its own",
            user_agent="ReferencePhone (made by Certsuite)",
        ),
        _fault("claims-to-be-cisco", "has the User-Agent of a phone of Cisco's", user_agent="Cisco-CP-8841-3PCC/11.0"),
        _fault(
            "user-agent-with-other-mac",
            "has another maker's MAC address in its User-Agent",
            user_agent="{configured} 805ec0001122",
        ),
        _fault(
            "password-in-sip-user-agent", "has its password in SIP's User-Agent", user_agent="{configured} {password}"
        ),
        # --- calls and media
        _fault("never-answers", "rings, and ignores that it is answered", answers=False),
        _fault("silent-call", "sends silence in every call", echoes_incoming=False, echoes_outgoing=False),
        _fault("outgoing-silent", "sends silence in calls that it places", echoes_outgoing=False),
        _fault("one-way-in", "sends no RTP", sends_rtp=False),
        _fault("loses-call-with-flow", "ends a call when its connection ends", keeps_call_without_flow=False),
        _fault(
            "takes-503-for-final", "takes a 503 to a request within a call for the last word", moves_calls_at_503=False
        ),
        _fault("dials-once", "gives a call up that met a target that does not serve", dials_again=False),
        _fault("plain-srtp-key", "encrypts with a key that is not the one in its SDP", true_key=False),
        _fault("dials-wrong-number", "adds a digit to each number that is dialled", dialled_suffix="9"),
        _fault("offers-plain-rtp", "offers RTP without SRTP in calls that it places", offers_plain_rtp=True),
        _fault("accepts-plain-rtp", "answers an offer without SRTP, and sends plain RTP", accepts_plain_rtp=True),
        _fault(
            "takes-keys-for-plain-rtp",
            "takes an offer of RTP/AVP with keys, and sends plain RTP",
            overlooks_keys_of_plain_rtp=True,
        ),
        _fault("answers-tag-1", "answers every crypto line with tag 1", keeps_tag=False),
        _fault("takes-any-answer", "takes crypto lines in an answer that it did not offer", checks_answers=False),
        _fault("keeps-first-keys", "goes on with the old key after a re-INVITE brought another", takes_new_keys=False),
        _fault("loses-roll-over", "does not count when sequence numbers roll over", counts_roll_overs=False),
        _fault("restarts-roll-over", "begins to count roll-overs anew at a re-INVITE", keeps_roll_over=False),
        _fault("takes-replays", "takes packets a second time", takes_replays=True),
        _fault("media-from-other-port", "sends media from another port than its SDP names", sends_from_own_port=False),
        _fault("stays-with-address", "sends media to the first address for ever", follows_address=False),
        _fault("no-rtcp", "sends no RTCP", report_s=0.0),
        _fault("plain-rtcp", "sends RTCP in the clear beside SRTP", protects_reports=False),
        _fault("rtcp-without-name", "sends reports without a CNAME", names_itself=False),
        _fault("reports-no-loss", "reports that nothing was lost", reports_lost=False),
        _fault("reports-wrong-jitter", "reports jitter in microseconds", jitter_factor=125.0),
        _fault("breaks-rtcp-mux", "agrees to RTCP on one port, and sends it to another", multiplexes=False),
        _fault("floods-rtcp", "sends fifty reports a second", report_s=0.02),
        _fault("keeps-first-source", "hears the first SSRC of a call alone", takes_other_sources=False),
        _fault("waits-for-lost-packets", "waits for ever for packets that were lost", waits_for_lost=True),
        _fault("takes-20-ms-alone", "hears packets of 20 ms alone", packet_octets=160),
        _fault("has-no-g722", "knows no G.722", codecs=frozenset({"PCMU", "PCMA", "OPUS", "G729"})),
        _fault("silent-g729", "sends silence where G.729 was agreed on", mute_codecs=frozenset({"G729"})),
        _fault("stops-at-comfort-noise", "falls silent when comfort noise comes", heeds_comfort_noise=False),
        _fault("silent-opus", "sends silence where opus was agreed on", mute_codecs=frozenset({"OPUS"})),
        _fault("silent-ulaw", "sends silence where PCMU was agreed on", mute_codecs=frozenset({"PCMU"})),
        _fault("overdrives", "sends back G.711 eight times as loud", gain=8.0),
        _fault("too-quiet", "sends back G.711 at a sixth of its loudness", gain=1 / 6),
        _fault("drops-frames", "sends silence for every third frame of G.711 that it heard", drops_frames=3),
        _fault("refuses-late-offer", "refuses an INVITE without an offer", offers_late=False),
        _fault("late-offer-plain", "offers RTP without SRTP when it is asked for an offer", late_offer_plain=True),
        _fault(
            "keeps-early-media", "stays with the answer of the 183 when the 200 has another", takes_changed_answer=False
        ),
        _fault("sends-when-held", "goes on sending when the far end holds the call", goes_on_when_held=True),
        _fault("refuses-old-hold", "refuses an offer with the address 0.0.0.0", takes_old_hold=False),
        _fault("stays-held", "sends nothing after the far end has held the call", comes_back_from_hold=False),
        _fault("refuses-video", "refuses an offer that has video beside the audio", minds_video=True),
        _fault("dtmf-wrong-clock", "counts digits at 48 kHz in units of 8 kHz", dtmf_clock_right=False),
        _fault("dtmf-inband", "sends digits as tones in the audio", dtmf_in_band=True),
        _fault("dtmf-wrong-digit", "sends the digit after the one that was pressed", dtmf_shift=1),
        _fault("hears-no-digits", "takes no notice of digits that come", hears_digits=False),
        _fault("hold-without-reinvite", "says that a call is held and goes on with it", hold_reinvites=False),
        _fault("resume-stays-silent", "sends no audio after a call was resumed", sends_after_resume=False),
        _fault("never-resumes", "says that a call is resumed and leaves it held", resume_reinvites=False),
        # --- how calls end
        _fault("never-cancels", "hangs a call up that rings, and tells nobody", cancels=False),
        _fault("cancels-another", "sends CANCEL with a branch of its own", cancels_its_invite=False),
        _fault("acknowledges-another", "sends ACK for a 2xx with the next CSeq number", ack_offset=1),
        _fault("ends-another-dialog", "sends BYE without the far end's tag", ends_its_dialog=False),
        _fault("never-acknowledges-refusals", "sends no ACK for a refusal", acknowledges_refusals=False),
        _fault("rejects-with-503", "rejects calls with 503 Service Unavailable", rejects_with=503),
        _fault("one-line-alone", "calls from the first line and refuses calls to others", heeds_second_line=False),
        _fault("keeps-answered-calls", "sends no BYE in calls that it answered", says_bye_when_answered=False),
        _fault("refuses-bye-in-own-calls", "answers 481 to BYE in calls it placed", takes_bye_in_own_calls=False),
        _fault("forgets-cancelled-invite", "answers a CANCEL, and not its INVITE", ends_cancelled_invite=False),
        _fault("keeps-crossed-call", "leaves a call up that was answered as it gave up", ends_crossed_call=False),
        _fault("late-cancel-ends-call", "takes a CANCEL for the end of an answered call", heeds_late_cancel=True),
        _fault("needs-ack-for-bye", "answers 481 to a BYE before the ACK", needs_ack_for_bye=True),
        # --- what comes in calls
        _refuses_form("refuses-anonymous", "refuses calls without a caller's name with 433", "anonymous"),
        _refuses_form("refuses-unicode", "refuses callers with letters beyond ASCII with 400", "unicode"),
        _refuses_form("refuses-unasserted", "refuses callers whom nobody asserts with 403", "unasserted"),
        _refuses_form("refuses-tel-identity", "refuses callers with a tel: URI with 400", "tel-identity"),
        _refuses_form("refuses-diverted", "refuses calls that were diverted with 400", "diverted"),
        _refuses_form("refuses-alert-info", "refuses calls with Alert-Info with 400", "alert-info"),
        _refuses_form("refuses-extensions", "refuses calls that offer session timers with 420", "extensions"),
        _refuses_form("refuses-long-headers", "refuses headers of 4 kB with 400", "long-headers"),
        _refuses_form("refuses-long-sdp", "refuses bodies of more than 8 kB with 413", "long-sdp"),
        _fault("cuts-display-names", "leaves the caller's name out of its responses", keeps_display_names=False),
        _fault("prefixes-short-numbers", "dials 9 before short numbers", dialled_prefix="9"),
        _fault("drops-plus", "leaves the + of an international number out", drops_plus=True),
        _fault("ignores-require", "takes no notice of Require", heeds_require=False),
        _fault("never-pracks", "sends no PRACK for a reliable response", sends_prack=False),
        _fault("gives-up-on-181", "ends a call that is forwarded at the far end", ends_call_at=181),
        _fault("refuses-reinvites", "refuses each re-INVITE with 488", reoffers_taken=0),
        _fault("refuses-update", "names UPDATE in Allow and refuses it with 501", takes_update=False),
        _fault("tires-of-reinvites", "refuses the fifth re-INVITE of a call with 488", reoffers_taken=4),
        _fault("takes-crossing-offer", "agrees to an offer that crosses its own", refuses_crossing_offer=False),
        _fault("dies-of-malformed", "ends a call in which it cannot read a request", survives_malformed=False),
        _fault("ignores-cseq-order", "answers requests in a call in whatever order", heeds_order=False),
        _fault("ignores-unknown-requests", "answers no request that it does not know", answers_unknown=False),
        # --- transfers
        _fault("declines-refer", "declines each REFER with 603", takes_refer=False),
        _fault("accepts-refer-alone", "accepts a REFER and calls nobody", calls_refer_target=False),
        _fault("drops-replaces", "calls a REFER's target without its Replaces", keeps_replaces=False),
        _fault("drops-referred-by", "does not say who referred it", says_who_referred=False),
        _fault("never-tells-of-transfer", "sends no NOTIFY about a REFER", tells_of_transfers=False),
        _fault("tells-of-success-alone", "tells a failed transfer as a success", tells_failed_transfers=False),
        _fault("keeps-refer-subscription", "never ends a REFER's subscription", ends_refer_subscription=False),
        _fault(
            "drops-call-of-busy-target",
            "ends its call when a REFER's target is busy",
            drops_call_of_refused_target=True,
        ),
        _fault("follows-strangers", "follows a REFER outside of any call", follows_strangers=True),
        _fault("resolves-refer-target", "looks for a REFER's target in DNS", resolves_refer_target=True),
        _fault("refers-without-credentials", "gives up a REFER that is challenged", refers_with_credentials=False),
        _fault("keeps-transferred-call", "stays in a call that it has handed over", ends_transferred_call=False),
        _fault(
            "drops-call-of-failed-transfer",
            "ends a call that it failed to hand over",
            ends_call_of_failed_transfer=True,
        ),
        _fault("refuses-transfer-news", "answers 481 to NOTIFYs about its transfer", takes_transfer_news=False),
        _fault(
            "exchanges-tags",
            "names the call that is to be replaced by tags that are exchanged",
            names_own_call_rightly=False,
        ),
        _fault("ignores-replaces", "is busy for a call that replaces the one it has", heeds_replaces=False),
        _fault("rings-for-unknown-dialog", "rings for a call that replaces none", refuses_unknown_dialogs=False),
        _fault("keeps-replaced-call", "stays in a call that was replaced", ends_replaced_call=False),
        _fault("never-answers-by-itself", "rings when it is asked to answer at once", answers_by_itself=False),
        _fault("mixes-one-way", "lets one far end of a conference hear itself", mixes_both_ways=False),
        _fault("ignores-unsolicited", "answers no NOTIFY of messages that it did not ask for", takes_unsolicited=False),
        _fault("shows-shared-lines", "names call-info in Allow-Events", names_call_info=True),
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
