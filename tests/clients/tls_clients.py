"""TLS clients with one habit each, as devices have them. They block, and say nothing of what came of it."""

from __future__ import annotations

import contextlib
import socket
import ssl

Endpoint = tuple[str, int]

DATA = b"REGISTER sip:lab.example SIP/2.0\r\n\r\n"
_ENDS_S = 10.0


def _connected(to: Endpoint, source: str | None) -> socket.socket:
    return socket.create_connection(to, timeout=_ENDS_S, source_address=(source, 0) if source else None)


def verifying(root_pem: bytes) -> ssl.SSLContext:
    """A context that verifies chain and host name."""
    return ssl.create_default_context(cadata=root_pem.decode("ascii"))


def careless() -> ssl.SSLContext:
    """A context that verifies nothing."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def speaks(to: Endpoint, context: ssl.SSLContext, host: str, *, data: bytes = DATA, source: str | None = None) -> None:
    """Shakes hands, sends data if there is any, and leaves in order."""
    with (
        contextlib.suppress(OSError),
        _connected(to, source) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        if data:
            tls.sendall(data)
        tls.unwrap()


def leaves_without_an_alert(to: Endpoint, context: ssl.SSLContext, host: str, *, reset: bool = False) -> None:
    """Verifies, and closes the connection without a word when it does not like what it sees; else sends data."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=host)
    with contextlib.suppress(OSError), _connected(to, None) as plain:
        if reset:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                data = plain.recv(65_536)
                if not data:
                    return
                incoming.write(data)
            except ssl.SSLCertVerificationError:
                return
        tls.write(DATA)
        plain.sendall(outgoing.read())


def verifies_late(to: Endpoint, host: str, trusted_leaf: bytes, *, data_first: bool = False) -> None:
    """Takes part in any handshake and looks at the certificate (DER) only then; closes in order if it is another.

    With ``data_first`` it looks only once it has sent its data: too late.
    """
    with (
        contextlib.suppress(OSError),
        _connected(to, None) as plain,
        careless().wrap_socket(plain, server_hostname=host) as tls,
    ):
        if data_first:
            tls.sendall(DATA)
        if tls.getpeercert(binary_form=True) == trusted_leaf:
            tls.sendall(DATA)
        tls.unwrap()


def says(to: Endpoint, data: bytes, *, waits: bool = False) -> None:
    """Sends bytes over TCP and closes; with ``waits`` it waits for the other side to close."""
    with contextlib.suppress(OSError), _connected(to, None) as plain:
        plain.sendall(data)
        while waits and plain.recv(65_536):
            continue
