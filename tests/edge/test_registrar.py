"""The registrar without sockets and clock: challenges, credentials, bindings and their end."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import dataclass

import pytest

from certsuite.core.events import BenchChanged, BindingChanged, DigestChecked
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.redaction import Secret
from certsuite.edge.accounts import Account, Accounts
from certsuite.edge.registrar import Registrar
from certsuite.edge.registrar_behaviour import GOOD, ExpiryForm, Refusal, RegistrarBehaviour
from certsuite.sip.digest import Challenge, parameters, response
from certsuite.sip.message import SipMessage
from certsuite.sip.sse import Sse

DOMAIN = "98079822.lab.invalid"
CONTACT = "<sip:user1@127.0.0.1:40000;transport=tls>"


@dataclass(frozen=True)
class Flow:
    id: str = "f1"
    edge: str = "primary"


class Office:
    """A registrar, and a device's side of the digest computed here."""

    def __init__(self) -> None:
        self.journal = Journal(SystemClock())
        account = Account(1, "user1", DOMAIN, "2055550101", Secret('Pa"ss\\w0rd'), "Line 1")
        self.registrar = Registrar(self.journal, Accounts([account]), granted_expiry_s=60)
        self.sse = Sse("127.0.0.11", 8934, 1)
        self._cseq = itertools.count(1)

    def request(self, *headers: tuple[str, str], user: str = "user1") -> SipMessage:
        fixed = (
            ("Via", "SIP/2.0/TLS 127.0.0.1:40000;branch=z9hG4bK1"),
            ("From", f"<sip:{user}@{DOMAIN}>;tag=a"),
            ("To", f"<sip:{user}@{DOMAIN}>"),
            ("Call-ID", "c1"),
            ("CSeq", f"{next(self._cseq)} REGISTER"),
        )
        return SipMessage("REGISTER", f"sip:{DOMAIN}", headers=(*fixed, *headers))

    def nonce(self) -> str:
        challenge = self.registrar.register(self.request(("Contact", CONTACT)), Flow(), self.sse, 0.0)
        assert challenge.status == 401
        found = re.search(r'nonce="([^"]*)"', challenge.get("WWW-Authenticate") or "")
        assert found is not None
        return found[1]

    def credentials(
        self, *, nonce: str | None = None, user: str = "2055550101", password: str = 'Pa"ss\\w0rd'
    ) -> tuple[str, str]:
        nonce = nonce or self.nonce()
        secret = hashlib.md5(f"{user}:BroadWorks:{password}".encode()).hexdigest()
        asked = hashlib.md5(f"REGISTER:sip:{DOMAIN}".encode()).hexdigest()
        answer = hashlib.md5(f"{secret}:{nonce}:00000001:abcd:auth:{asked}".encode()).hexdigest()
        value = (
            f'Digest username="{user}",realm="BroadWorks",nonce="{nonce}",uri="sip:{DOMAIN}",response="{answer}",'
            'algorithm=MD5,qop=auth,nc=00000001,cnonce="abcd"'
        )
        return "Authorization", value

    def register(
        self, *headers: tuple[str, str], contact: str = CONTACT, flow: Flow | None = None, now: float = 0.0
    ) -> SipMessage:
        """A REGISTER with right credentials."""
        request = self.request(("Contact", contact), *headers, self.credentials())
        return self.registrar.register(request, flow or Flow(), self.sse, now)

    def changes(self) -> list[tuple[str, int]]:
        events = [seen.event for seen in self.journal.since(0)]
        return [(event.why, event.granted_s) for event in events if isinstance(event, BindingChanged)]

    def checked(self) -> DigestChecked:
        event = self.journal.since(0)[-1].event
        assert isinstance(event, DigestChecked), event
        return event


@pytest.fixture
def office() -> Office:
    return Office()


def test_the_challenge_is_the_one_of_broadworks(office: Office) -> None:
    challenge = office.registrar.register(office.request(), Flow(), office.sse, 0.0)
    value = challenge.get("WWW-Authenticate") or ""
    assert re.fullmatch(r'DIGEST realm="BroadWorks",nonce="BroadWorksX\w+BW",algorithm=MD5,qop="auth"', value)
    assert challenge.to_tag
    assert not office.registrar.bindings


