"""The named faults of the device: what is wrong with such a device, and the fields of its behaviour that they set."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from certsuite.refdevice.behaviour import IDENTRUST_SHA256, Behaviour, RefusesBy, Verifies
from certsuite.refdevice.call_faults import CALL_FAULTS
from certsuite.refdevice.fault import MISBEHAVIOUR, ODD_DEVICE, Fault, fault


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


def _accepts(name: str, description: str, overlooked: str) -> Fault:
    return fault(name, description, overlooks=(overlooked,))


def _refuses(name: str, description: str) -> Fault:
    return fault(name, description, dislikes=(name.removeprefix("refuses-"),))


_HOSTILE_USER_AGENT = (
    "{configured} <script>alert(1)</script><img src=x onerror=alert(2)> \x1b[31mred\x1b]0;title\x07 "
    "[bold]rich[/bold] [link=http://192.0.2.1]link[/link] \u202etxt.exe\u202c ]]>&amp;"
)
_HUGE_USER_AGENT = "{configured} " + "A" * 60_000

FAULTS: dict[str, Fault] = {
    one.name: one
    for one in (
        # --- TLS
        fault("tls13-only", "offers TLS 1.3 alone", tls_minimum="1.3"),
        fault("accepts-tls10", "takes servers that speak no more than TLS 1.0 or 1.1", tls_minimum="1.0"),
        fault("ignores-lab-root", "trusts none of the roots that it was given", loads_trusted_roots=False),
        fault("lacks-identrust", "does not trust the IdenTrust root", lacks_root=IDENTRUST_SHA256),
        fault("accepts-any-root", "does not verify the server's chain", verifies_chain=False),
        fault("ignores-host-name", "does not compare the server's name", verifies_host_name=False),
        fault("tls12-only", "offers nothing newer than TLS 1.2", tls_maximum="1.2"),
        fault("breaks-off-tls13", "ends each connection on which TLS 1.3 was agreed", stays_with_tls13=False),
        fault(
            "no-gcm",
            "offers CBC suites alone for TLS 1.2",
            tls_ciphers="ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256",
        ),
        fault(
            "offers-weak-suites",
            "offers suites without encryption and without authentication",
            tls_ciphers="ALL:COMPLEMENTOFALL:@SECLEVEL=0",
        ),
        fault("offers-rare-group", "offers the group secp384r1 alone", tls_group="secp384r1"),
        fault("no-server-name", "sends no server name", sends_server_name=False),
        fault(
            "refuses-certificate-request",
            "gives up when the server asks for a certificate",
            goes_on_without_certificate=False,
        ),
        fault("old-hello-first", "first tries the ClientHello of a very old TLS stack", old_hello_first=True),
        fault("falls-back-to-cleartext", "registers over TCP port 5060 when TLS fails", cleartext_port=5060),
        fault("refuses-fragments", "cannot read handshake messages that span records", takes_fragments=False),
        fault("ignores-downgrade-mark", "goes on when a server marks a downgrade", heeds_downgrade=False),
        fault("impatient-handshake", "gives a handshake 0.3 s", handshake_timeout_s=0.3),
        fault("endless-handshake", "waits for ever in a handshake", handshake_timeout_s=None),
        fault("needs-clock-at-start", "gives up for good when its clock is of 1970", survives_wrong_clock=False),
        fault(
            "gives-up-after-broken-handshake",
            "gives up for good when a server breaks a handshake off",
            survives_broken_handshake=False,
        ),
        fault("verifies-once", "does not verify a server that it has verified before", verifies_each_time=False),
        fault("pins-issuer", "takes the issuer alone that it saw first", pins_issuer=True),
        fault("insists-on-session", "gives up where its TLS session is not resumed", insists_on_session=True),
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
        fault(
            "wants-target-name",
            "compares the server's name with the SRV target, not the outbound proxy",
            wants_target_name=True,
        ),
        _refuses("refuses-superfluous-certificates", "refuses a chain with more than its path"),
        _refuses("refuses-large-chain", "refuses a chain that is longer than a TLS record"),
        fault(
            "crashes-on-large-chain",
            "ends on a chain that is longer than a TLS record",
            dislikes=("large-chain",),
            exits_on_dislike=True,
        ),
        _refuses("refuses-rsa-3072", "refuses a certificate with an RSA key of 3072 bits"),
        _refuses("refuses-rsa-4096", "refuses a certificate with an RSA key of 4096 bits"),
        fault(
            "ignores-stapled-revocation",
            "asks for a stapled OCSP answer and does not look at it",
            asks_for_status=True,
            heeds_status=False,
        ),
        fault(
            "speaks-before-verifying",
            "registers first and verifies the server's certificate afterwards",
            verifies=Verifies.AFTER_SPEAKING,
        ),
        # --- TLS: right in an unusual way
        fault(
            "rejects-without-alert",
            "closes the connection on a bad certificate, without an alert",
            ODD_DEVICE,
            refuses_by=RefusesBy.CLOSING,
        ),
        fault(
            "rejects-by-silence",
            "leaves the connection on a bad certificate open and silent, and goes on elsewhere",
            ODD_DEVICE,
            refuses_by=RefusesBy.SILENCE,
        ),
        fault(
            "closes-after-handshake",
            "completes the handshake, then verifies the certificate, and closes if it is bad",
            ODD_DEVICE,
            verifies=Verifies.AFTER_HANDSHAKE,
        ),
        fault("heeds-stapled-revocation", "asks for stapled OCSP and heeds it", ODD_DEVICE, asks_for_status=True),
        # --- DNS and targets
        fault("asks-sip-tls", "asks for SRV _sip._tls", srv_service="_sip._tls"),
        fault("goes-to-proxys-address", "asks for no SRV record, and goes to port 5061 of the name", srv_service=""),
        fault("ignores-srv-port", "connects to port 5061 whatever SRV says", fixed_port=5061),
        fault("ignores-srv-priority", "tries the highest priority value first", highest_priority_value_first=True),
        fault("takes-answer-order", "tries targets in the order of the answer", order_of_answer=True),
        fault("ignores-weight", "tries the lightest target of a priority first", heeds_weight=False),
        fault("ignores-ttl", "keeps the first targets that it found for ever", heeds_ttl=False),
        fault("takes-first-address-only", "tries one address of each target", addresses_per_target=1),
        fault("reads-four-records", "reads the first four records of an answer", records_per_answer=4),
        fault("takes-ipv6-alone", "tries no IPv4 address of a host with IPv6", asks_ipv6=True, ipv6_alone=True),
        fault("waits-for-aaaa", "needs an answer to AAAA to use that to A", asks_ipv6=True),
        fault("insists-on-edns", "asks with EDNS alone", insists_on_edns=True),
        fault("impatient-resolver", "waits 0.2 s for DNS", dns_timeout_s=0.2),
        fault("accepts-wrong-id", "takes any answer for its own", compares_id=False),
        fault("heeds-letter-case", "takes names in other letters for other names", heeds_letter_case=True),
        fault(
            "mixes-letters",
            "asks in letters of both cases at random, and wants them back",
            ODD_DEVICE,
            mixes_letters=True,
            heeds_letter_case=True,
        ),
        fault("ignores-cname", "follows no alias", follows_cname=False),
        fault("ignores-no-service", "takes SRV target . for a missing record", takes_no_service_for_no_record=True),
        fault("no-address-fallback", "asks nothing more without SRV", falls_back_to_address=False),
        fault("gives-up-after-silence", "gives up when DNS does not answer", gives_up_after="no answer"),
        fault("gives-up-after-servfail", "gives up when DNS answers SERVFAIL", gives_up_after="SERVFAIL"),
        fault("gives-up-after-nxdomain", "gives up when DNS knows no such name", gives_up_after="NXDOMAIN"),
        fault("drops-registration-without-dns", "resolves before each refresh", resolves_to_refresh=True),
        fault("needs-registrar-address", "does not go on without one", resolves_registrar=True),
        fault("register-names-proxy", "has the outbound proxy in the URI of REGISTER", register_names_proxy=True),
        fault("connects-to-two", "connects to two targets at once, and uses one", ODD_DEVICE, connects_to_two=True),
        fault("never-fails-over", "tries the first target alone, again and again", targets_tried=1),
        fault("walks-two-targets", "tries the first two targets alone", targets_tried=2),
        fault("takes-eight-targets", "keeps no more than eight targets of an SRV answer", targets_tried=8),
        fault("ignores-long-answers", "has no use for a truncated DNS answer", takes_long_answers=False),
        fault(
            "never-times-out",
            "waits for ever for a connection or an answer",
            handshake_timeout_s=None,
            gives_up_requests=False,
        ),
        fault("sticks-to-silent-connection", "waits for ever for an answer", gives_up_requests=False),
        fault("ignores-503", "stays with a target that answers 503", moves_on_at=frozenset({408, 430, 500})),
        fault("moves-on-at-503-alone", "stays with targets that answer 500, 408 or 430", moves_on_at=frozenset({503})),
        fault("hammers-targets", "tries again at once when every target failed", hammers=True),
        fault("gives-up-both-down", "tries all targets twice and never again", rounds_tried=2),
        fault("wanders-between-targets", "goes to the other target at each refresh", wanders=True, looks_back=False),
        fault("keeps-old-binding", "stays registered where it has moved from", refreshes_old_flow=True),
        fault("keeps-old-flow", "leaves the connection open that it has moved from", ODD_DEVICE, keeps_old_flow=True),
        fault("never-fails-back", "stays on the secondary for ever", fails_back=False),
        # --- subscriptions
        fault("never-subscribes", "subscribes to nothing", subscribes=False),
        fault("drops-subscriptions", "does not subscribe again over a new connection", subscribes_anew=False),
        fault("lets-subscriptions-expire", "refreshes no subscription", refreshes_subscriptions=False),
        fault(
            "subscribes-twice",
            "subscribes twice in place of refreshing",
            subscriptions_each=2,
            refreshes_subscriptions=False,
        ),
        fault("refuses-notify", "answers NOTIFY within a subscription with 481", takes_notify=False),
        # --- registration
        fault("wrong-digest", "computes a wrong digest response", wrong_digest=True),
        fault("pins-realm", "answers with its registrar's domain as realm", pins_realm=True),
        fault("auth-user-is-aor-user", "authenticates as the user of its AoR", auth_user_is_aor_user=True),
        fault("mangles-password", 'loses the signs % & " of its password', password_drops='%&"'),
        fault("never-refreshes", "lets its registration expire", refreshes=False, looks_back=False),
        fault(
            "ignores-granted-expiry",
            "refreshes by the expiry that it asked for",
            heeds_granted_expiry=False,
            looks_back=False,
        ),
        fault("cuts-off-password", "uses the first 20 characters of its password", password_at_most=20),
        fault("keeps-old-password", "takes another password only when started anew", takes_new_password=False),
        fault("logs-password", "prints its password when it registers", logs_password=True),
        fault("sends-password", "has its password in a header of REGISTER", sends_password=True),
        fault("uses-sips-uri", "writes a sips: URI into its Contact", contact_scheme="sips"),
        # --- registration: digest
        fault("takes-no-qop-list", "gives up when qop has more than auth", takes_qop_lists=False),
        fault("needs-qop", "gives up when the challenge has no qop", needs_qop=True),
        fault("gives-up-on-two-challenges", "answers none of two challenges", takes_several_challenges=False),
        fault(
            "takes-first-challenge-only",
            "knows MD5 alone, and looks at the first challenge alone",
            knows_sha256=False,
            looks_beyond_first_challenge=False,
        ),
        fault("knows-md5-alone", "knows no digest by SHA-256", ODD_DEVICE, knows_sha256=False),
        fault("knows-broadworks-alone", "answers challenges in the realm BroadWorks alone", only_realm="BroadWorks"),
        fault("keeps-first-realm", "answers challenges in the realm of the first one alone", keeps_first_realm=True),
        fault("ignores-stale", "gives up when its nonce is stale", heeds_stale=False),
        fault(
            "trips-over-unknown-parameters",
            "gives up when the challenge has a parameter that it does not know",
            takes_unknown_parameters=False,
        ),
        # --- registration: grants and refusals
        fault("ignores-expires-header", "looks for the granted expiry in Contact alone", reads_expires_header=False),
        fault("prefers-expires-header", "takes the Expires header before the Contact", prefers_expires_header=True),
        fault("gives-up-on-423", "does not register where its expiry is too brief", goes_on_after_423=False),
        fault("ignores-min-expires", "asks for the same expiry after a 423", heeds_min_expires=False),
        fault("hammers-on-403", "tries again at once when it is forbidden to register", hammers_on=403),
        fault("hammers-on-401", "tries again at once when its credentials are refused", hammers_on=401),
        fault("ignores-retry-after", "tries a server again at once that is out of service", heeds_retry_after=False),
        fault("chokes-on-xml-body", "ends the connection when a 200 has a body", takes_bodies=False),
        fault(
            "chokes-on-unknown-headers",
            "ends the connection when a 200 has headers that it does not know",
            takes_unknown_headers=False,
        ),
        # --- registration: at rest
        fault("refreshes-too-fast", "refreshes its registration all the time", refresh_share=0.05),
        fault("opens-a-flow-per-request", "opens a connection for each call", reuses_flow=False),
        fault("never-reconnects", "stays away when its connection is lost", reconnects=False),
        fault("one-call-id-for-all-lines", "registers all lines with one Call-ID", own_call_ids=False),
        fault("first-credentials-for-all-lines", "has one password for all lines", own_credentials=False),
        fault("registers-first-line-only", "leaves all lines but the first alone", lines_used=1),
        fault("registers-lines-twice", "registers each line from two ports", ports_a_line=2),
        fault("registers-all-at-once", "registers all lines in one moment", spaces_lines=False),
        fault("sends-no-keep-alive", "leaves its connection to itself", sends_keep_alives=False),
        fault("rare-keep-alive", "sends keep-alives twenty times too seldom", keep_alive_factor=20.0),
        fault("ignores-missing-pong", "goes on when its keep-alive is not answered", heeds_pong=False),
        fault("loses-messages-in-pieces", "takes what comes at once for a message", joins_pieces=False),
        fault("never-deregisters", "ends without taking its bindings back", deregisters=False),
        fault("answers-no-options", "does not answer OPTIONS", answers_options=False),
        # --- provisioning
        fault("never-fetches", "does not fetch its configuration", fetches=False),
        fault("fetches-in-clear", "fetches its configuration over HTTP", fetches_in_clear=True),
        fault("asks-for-another-file", "asks for a file of another name", fetched_name="phone.cfg"),
        fault("fetches-from-any-root", "does not verify the provisioning server", verifies_fetched_chain=False),
        fault("fetches-from-any-host", "does not compare that server's name", verifies_fetched_name=False),
        fault("fetches-from-expired", "does not look at its certificate's dates", verifies_fetched_dates=False),
        fault("wrong-fetch-digest", "fetches with a wrong digest response", wrong_fetch_digest=True),
        fault("fetches-whole", "fetches what has not changed as well", ODD_DEVICE, conditional=False),
        fault("follows-no-redirection", "does not follow a server's redirection", follows_redirects=False),
        fault("redirected-to-clear", "follows a redirection to HTTP", redirects_to_clear=True),
        fault("password-in-url", "has its password in the URL that it asks for", password_in="url"),
        fault("password-in-user-agent", "has its password in HTTP's User-Agent", password_in="user agent"),
        fault("ignores-check-sync", "does nothing at a NOTIFY check-sync", heeds_check_sync=False),
        fault("heeds-outsiders", "fetches when anyone tells it to", listens_outside=True, heeds_outsiders=True),
        fault(
            "challenges-outsiders", "asks anyone for credentials on a port of its own", ODD_DEVICE, listens_outside=True
        ),
        fault("challenges-check-sync", "asks who has it fetch for credentials", ODD_DEVICE, challenges_check_sync=True),
        fault("ignores-fetched", "fetches its configuration and does not use it", applies_fetched=False),
        fault("applies-half-a-file", "uses a configuration that came in part", applies_halves=True),
        fault("forgets-fetched", "forgets its configuration when it ends", keeps_fetched=False),
        fault("needs-provisioning", "ends when its configuration cannot be fetched", needs_server=True),
        # --- identity
        fault("user-agent-without-model", "names a make and no model", user_agent="Certsuite"),
        fault("user-agent-of-other-model", "names another model", user_agent="Certsuite OtherPhone/1.0"),
        fault(
            "user-agent-register-only",
            "sends a User-Agent in REGISTER and nowhere else",
            user_agent_methods=frozenset({"REGISTER"}),
        ),
        fault("user-agent-changes", "has another User-Agent in calls", user_agent_of_calls="Certsuite/1.0"),
        fault(
            "user-agent-unreadable",
            "names make and model in an order of its own",
            user_agent="ReferencePhone (made by Certsuite)",
        ),
        fault("claims-to-be-cisco", "has the User-Agent of a phone of Cisco's", user_agent="Cisco-CP-8841-3PCC/11.0"),
        fault(
            "user-agent-with-other-mac",
            "has another maker's MAC address in its User-Agent",
            user_agent="{configured} 805ec0001122",
        ),
        fault(
            "password-in-sip-user-agent",
            "has its password in the User-Agent of every request but REGISTER",
            user_agent_of_calls="{configured} {password}",
        ),
        *CALL_FAULTS,
        # --- robustness of the suite
        fault("silent", "never sends anything", MISBEHAVIOUR, silent=True),
        fault("dns-only", "asks for SRV and never connects", MISBEHAVIOUR, connects=False),
        fault("exits-at-start", "ends at once", MISBEHAVIOUR, exits_at_start=True),
        fault("exits-when-dialling", "ends at once when it is told to dial", MISBEHAVIOUR, exits_when_dialling=True),
        fault("floods-garbage", "sends 300 kB of garbage over TLS", MISBEHAVIOUR, garbage_bytes=300_000),
        fault(
            "hostile-user-agent",
            "has HTML, escape sequences, markup and direction signs in its User-Agent",
            MISBEHAVIOUR,
            user_agent=_HOSTILE_USER_AGENT,
        ),
        fault("huge-user-agent", "has a User-Agent of 60 kB", MISBEHAVIOUR, user_agent=_HUGE_USER_AGENT),
        fault("nul-user-agent", "has a NUL in its User-Agent", MISBEHAVIOUR, user_agent="{configured}\x00end"),
        fault("ignores-sigterm", "does not end when it is told to", MISBEHAVIOUR, heeds_sigterm=False),
    )
}
"Every fault by its name, the device's own before those that try the suite."
