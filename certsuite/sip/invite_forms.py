"""Forms of an INVITE that a device should take as it takes a plain one: each is a function from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from certsuite.sip.message import SipMessage, canonical

Edit = Callable[[SipMessage], SipMessage]
Headers = Iterable[tuple[str, str]]


def unedited(invite: SipMessage) -> SipMessage:
    """As it is."""
    return invite


def adding(*headers: tuple[str, str]) -> Edit:
    """With these headers at its end."""
    return lambda invite: invite.with_headers(headers)


def replacing(*headers: tuple[str, str], dropping: Iterable[str] = ()) -> Edit:
    """With these headers in place of those of the same names, and without ``dropping``."""
    gone = {canonical(name) for name in (*dropping, *(name for name, _ in headers))}

    def edit(invite: SipMessage) -> SipMessage:
        kept = [(name, value) for name, value in invite.headers if canonical(name) not in gone]
        return replace(invite, headers=(*kept, *headers))

    return edit


def identified(address: str, *asserted: str, privacy: str = "none") -> Edit:
    """From another caller: ``address`` is From without its tag, ``asserted`` are values of P-Asserted-Identity
    (RFC 3325), and ``privacy`` is that of RFC 3323."""

    def edit(invite: SipMessage) -> SipMessage:
        identities = [("P-Asserted-Identity", value) for value in asserted]
        headers = [("From", f"{address};tag={invite.from_tag}"), *identities, ("Privacy", privacy)]
        return replacing(*headers, dropping=["P-Asserted-Identity"])(invite)

    return edit


def without_identity(invite: SipMessage) -> SipMessage:
    """Without P-Asserted-Identity and Privacy: From is all that there is."""
    return replacing(dropping=["P-Asserted-Identity", "Privacy"])(invite)


def from_a_focus(invite: SipMessage) -> SipMessage:
    """From the focus of a conference (RFC 4579 section 5.1)."""
    return replacing(("Contact", f"{invite.get('Contact')};isfocus"))(invite)


def folded(invite: SipMessage) -> SipMessage:
    """With headers that go on in the next line (RFC 3261 section 7.3.1), and with one of 4 kB."""
    names = {"allow", "p-access-network-info", "accept"}
    headers = [
        (name, value.replace(",", ",\r\n ").replace(";", ";\r\n\t") if canonical(name) in names else value)
        for name, value in invite.headers
    ]
    return replace(invite, headers=(*headers, ("X-Lab-Long", "a" * 4096)))


def through(proxies: int) -> Edit:
    """As it comes through so many proxies: with a Via of each behind its own (RFC 3261 section 16.6)."""

    def edit(invite: SipMessage) -> SipMessage:
        first, *rest = invite.headers
        vias = [
            ("Via", f"SIP/2.0/UDP proxy{number}.lab.invalid;branch=z9hG4bKlab{number};received=192.0.2.{number}")
            for number in range(1, proxies + 1)
        ]
        return replace(invite, headers=(first, *vias, *rest))

    return edit


def of_size(size: int) -> Edit:
    """With a session description of ``size`` bytes at least: attributes that nobody knows make it long."""

    def edit(invite: SipMessage) -> SipMessage:
        line = b"a=x-lab:" + b"0123456789" * 20 + b"\r\n"
        missing = max(size - len(invite.body), 0)
        return replace(invite, body=invite.body + line * -(-missing // len(line)))

    return edit
