"""What the device remembers of servers, if it is so faulty."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from certsuite.refdevice.acquaintance import Acquaintance
from certsuite.refdevice.faults import behaviour_with
from certsuite.refdevice.tls import Peer, TlsChannel

if TYPE_CHECKING:
    from tests.refdevice.conftest import Authority

_PROXY = "hs17.lab.example"
_ONE, _OTHER = Peer(_PROXY, "one.example", "127.0.0.1"), Peer(_PROXY, "other.example", "127.0.0.2")


def met(known: Acquaintance, peer: Peer, context: ssl.SSLContext) -> str:
    """Connect to a server of this context; gives the device's objection. Raises what its channel raises."""
    channel = known.channel(peer)
    assert isinstance(channel, TlsChannel)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    data = b""
    for _ in range(3):
        channel.receive(data)
        incoming.write(channel.to_send())
        try:
            server.do_handshake()
            server.read(1)
        except ssl.SSLWantReadError:
            pass
        data = outgoing.read()
    assert channel.established
    return known.objection(peer, channel)


def device(authority: Authority, *faults: str) -> Acquaintance:
    return Acquaintance(authority.bundle, behaviour_with(faults))


def test_a_compliant_device_remembers_nothing(authority: Authority, tmp_path: Path) -> None:
    known, server = device(authority), authority.server_context(_PROXY)
    assert [met(known, _ONE, server) for _ in range(2)] == ["", ""]
    with pytest.raises(ssl.SSLCertVerificationError):
        met(known, _ONE, type(authority)(tmp_path).server_context(_PROXY))


def test_one_that_verifies_once_trusts_whom_it_has_met(authority: Authority, tmp_path: Path) -> None:
    known, stranger = device(authority, "verifies-once"), type(authority)(tmp_path).server_context("x.example")
    assert met(known, _ONE, authority.server_context(_PROXY)) == ""
    assert met(known, _ONE, stranger) == ""
    with pytest.raises(ssl.SSLCertVerificationError):
        met(known, _OTHER, stranger)


def test_one_that_insists_goes_on_with_its_session_alone(authority: Authority) -> None:
    known, server = device(authority, "insists-on-session"), authority.server_context(_PROXY)
    assert [met(known, _ONE, server) for _ in range(2)] == ["", ""]
    assert "session" in met(known, _ONE, authority.server_context(_PROXY))
    # It is offered once: the next connection is a new beginning.
    assert met(known, _ONE, authority.server_context(_PROXY)) == ""


def test_one_that_pins_takes_no_other_issuer(authority: Authority, tmp_path: Path) -> None:
    other = type(authority)(tmp_path, "Other Root")
    both = tmp_path / "both.pem"
    both.write_bytes(authority.bundle.read_bytes() + other.bundle.read_bytes())
    known = Acquaintance(both, behaviour_with(["pins-issuer"]))
    assert met(known, _ONE, authority.server_context(_PROXY)) == ""
    assert "issuer" in met(known, _OTHER, other.server_context(_PROXY))
