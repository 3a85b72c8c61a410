"""The registrar as a case sees it: it asks, grants and refuses by name, and what the device makes of that is judged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from certsuite.bench.expecting import Deferred
from certsuite.bench.network import ASKED_EXPIRY_S, REGISTRAR_DOMAIN
from certsuite.checks.span import Span
from certsuite.core.cases import Disturbance
from certsuite.core.events import DigestChecked, Note
from certsuite.core.journal import Journal
from certsuite.edge.registrar_behaviour import GOOD, ExpiryForm, Refusal, RegistrarBehaviour
from certsuite.sip.digest import Challenge

if TYPE_CHECKING:
    from certsuite.bench.bench import Bench

_MD5, _SHA_256 = Challenge(), Challenge(algorithm="SHA-256")
_UNKNOWN_PARAMETERS = 'x-lab="a, b=\\"c\\"",charset=UTF-8,userhash=false,domain="sip:lab.invalid",opaque="YSBi,Yz0="'
_UNKNOWN_HEADERS = (
    ("Service-Route", "<sip:orig@service.lab.invalid;transport=tls;lr>"),
    ("P-Associated-URI", '"Line, one" <sip:associated@lab.invalid>,<tel:+12065550199>'),
    ("X-Lab-Unknown", 'a;b="c,d"'),
    ("Flow-Timer", "120"),
    ("P-Access-Network-Info", "lab"),
)
_SUBSCRIBER_DATA = (
    b'<?xml version="1.0" encoding="UTF-8"?>\r\n'
    b'<subscriberData xmlns="urn:certsuite:lab"><line number="1">SIP/2.0 200 OK</line></subscriberData>\r\n'
)
_LONGER_S = 60
"By how much the lowest expiry is longer than the one that the device is configured to ask for."

_BEYOND = 1.5
"How much longer than a limit is waited: late and never are different findings."
_SPARE_S = 0.1
"Waited beyond the time of Retry-After, so that its end is in the record."


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to ask, and by what it is known in the 401."""

    behaviour: RegistrarBehaviour
    shown: str
    expected: str = "the REGISTER again, with the digest of the line"


_WAYS = {
    "several values of qop": _Way(
        RegistrarBehaviour("several values of qop", (Challenge(qop=("x-lab", "auth-int", "auth")),)), "x-lab"
    ),
    "no qop": _Way(RegistrarBehaviour("no qop", (Challenge(qop=()),)), "algorithm=MD5"),
    "unknown parameters": _Way(
        RegistrarBehaviour("unknown parameters", (Challenge(algorithm="", unknown=_UNKNOWN_PARAMETERS),)),
        "x-lab",
    ),
    "MD5 before SHA-256": _Way(RegistrarBehaviour("MD5 before SHA-256", (_MD5, _SHA_256)), "SHA-256"),
    "SHA-256 before MD5": _Way(RegistrarBehaviour("SHA-256 before MD5", (_SHA_256, _MD5)), "SHA-256"),
    "SHA-256 alone": _Way(RegistrarBehaviour("SHA-256 alone", (_SHA_256,)), "SHA-256"),
    "the domain's realm": _Way(
        RegistrarBehaviour("the domain's realm", (Challenge(realm=REGISTRAR_DOMAIN),)), REGISTRAR_DOMAIN
    ),
    "a stale nonce": _Way(RegistrarBehaviour("a stale nonce", stale_once=True), "stale=true"),
}
"Ways to ask for credentials, by the name under which a case wants them."


