"""The registrar without sockets and clock: challenges, credentials, bindings and their end."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import dataclass

import pytest

from certsuite.core.events import BindingChanged, DigestChecked
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.redaction import Secret
from certsuite.edge.accounts import Account, Accounts
from certsuite.edge.registrar import Registrar
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
