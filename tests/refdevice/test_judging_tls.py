"""The channel of devices that judge certificates in their own way, against a server of the standard library."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from certsuite.refdevice.faults import behaviour_with
from certsuite.refdevice.judging_tls import JudgingChannel
from certsuite.refdevice.tls import Peer, TlsChannel, channel_maker

if TYPE_CHECKING:
    from tests.refdevice.conftest import Authority

PEER = Peer("hs17.lab.example", "sip-a.lab.example", "127.0.0.1")
FAULT = "accepts-expired"


class _Server:
    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.heard = b""
        self.end = ""
        "An alert's name, or that the client closed."

    def step(self, data: bytes) -> bytes:
        self._incoming.write(data)
        try:
            self.object.do_handshake()
            while data := self.object.read(1024):
                self.heard += data
            self.end = "close_notify"
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.end = "close_notify"
        except ssl.SSLError as error:
            self.end = error.reason or str(error)
        return self._outgoing.read()


def _shake(context: ssl.SSLContext, authority: Authority, *faults: str) -> tuple[JudgingChannel, _Server]:
    channel = channel_maker(authority.bundle, behaviour_with(faults))(PEER)
    assert isinstance(channel, JudgingChannel)
    server = _Server(context)
    data = b""
    for _ in range(4):
        assert channel.receive(data) == b""
        data = server.step(channel.to_send())
    assert channel.established
    return channel, server


def _refusal(context: ssl.SSLContext, authority: Authority, *faults: str) -> str:
    """What the server sees of a device that gives up in the handshake or right after it."""
    channel = channel_maker(authority.bundle, behaviour_with(faults))(PEER)
    server = _Server(context)
    data = b""
    refused = False
    while not refused:
        try:
            channel.receive(data)
        except ssl.SSLCertVerificationError:
            refused = True
        assert not channel.established
        data = server.step(channel.to_send())
    assert not server.heard
    return server.end


def test_only_a_device_that_judges_in_its_own_way_has_it(authority: Authority) -> None:
    for faults in ([], ["ignores-host-name"], ["rejects-by-silence"]):
        assert isinstance(channel_maker(authority.bundle, behaviour_with(faults))(PEER), TlsChannel)


def test_text_goes_both_ways_and_the_end_is_seen(authority: Authority) -> None:
    context = authority.server_context(PEER.domain)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    channel, server = _shake(context, authority, FAULT)
    assert names == [PEER.domain]
    assert channel.version == "TLSv1.3"
    channel.send(b"REGISTER")
    server.step(channel.to_send())
    assert server.heard == b"REGISTER"
    server.object.write(b"200")
    assert channel.receive(server.step(b"")) == b"200"
    assert not channel.ended
    with pytest.raises(ssl.SSLWantReadError):
        server.object.unwrap()
    channel.receive(server.step(b""))
    assert channel.ended


def test_the_device_closes_in_good_order(authority: Authority) -> None:
    channel, server = _shake(authority.server_context(PEER.domain), authority, FAULT)
    channel.close()
    server.step(channel.to_send())
    assert server.end == "close_notify"


def test_what_is_wrong_is_refused_with_an_alert(authority: Authority) -> None:
    assert "ALERT" in _refusal(authority.server_context("other.example"), authority, FAULT)
    assert "ALERT" in _refusal(authority.server_context(PEER.domain), authority, FAULT, "ignores-lab-root")


def test_who_verifies_after_the_handshake_completes_it_and_says_nothing(authority: Authority) -> None:
    context = authority.server_context("other.example")
    assert _refusal(context, authority, "closes-after-handshake") == "close_notify"


def test_who_speaks_first_ends_it_when_something_comes_back(authority: Authority) -> None:
    channel, server = _shake(authority.server_context("other.example"), authority, "speaks-before-verifying")
    channel.send(b"REGISTER")
    server.step(channel.to_send())
    assert server.heard == b"REGISTER"
    server.object.write(b"401")
    with pytest.raises(ssl.SSLCertVerificationError, match="not for"):
        channel.receive(server.step(b""))
    server.step(channel.to_send())
    assert server.end == "close_notify"


def test_bytes_that_are_no_tls(authority: Authority) -> None:
    channel = channel_maker(authority.bundle, behaviour_with([FAULT]))(PEER)
    channel.receive(b"")
    with pytest.raises(ssl.SSLError):
        channel.receive(b"SIP/2.0 200 OK\r\n\r\n")


@pytest.mark.parametrize(("fault", "names"), [("", [PEER.domain]), ("no-server-name", [None])])
def test_other_faults_of_the_client_stay(authority: Authority, fault: str, names: list[str | None]) -> None:
    context = authority.server_context(PEER.domain)
    seen: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    channel, _ = _shake(context, authority, FAULT, "tls12-only", *([fault] if fault else []))
    assert (channel.version, seen) == ("TLSv1.2", names)
