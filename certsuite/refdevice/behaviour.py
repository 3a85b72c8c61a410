"""How the device behaves: its parts read the fields of a :class:`Behaviour`, and know no fault by name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from certsuite.refdevice.call_behaviour import CallBehaviour

SIPS_SERVICE = "_sips._tcp"
IDENTRUST_SHA256 = "5D56499BE4D2E08BCFCAD08A3E38723D50503BDE706948E42F55603019E528AE"
"IdenTrust Commercial Root CA 1."


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
class Behaviour(CallBehaviour):
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
    "For the TCP connection and the TLS handshake together; ``None`` is to wait for ever, also in silence."
    survives_wrong_clock: bool = True
    "Whether it tries again after a handshake that failed while its clock was of 1970."
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
    exits_on_dislike: bool = False
    "Whether its program ends on such a chain."
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
    "Empty is to ask for no SRV record, and to go to the addresses of the outbound proxy."
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
    mixes_letters: bool = False
    "Whether each question has letters of both cases at random, which the answer has to repeat."
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
    connects_to_two: bool = False
    "Whether the next target is connected to beside each, and left as soon as both are ready."
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
    looks_back: bool = True
    "Whether it looks for a better target once before its next refresh, as it is configured to."
    fails_back: bool = True
    "Whether it returns to a better target when one is there again."

    # --- registration
    pins_realm: bool = False
    wrong_digest: bool = False
    auth_user_is_aor_user: bool = False
    password_drops: str = ""
    "Characters of the password that are lost before it is used."
    password_at_most: int | None = None
    "How many characters of the password are used; ``None`` is all."
    takes_new_password: bool = True
    "Whether another password in its configuration is taken while it runs."
    logs_password: bool = False
    "Whether the password is printed when a line registers."
    sends_password: bool = False
    "Whether REGISTER has the password in a header of its own."
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
    refresh_share: float = 0.3
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
    own_credentials: bool = True
    "Whether each line has credentials of its own; else those of the first are used for all."
    lines_used: int | None = None
    "How many of its lines it registers, the first ones; ``None`` is all."
    ports_a_line: int = 1
    "How many ports register each line, each with a Call-ID of its own."
    spaces_lines: bool = True
    "Whether lines are registered one after the other, as configured; else all at once."
    sends_keep_alives: bool = True
    keep_alive_factor: float = 1.0
    "How much longer its pause between two keep-alives is than configured."
    heeds_pong: bool = True
    "Whether a keep-alive that is not answered ends the flow."
    joins_pieces: bool = True
    "Whether a message may come in several pieces; else one that does is lost."
    deregisters: bool = True
    answers_options: bool = True

    # --- provisioning
    fetches: bool = True
    fetches_in_clear: bool = False
    "Whether it asks over HTTP, at port 8080, in place of HTTPS."
    fetched_name: str = ""
    "Name of the file that it asks for in place of the configured one."
    verifies_fetched_chain: bool = True
    "Without that, the name is not looked at either."
    verifies_fetched_name: bool = True
    verifies_fetched_dates: bool = True
    wrong_fetch_digest: bool = False
    conditional: bool = True
    "Whether it asks for a file only if that has changed."
    follows_redirects: bool = True
    redirects_to_clear: bool = False
    "Whether it follows a redirection from HTTPS to HTTP."
    password_in: str = ""
    "Where its password stands besides: ``url`` or ``user agent``."
    heeds_check_sync: bool = True
    challenges_check_sync: bool = False
    "Whether it asks who tells it to fetch for the line's credentials (RFC 3261 section 22.2)."
    listens_outside: bool = False
    "Whether it takes datagrams of anyone, on a port of its own."
    heeds_outsiders: bool = False
    "Whether what comes there is done without asking for credentials."
    applies_fetched: bool = True
    applies_halves: bool = False
    "Whether a file is used of which a part came."
    keeps_fetched: bool = True
    "Whether what was fetched is there after a restart."
    needs_server: bool = False
    "Whether it ends when nothing can be fetched."
    fetch_timeout_s: float | None = None
    "Seconds; ``None``: as for a request of SIP."

    # --- subscriptions
    subscribes: bool = True
    subscriptions_each: int = 1
    "How many subscriptions it makes of each kind."
    subscribes_anew: bool = True
    "Whether it subscribes again over a new flow; else what it subscribed to over the first one is left to its expiry."
    refreshes_subscriptions: bool = True
    takes_notify: bool = True
    "Whether a NOTIFY within a subscription is answered with 200; else with 481."

    # --- identity
    user_agent: str | None = None
    "User-Agent in place of the configured one; ``{configured}`` in it stands for that, ``{password}`` for a password."
    user_agent_of_calls: str | None = None
    "User-Agent of every other request than REGISTER, likewise."
    user_agent_methods: frozenset[str] | None = None
    "Methods whose requests carry a User-Agent, responses then carry none; ``None`` is everything."

    # --- the program
    silent: bool = False
    "Whether nothing is ever sent to the network."
    exits_at_start: bool = False
    exits_when_dialling: bool = False
    garbage_bytes: int = 0
    "Bytes of garbage that are sent in place of the first REGISTER of each flow."
    heeds_sigterm: bool = True


COMPLIANT = Behaviour()