def test_right_credentials_bind_for_the_granted_time_and_not_the_asked_one(office: Office) -> None:
    answer = office.register(("Expires", "3600"), now=100.0)
    assert answer.status == 200
    assert answer.get("Contact") == f"{CONTACT};expires=60;q=0.5"
    binding = office.registrar.bindings[1]
    assert (binding.flow, binding.edge, binding.expires_at) == ("f1", "primary", 160.0)
    assert office.registrar.next_expiry() == 160.0
    seen = office.journal.since(0)[-1]
    assert (seen.line, seen.flow, seen.edge) == (1, "f1", "primary")


@pytest.mark.parametrize(("headers", "granted"), [(("Expires", "20"), 20), (("X-None", ""), 60)])
def test_no_more_is_granted_than_was_asked_for(office: Office, headers: tuple[str, str], granted: int) -> None:
    office.register(headers)
    assert office.registrar.bindings[1].granted_s == granted


def test_the_contacts_own_expiry_counts_before_the_header(office: Office) -> None:
    office.register(("Expires", "50"), contact=f"{CONTACT};expires=7")
    assert office.registrar.bindings[1].granted_s == 7


@pytest.mark.parametrize(
    ("wrong", "response_right", "username_right"),
    [({"password": "other"}, False, True), ({"user": "user1"}, True, False)],
)
def test_wrong_credentials_are_forbidden_and_say_what_is_wrong(
    office: Office, wrong: dict[str, str], response_right: bool, username_right: bool
) -> None:
    answer = office.registrar.register(
        office.request(("Contact", CONTACT), office.credentials(**wrong)), Flow(), office.sse, 0.0
    )
    assert answer.status == 403
    checked = office.checked()
    assert (checked.response_right, checked.username_right, checked.nonce_right) == (
        response_right,
        username_right,
        True,
    )
    assert not office.registrar.bindings


@pytest.mark.parametrize(("password", "stale"), [('Pa"ss\\w0rd', True), ("other", False)])
def test_an_unknown_nonce_is_stale_only_if_the_digest_is_right(office: Office, password: str, stale: bool) -> None:
    """RFC 2617 section 3.2.1: stale tells the client to try again without asking its user."""
    credentials = office.credentials(nonce="BroadWorksXoldBW", password=password)
    answer = office.registrar.register(office.request(credentials), Flow(), office.sse, 0.0)
    assert answer.status == 401
    assert ("stale=true" in (answer.get("WWW-Authenticate") or "")) is stale
    assert not office.checked().nonce_right


def test_an_old_nonce_is_forgotten_when_many_newer_ones_were_given(office: Office) -> None:
    first = office.nonce()
    for _ in range(300):
        office.nonce()
    request = office.request(("Contact", CONTACT), office.credentials(nonce=first))
    answer = office.registrar.register(request, Flow(), office.sse, 0.0)
    assert answer.status == 401
    assert "stale=true" in (answer.get("WWW-Authenticate") or "")


def test_an_unknown_address_of_record_is_not_found_and_not_challenged(office: Office) -> None:
    answer = office.registrar.register(office.request(user="nobody"), Flow(), office.sse, 0.0)
    assert answer.status == 404


def test_a_binding_expires_at_its_time_and_not_before(office: Office) -> None:
    office.register(now=100.0)
    office.registrar.expire(159.9)
    assert office.changes() == [("register", 60)]
    office.registrar.expire(160.0)
    assert office.changes() == [("register", 60), ("expired", 0)]
    assert office.registrar.next_expiry() is None


def test_a_refresh_puts_the_end_off(office: Office) -> None:
    office.register(now=100.0)
    office.register(now=130.0)
    office.registrar.expire(160.0)
    assert office.registrar.next_expiry() == 190.0


@pytest.mark.parametrize("contact", [CONTACT, "*"])
def test_unregistering_removes_the_binding(office: Office, contact: str) -> None:
    office.register()
    answer = office.register(("Expires", "0"), contact=contact)
    assert answer.status == 200
    assert answer.get("Contact") is None
    assert office.changes() == [("register", 60), ("unregister", 0)]


def test_unregistering_another_contact_leaves_the_present_one(office: Office) -> None:
    """A device that came back over a new connection takes its old contact out late (RFC 3261 section 10.3)."""
    office.register(contact="<sip:user1@127.0.0.1:40001;transport=tls>", flow=Flow("f2", "secondary"))
    answer = office.register(("Expires", "0"))
    assert answer.status == 200
    assert office.registrar.bindings[1].flow == "f2"
    assert "40001" in (answer.get("Contact") or "")


NEW = "<sip:user1@127.0.0.1:40001;transport=tls>"


