"""Passwords in what a device sends: they are told of, and masked before anyone sees them."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest

from certsuite.bench.password_watch import PasswordWatch, WatchedCapture
from certsuite.core.capture import Datagram
from certsuite.core.events import (
    Cleartext,
    Event,
    HttpRequest,
    OutsideMessage,
    PasswordSeen,
    PasswordsWatched,
    SipGarbage,
    SipMessageSeen,
)
from certsuite.core.journal import Journal, SystemClock
from certsuite.core.redaction import Secret
from certsuite.sip.message import SipMessage
from tests.bench.conftest import NoCapture

PASSWORD = 'Aa1&"xyz%/12'
XML = "Aa1&amp;&quot;xyz%/12"
BASIC = b64encode(f"4085550100:{PASSWORD}".encode()).decode()


def register(**headers: str) -> SipMessageSeen:
    fixed = (("Call-ID", "c"), ("CSeq", "1 REGISTER"), ("Content-Length", "0"))
    message = SipMessage(method="REGISTER", uri="sip:x", headers=(*fixed, *headers.items()))
    return SipMessageSeen(message.to_bytes())


@pytest.fixture
def journal() -> Journal:
    journal = Journal(SystemClock())
    watch = PasswordWatch(journal)
    watch.look_for("4085550100", Secret(PASSWORD))
    watch.look_for("4085550100", Secret("1234"))
    watch.start()
    return journal


@pytest.mark.parametrize(
    ("event", "place", "what"),
    [
        (register(Subject=f"x {PASSWORD}"), "SIP", "REGISTER, Subject"),
        (register(Subject=quote(PASSWORD, safe="")), "SIP", "REGISTER, Subject"),
        (register(Subject=XML), "SIP", "REGISTER, Subject"),
        (register(Authorization=f"Basic {BASIC}"), "SIP", "REGISTER, Authorization"),
        (SipMessageSeen(register().raw + PASSWORD.encode()), "SIP", "REGISTER, its body"),
        (SipMessageSeen(b"\xff" + PASSWORD.encode()), "SIP", "a message that cannot be read"),
        (register(**{"User-Agent": f"Acme {PASSWORD}"}), "User-Agent", "REGISTER"),
        (SipGarbage(PASSWORD.encode(), 12, "x"), "cleartext", "what is no SIP over TLS"),
        (Cleartext("udp", "a", PASSWORD.encode()), "cleartext", "what is no SIP over TLS"),
        (
            OutsideMessage("udp a", PASSWORD.encode()),
            "cleartext",
            "an answer to someone who is no server of the device's",
        ),
        (HttpRequest("a", "h", f"/{PASSWORD}", 200), "HTTP", "the address that is asked for"),
    ],
)
def test_one_is_found_wherever_it_stands_and_kept_out_of_the_record(
    journal: Journal, event: Event, place: str, what: str
) -> None:
    for _ in range(2):
        journal.record(event, line=1, direction="in")
    watched, first, told, second = journal.since(0)
    assert isinstance(watched.event, PasswordsWatched)
    assert (told.event, told.line) == (PasswordSeen(place, what), 1)
    for seen in (first.event, second.event):
        assert type(seen) is type(event)
        assert not any(form in repr(seen) for form in (PASSWORD, XML, BASIC, quote(PASSWORD, safe="")))
    if isinstance(event, SipMessageSeen) and isinstance(first.event, SipMessageSeen):
        assert len(first.event.raw) == len(event.raw)


def test_what_has_none_is_left_as_it_is(journal: Journal) -> None:
    event = register(Subject="1234 is a password that meets no policy, and stands anywhere")
    assert journal.record(event).event is event
    assert len(journal.since(0)) == 2


@pytest.mark.parametrize("keeps_secrets", [True, False])
def test_the_capture_has_stars_as_well_and_tells_how_to_decrypt_if_it_may(
    journal: Journal, keeps_secrets: bool
) -> None:
    class Kept(NoCapture):
        """What it was given."""

        def __init__(self) -> None:
            self.data: list[bytes] = []
            self.secrets: list[str] = []

        def tls_secret(self, line: str) -> None:
            self.secrets.append(line)

        def tcp(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
            self.data.append(data)
            return 3

        def sip(self, flow: str, *, from_device: bool, data: bytes, t_ns: int) -> int:
            self.data.append(data)
            return 4

        def udp(self, *datagrams: Datagram) -> int:
            self.data.extend(data for _, _, data, _ in datagrams)
            return 5

    watch, kept = PasswordWatch(journal), Kept()
    watch.look_for("4085550100", Secret(PASSWORD))
    capture = WatchedCapture(kept, watch, keeps_secrets=keeps_secrets)
    said = f"Subject: {PASSWORD}; {BASIC}".encode()
    assert capture.tcp("f1", from_device=True, data=said, t_ns=0) == 3
    assert capture.sip("f1", from_device=True, data=said, t_ns=0) == 4
    assert capture.udp((("a", 1), ("b", 2), said, 0)) == 5
    capture.tls_secret("CLIENT_RANDOM 1 2")
    assert {len(data) for data in kept.data} == {len(said)}
    assert not [data for data in kept.data if PASSWORD.encode() in data or BASIC.encode() in data]
    assert bool(kept.secrets) == keeps_secrets
