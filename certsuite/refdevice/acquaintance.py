"""What the device keeps of a server for the next connection. A compliant device keeps nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.tls import Channel, Peer, TlsChannel, channel_maker


class Acquaintance:
    """Makes the channel of each connection, knows servers from earlier ones, and may make too much of it."""

    def __init__(self, trusted_roots: Path, behaviour: Behaviour, shipped_roots: Path | None = None) -> None:
        """Raises :class:`OSError` if the roots cannot be read."""
        self._behaviour = behaviour
        self._verified: set[Peer] = set()
        self._issuer = ""
        self._last: dict[Peer, TlsChannel] = {}
        self._make = self._make_unverified = channel_maker(trusted_roots, behaviour, shipped_roots)
        if not behaviour.verifies_each_time:
            careless = dataclasses.replace(behaviour, verifies_chain=False, verifies_host_name=False)
            self._make_unverified = channel_maker(trusted_roots, careless, shipped_roots)

    def channel(self, peer: Peer) -> Channel:
        """The channel of the next connection to a server."""
        channel = (self._make_unverified if peer in self._verified else self._make)(peer)
        last = self._last.pop(peer, None)
        session = last.session if last is not None else None
        if session is not None and self._behaviour.insists_on_session and isinstance(channel, TlsChannel):
            channel.offer(session)
        return channel

    def objection(self, peer: Peer, channel: Channel) -> str:
        """Why a connection that has just been made is not used; empty if it is."""
        if not isinstance(channel, TlsChannel):
            return ""
        if channel.session_refused:
            return "the server does not know the session any more"
        if self._behaviour.pins_issuer:
            self._issuer = self._issuer or channel.issuer
            if channel.issuer != self._issuer:
                return "the certificate is not of the issuer that was seen first"
        self._verified.add(peer)
        self._last[peer] = channel
        return ""