@pytest.mark.parametrize(
    ("first", "others"),
    [
        (f"{CONTACT};expires=0, {NEW}", ()),
        (f"{NEW}, {CONTACT};expires=0", ()),
        (f"{CONTACT};expires=0", (("Contact", NEW),)),
        (f"{CONTACT};expires=0", (("Contact", f"{NEW};expires=60"), ("Expires", "0"))),
    ],
    ids=["old first", "new first", "two headers", "own expiry"],
)
def test_a_register_that_takes_an_old_contact_out_binds_the_new_one(
    office: Office, first: str, others: tuple[tuple[str, str], ...]
) -> None:
    """RFC 3261 section 10.2.2: both may stand in one request."""
    office.register()
    answer = office.register(*others, contact=first, flow=Flow("f2"))
    assert answer.get("Contact") == f"{NEW};expires=60;q=0.5"
    assert office.changes() == [("register", 60), ("register", 60)]
    binding = office.registrar.bindings[1]
    assert (f"<{binding.contact}>", binding.flow) == (NEW, "f2")


def test_a_star_is_a_contact_only_for_unregistering(office: Office) -> None:
    assert office.register(contact="*").status == 400
    assert not office.registrar.bindings


def test_without_a_contact_the_present_binding_is_told(office: Office) -> None:
    office.register()
    answer = office.registrar.register(office.request(office.credentials()), Flow("f2"), office.sse, 1.0)
    assert answer.get("Contact") == f"{CONTACT};expires=60;q=0.5"
    assert office.registrar.bindings[1].flow == "f1"


def test_a_flow_that_ends_takes_its_bindings_along_and_no_other(office: Office) -> None:
    office.register()
    office.registrar.flow_closed("f2")
    assert 1 in office.registrar.bindings
    office.registrar.flow_closed("f1")
    assert office.changes()[-1] == ("flow-closed", 0)
    assert not office.registrar.bindings


# --- other behaviours


def asked(office: Office) -> list[dict[str, str]]:
    """The challenges of a REGISTER without credentials."""
    challenge = office.registrar.register(office.request(("Contact", CONTACT)), Flow(), office.sse, 0.0)
    assert challenge.status == 401
    return [parameters(value) for value in challenge.all("WWW-Authenticate")]


def answer(challenge: dict[str, str], *, qop: str = "") -> tuple[str, str]:
    """Credentials for a challenge, with the response by the suite's own digest, which has tests of its own."""
    kept = {name: value for name, value in challenge.items() if name in ("realm", "nonce", "algorithm")}
    given = {"username": "2055550101", "uri": f"sip:{DOMAIN}", **kept}
    given |= {"qop": qop, "nc": "00000001", "cnonce": "abcd"} if qop else {}
    given["response"] = response(given, 'Pa"ss\\w0rd', "REGISTER")
    return "Authorization", "Digest " + ",".join(f'{name}="{value}"' for name, value in given.items())


def status(office: Office, *headers: tuple[str, str], flow: Flow | None = None) -> int:
    request = office.request(("Contact", CONTACT), *headers)
    return office.registrar.register(request, flow or Flow(), office.sse, 0.0).status


@pytest.mark.parametrize(
    ("challenge", "qop"),
    [
        (Challenge(qop=()), ""),
        (Challenge(qop=("x-lab", "auth-int", "auth")), "auth"),
        (Challenge(algorithm="SHA-256"), "auth"),
        (Challenge(realm=DOMAIN), "auth"),
        (Challenge(algorithm="", unknown='x-lab="1"'), "auth"),
    ],
)
def test_each_challenge_is_given_as_it_is_set_and_its_answer_taken(
    office: Office, challenge: Challenge, qop: str
) -> None:
    office.registrar.behave(RegistrarBehaviour("other", (challenge,)))
    (given,) = asked(office)
    assert (given["realm"], given.get("algorithm", "")) == (challenge.realm, challenge.algorithm)
    assert given.get("qop", "") == ",".join(challenge.qop)
    assert ("x-lab" in given) == bool(challenge.unknown)
    assert status(office, answer(given, qop=qop)) == 200
    assert [seen.event.behaviour for seen in office.journal.since(0) if isinstance(seen.event, BenchChanged)] == [
        "other"
    ]


@pytest.mark.parametrize("chosen", [0, 1])
def test_of_two_challenges_either_is_taken_with_its_own_nonce(office: Office, chosen: int) -> None:
    office.registrar.behave(RegistrarBehaviour("two", (Challenge(), Challenge(algorithm="SHA-256"))))
    both = asked(office)
    assert [one["algorithm"] for one in both] == ["MD5", "SHA-256"]
    assert status(office, answer({**both[chosen], "nonce": both[1 - chosen]["nonce"]}, qop="auth")) == 403
    assert status(office, answer(both[chosen], qop="auth")) == 200