class RegistrarControl:
    """What a case makes the registrar do. All of it is undone when the case has ended."""

    def __init__(self, bench: Bench, journal: Journal) -> None:
        self._bench = bench
        self._registrar = bench.network.registrar
        self._journal = journal

    # --- at rest

    async def ends_every_connection(self, how: str) -> None:
        """Every connection is ended at rest, ``fin`` in order or ``rst`` at once, and each line comes back."""
        bench, granted = self._bench, self._registrar.granted_expiry_s
        since = self._journal.next_seq
        for edge in bench.network.edges.values():
            edge.end_flows(how)
        patience = max(bench.patience_s("reg.registers"), _BEYOND * bench.limit("reconnect_expiries") * granted)
        deadline = asyncio.get_running_loop().time() + patience
        for line in bench.phone.lines:
            await bench.expect("reg.comes-back", deadline=deadline, since=since, line=line, granted_s=granted)

    async def asks_whether_it_is_there(self) -> None:
        """An OPTIONS outside of any call is answered."""
        call_id = self._bench.network.control.options(1)
        await self._bench.expect("sip.answers-options", call_id=call_id, line=1)

    async def asks_within_the_call(self) -> None:
        """An OPTIONS in the dialog of the call is answered."""
        leg = self._bench.colleague.in_call.leg
        call_id = self._bench.network.control.options_within(leg)
        await self._bench.expect("sip.answers-options", call_id=call_id, line=leg.account.line)

    # --- challenges

    async def asks_with(self, way: str, *, finding: str, hint: str, optional: bool = False) -> None:
        """The device, made to connect anew, registers every line though it is asked for credentials in this way.

        ``optional``: who cannot is told so, and no more.
        """
        bench, asked = self._bench, _WAYS[way]
        self._registrar.behave(asked.behaviour)
        await bench.phone.connects_anew()
        for line in bench.phone.lines:
            await bench.expect_of_attempt(
                "reg.takes-challenge",
                line=line,
                shown=asked.shown,
                expected=asked.expected,
                finding=finding,
                hint=hint,
                optional=optional,
            )

    async def asks_calls_in_its_domains_realm(self) -> None:
        """The device, registered in BroadWorks' realm, answers the challenge of a call in the domain's."""
        bench = self._bench
        self._registrar.behave(_WAYS["the domain's realm"].behaviour)
        await bench.phone.dials(bench.colleague)
        await bench.control("call.is-placed", number=bench.colleague.number, line=1)
        await bench.expect("reg.takes-invite-challenge", realm=REGISTRAR_DOMAIN)

    # --- grants

    async def wants_a_longer_expiry(self) -> None:
        """A REGISTER that asks for as long as the device is configured to is answered with 423 and a longer expiry."""
        self._registrar.behave(RegistrarBehaviour("a lowest expiry", least_expiry_s=ASKED_EXPIRY_S + _LONGER_S))
        await self._bench.phone.connects_anew()
        for line in self._bench.phone.lines:
            await self._bench.expect_of_attempt("reg.heeds-min-expires", line=line)

    def grants_in_the_header_alone(self) -> Deferred:
        """The next refresh of the first line is granted its expiry in the Expires header, which must be heeded."""
        return self._grants(1, "header", ExpiryForm.HEADER)

    def grants_with_a_longer_header(self) -> Deferred:
        """The next refresh of the last line is granted its expiry in the Contact, beside a longer Expires header."""
        return self._grants(self._bench.device.profile.lines, "both", ExpiryForm.BOTH)

    def _grants(self, line: int, name: str, form: ExpiryForm) -> Deferred:
        registrar = self._registrar
        forms = registrar.expiry_forms.setdefault(line, [])
        # One line may have two forms before it: each takes a refresh.
        forms.append(form)
        granted = registrar.granted_expiry_s
        deadline = asyncio.get_running_loop().time() + (1 + len(forms)) * 1.1 * granted
        return Deferred(
            self._bench.stated("reg.heeds-expiry", line=line, form=name), deadline, (Disturbance.REGISTRATION,)
        )

    # --- refusals

    async def refuses_every_password(self) -> None:
        """Right credentials are answered with 403, as wrong ones are: the device must not try again and again."""
        await self._is_left_in_peace("every password is refused", Refusal(403, "Forbidden"))

    async def asks_again_for_ever(self) -> None:
        """Right credentials are answered with a new challenge, as wrong ones are by many servers: likewise."""
        await self._is_left_in_peace("asks again for ever", Refusal(401, "Unauthorized"))

    async def _is_left_in_peace(self, name: str, refusal: Refusal) -> None:
        bench = self._bench
        self._registrar.behave(RegistrarBehaviour(name, refuses=refusal))
        await bench.phone.connects_anew()
        since = bench.device.attempt_seq
        stated = bench.stated("reg.backs-off", line=1, since=since, status=refusal.status)
        pause_s = bench.limit("pause_after_refusal_s")
        await bench.device.until(lambda: self._tries(since) > 0, bench.device.register_patience_s)
        loop = asyncio.get_running_loop()
        settled, tries = False, 0
        # Each new try begins the pause anew, until there were so many that the check is settled.
        while not settled and self._tries(since) > tries:
            tries = self._tries(since)
            settled = (await bench.expecting.settles(stated, loop.time() + pause_s)).settled
        if not settled:
            self._journal.record(Note(f"no REGISTER with credentials for {pause_s:g} s"))
        await bench.expecting.expect(stated, asyncio.get_running_loop().time())
        await self._registers_again()

    async def asks_to_be_left_alone(self, edge: str) -> None:
        """An edge answers 503 with Retry-After, and must get no REGISTER until that time is over."""
        bench = self._bench
        after_s = max(self._registrar.granted_expiry_s // 3, 2)
        refusal = Refusal(503, "Service Unavailable", edge, after_s, after_credentials=False)
        self._registrar.behave(RegistrarBehaviour(f"503 at the {edge}", refuses=refusal))
        await bench.phone.connects_anew()
        since = bench.device.attempt_seq
        stated = bench.stated("reg.heeds-retry-after", since=since, edge=edge)
        await bench.device.until(lambda: self._asked(since, edge) > 0, bench.device.register_patience_s)
        if not bench.device.gone:
            await bench.expecting.settles(stated, asyncio.get_running_loop().time() + after_s + _SPARE_S)
            self._journal.record(Note(f"the {after_s} s of Retry-After are over"))
        await bench.expecting.expect(stated, asyncio.get_running_loop().time())
        await self._registers_again()

    async def _registers_again(self) -> None:
        """Control: without the fault the device registers, if need be after a restart: who was refused may wait until
        somebody looks after it."""
        self._registrar.behave(GOOD)
        await self._bench.device.connect_anew_at_last(lambda: self._bench.device.registered)
        await self._bench.control("reg.registers", since=self._bench.device.attempt_seq, line=1)

    # --- what its 200 holds

    async def sends_subscriber_data(self) -> None:
        """Its 200 has a body that phones do not know, with SIP in it."""
        behaviour = RegistrarBehaviour(
            "subscriber data in the 200", body=_SUBSCRIBER_DATA, content_type="application/x-lab-subscriber+xml"
        )
        await self._is_understood(behaviour, "subscriberData", "a body of XML")

    async def sends_unknown_headers(self) -> None:
        """Its 200 has Service-Route, P-Associated-URI and headers that nobody knows."""
        behaviour = RegistrarBehaviour("unknown headers in the 200", headers=_UNKNOWN_HEADERS)
        await self._is_understood(behaviour, "X-Lab-Unknown", "headers that phones do not know")

    async def _is_understood(self, behaviour: RegistrarBehaviour, shown: str, what: str) -> None:
        bench = self._bench
        self._registrar.behave(behaviour)
        await bench.phone.connects_anew()
        for line in bench.phone.lines:
            await bench.expect_of_attempt("reg.registers", line=line)
        call_id = bench.network.control.options(1) if bench.device.registered else None
        since = bench.device.attempt_seq
        await bench.expect("reg.takes-response", line=1, call_id=call_id, since=since, shown=shown, what=what)

    # --- facts

    def _tries(self, since: int) -> int:
        """REGISTERs of the first line with credentials."""
        return sum(
            isinstance(seen.event, DigestChecked) and seen.event.method == "REGISTER" and seen.line == 1
            for seen in self._journal.since(since)
        )

    def _asked(self, since: int, edge: str) -> int:
        """REGISTERs at an edge."""
        return len(Span(self._journal.since(since)).messages(method="REGISTER", edge=edge))
