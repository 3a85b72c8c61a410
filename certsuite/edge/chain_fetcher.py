"""Reads the chain that a live server presents. Certificates are public: every server sends them to whoever asks.

Nothing is verified here, and nothing needs to be: the chain is only looked at, no credential and no application data is
ever sent, and the connection ends with the handshake. What the chain is worth is for the reader to judge, by the root
that it hangs from. (A client that goes on to talk must verify; this is none.)
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.resolver
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from certsuite.core.errors import BenchError
from certsuite.core.redaction import printable
from certsuite.tls.templates import is_address

CONNECT_S = 10.0
"Patience for each step: a name, a connection, a handshake."

_CHUNK = 65_536
_RECORD_TYPES = range(20, 24)
"What the first byte of a TLS server's answer can be (RFC 8446 section 5.1)."


@dataclass(frozen=True, slots=True)
class Target:
    """A target of an SRV record (RFC 2782)."""

    host: str
    port: int
    priority: int
    weight: int


async def sips_targets(
    host: str, *, resolver: dns.asyncresolver.Resolver | None = None, patience_s: float = CONNECT_S
) -> tuple[Target, ...]:
    """The targets of ``_sips._tcp.host``, the preferred first. Raises :class:`BenchError` if there are none."""
    name = f"_sips._tcp.{host}"
    try:
        asked = resolver or dns.asyncresolver.Resolver()
        answer = await asked.resolve(name, "SRV", lifetime=patience_s)
    except dns.resolver.NXDOMAIN as error:
        raise BenchError(f"there is no name {name}") from error
    except dns.resolver.NoAnswer as error:
        raise BenchError(f"{name} has no SRV record") from error
    except (dns.exception.DNSException, OSError) as error:
        raise BenchError(f"{name} cannot be resolved: {printable(str(error))}") from error
    targets = [Target(one.target.to_text(omit_final_dot=True), one.port, one.priority, one.weight) for one in answer]
    if [one.host for one in targets] in ([""], ["."]):
        raise BenchError(f"{name} says that there is no such service")
    return tuple(sorted(targets, key=lambda one: (one.priority, -one.weight, one.host)))


async def fetch_chain(host: str, port: int, *, server_name: str, patience_s: float = CONNECT_S) -> tuple[bytes, ...]:
    """The certificates that a server presents, as DER in its order. ``server_name`` is what it is asked for.

    A server that refuses this client only after it has shown them (it may want a certificate) has shown them. Raises
    :class:`BenchError` in words if the name is not resolved, nobody listens, or no TLS is spoken.
    """
    reader, writer = await _connected(host, port, patience_s)
    try:
        async with asyncio.timeout(patience_s):
            return await _read_chain(reader, writer, host, port, server_name)
    except TimeoutError as error:
        raise BenchError(f"{host} port {port} did not answer the ClientHello within {patience_s:g} s") from error
    except ConnectionError as error:
        raise BenchError(f"{host} port {port} broke the connection within the handshake: {error.strerror}") from error
    finally:
        writer.transport.abort()


async def _connected(host: str, port: int, patience_s: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    where = f"{host} port {port}"
    try:
        async with asyncio.timeout(patience_s):
            return await asyncio.open_connection(host, port)
    except TimeoutError as error:
        raise BenchError(f"cannot connect to {where}: no answer within {patience_s:g} s") from error
    except socket.gaierror as error:
        raise BenchError(f"{host} cannot be resolved: {error.strerror}") from error
    except ConnectionRefusedError as error:
        raise BenchError(f"cannot connect to {where}: nobody listens there") from error
    except OSError as error:
        raise BenchError(f"cannot connect to {where}: {error.strerror or error}") from error


async def _read_chain(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int, server_name: str
) -> tuple[bytes, ...]:
    connection = SSL.Connection(_context(), None)
    if not is_address(server_name):
        connection.set_tlsext_host_name(server_name.encode("ascii"))
    connection.set_connect_state()
    first = b""
    problem = ""
    while not problem:
        try:
            connection.do_handshake()
            break
        except SSL.WantReadError:
            writer.write(_output(connection))
            data = await reader.read(_CHUNK)
            if not first and data and data[0] not in _RECORD_TYPES:
                said = printable(data.decode("latin-1"), at_most=60)
                raise BenchError(f"{host} port {port} does not speak TLS: it said '{said}'") from None
            first = first or data
            if data:
                connection.bio_write(data)
            else:
                problem = "it closed the connection"
        except SSL.Error as error:
            reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
            problem = "; ".join(reason for _, _, reason in reasons) or "TLS failed without a reason"
    chain = connection.get_peer_cert_chain(as_cryptography=True) or []
    if not chain:
        raise BenchError(f"{host} port {port} presented no certificate: {problem or 'the handshake had none'}")
    return tuple(one.public_bytes(Encoding.DER) for one in chain)


def _context() -> SSL.Context:
    """Takes whatever is shown, old and weak too: it is only looked at."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    return context


def _output(connection: SSL.Connection) -> bytes:
    try:
        return connection.bio_read(_CHUNK)
    except SSL.WantReadError:
        return b""