def test_who_asks_in_another_way_forgets_nonces_and_who_is_good_again_does_not(office: Office) -> None:
    (before,) = asked(office)
    office.registrar.behave(RegistrarBehaviour("realm", (Challenge(realm=DOMAIN),)))
    assert status(office, answer(before, qop="auth")) == 401
    (during,) = asked(office)
    office.registrar.behave(GOOD)
    assert status(office, answer(during, qop="auth")) == 200


def test_the_first_right_answer_is_told_that_its_nonce_is_stale(office: Office) -> None:
    office.registrar.behave(RegistrarBehaviour("stale", stale_once=True))
    (first,) = asked(office)
    again = office.registrar.register(
        office.request(("Contact", CONTACT), answer(first, qop="auth")), Flow(), office.sse, 0.0
    )
    assert office.checked().detail == "the nonce is told to be stale"
    second = parameters(again.get("WWW-Authenticate") or "")
    assert (again.status, second["stale"], "stale" in first) == (401, "true", False)
    assert status(office, answer(first, qop="auth")) == 401
    assert status(office, answer(second, qop="auth")) == 200


def test_a_wrong_password_is_not_told_to_be_stale(office: Office) -> None:
    office.registrar.behave(RegistrarBehaviour("stale", stale_once=True))
    assert status(office, office.credentials(password="other")) == 403


@pytest.mark.parametrize(("asks", "expected"), [("299", 423), ("300", 200), ("0", 200)])
def test_too_brief_an_expiry_is_refused(office: Office, asks: str, expected: int) -> None:
    office.registrar.behave(RegistrarBehaviour("least", least_expiry_s=300))
    answered = office.register(("Expires", asks))
    assert answered.status == expected
    assert answered.get("Min-Expires") == ("300" if expected == 423 else None)


def test_a_refusal_before_credentials_holds_at_its_edge_alone(office: Office) -> None:
    office.registrar.behave(
        RegistrarBehaviour("503", refuses=Refusal(503, "Service Unavailable", "primary", 7, after_credentials=False))
    )
    refused = office.registrar.register(office.request(("Contact", CONTACT)), Flow(), office.sse, 0.0)
    assert (refused.status, refused.get("Retry-After")) == (503, "7")
    assert status(office, flow=Flow("f2", "secondary")) == 401


@pytest.mark.parametrize("refused", [401, 403])
def test_a_refusal_after_credentials_looks_as_for_a_wrong_password(office: Office, refused: int) -> None:
    office.registrar.behave(RegistrarBehaviour("no", refuses=Refusal(refused, "No")))
    (challenge,) = asked(office)
    assert status(office, answer(challenge, qop="auth")) == refused
    assert office.checked().response_right
    assert not office.registrar.bindings


@pytest.mark.parametrize(
    ("form", "contact", "header"),
    [
        (ExpiryForm.CONTACT, f"{CONTACT};expires=60;q=0.5", None),
        (ExpiryForm.HEADER, f"{CONTACT};q=0.5", "60"),
        (ExpiryForm.BOTH, f"{CONTACT};expires=60;q=0.5", "1200"),
    ],
)
def test_the_next_grant_of_a_line_is_told_where_it_is_set_to_be(
    office: Office, form: ExpiryForm, contact: str, header: str | None
) -> None:
    office.registrar.expiry_forms[1] = [form]
    first, second = office.register(), office.register()
    assert (first.get("Contact"), first.get("Expires")) == (contact, header)
    assert (second.get("Contact"), second.get("Expires")) == (f"{CONTACT};expires=60;q=0.5", None)
    assert office.registrar.bindings[1].granted_s == 60


def test_headers_and_a_body_of_the_200(office: Office) -> None:
    office.registrar.behave(
        RegistrarBehaviour("more", headers=(("X-Lab", "1"),), body=b"<a/>", content_type="application/x")
    )
    answered = office.register()
    assert (answered.get("X-Lab"), answered.get("Content-Type"), answered.body) == ("1", "application/x", b"<a/>")
    assert b"\r\nContent-Length: 4\r\n\r\n<a/>" in answered.to_bytes()
    refused = office.registrar.register(office.request(), Flow(), office.sse, 0.0)
    assert (refused.get("X-Lab"), refused.body) == ("1", b"")
