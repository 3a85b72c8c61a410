"""How the device behaves, and the named faults that change it.

A :class:`Behaviour` says what the device does; the parts of the device read its fields and know no fault by name. A
:class:`Fault` is a name, what is wrong with such a device, and the fields that it sets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

FAULTY_DEVICE = "a device that misbehaves in what is certified"
SIPS_SERVICE = "_sips._tcp"
MISBEHAVIOUR = "a device that is no use at all, for the suite's own robustness"


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
    loads_trusted_roots: bool = True
    "Whether the roots of its configuration are trusted; else none is."
    verifies_chain: bool = True
    verifies_host_name: bool = True
    cleartext_port: int | None = None
    "Port of the same address at which it registers over plain TCP when TLS has failed; ``None`` is never."

    # --- DNS and targets
    srv_service: str = SIPS_SERVICE
    fixed_port: int | None = None
    "Port that is used in place of the SRV record's."
    highest_priority_value_first: bool = False
    connects: bool = True
    "Whether it goes on from the DNS answer to a connection."
    fails_over: bool = True
    "Whether it goes to the next target when one fails."
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
        behaviour = dataclasses.replace(behaviour, **FAULTS[name].changes)
    return behaviour


def _fault(name: str, description: str, kind: str = FAULTY_DEVICE, **changes: Any) -> Fault:
    return Fault(name, description, changes, kind)


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
        # --- DNS and targets
        _fault("asks-sip-tls", "asks for SRV _sip._tls", srv_service="_sip._tls"),
        _fault("ignores-srv-port", "connects to port 5061 whatever SRV says", fixed_port=5061),
        _fault("ignores-srv-priority", "tries the highest priority value first", highest_priority_value_first=True),
        _fault("never-fails-over", "tries the first target alone, again and again", fails_over=False),
        _fault("never-fails-back", "stays on the secondary for ever", fails_back=False),
        # --- registration
        _fault("wrong-digest", "computes a wrong digest response", wrong_digest=True),
        _fault("pins-realm", "answers with its registrar's domain as realm", pins_realm=True),
        _fault("auth-user-is-aor-user", "authenticates as the user of its AoR", auth_user_is_aor_user=True),
        _fault("mangles-password", 'loses the signs % & " of its password', password_drops='%&"'),
        _fault("never-refreshes", "lets its registration expire", refreshes=False),
        _fault("ignores-granted-expiry", "refreshes by the expiry that it asked for", heeds_granted_expiry=False),
        _fault("uses-sips-uri", "writes a sips: URI into its Contact", contact_scheme="sips"),
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
