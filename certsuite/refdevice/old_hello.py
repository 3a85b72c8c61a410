"""The ClientHello of a very old TLS stack, and a connection that is given up after it.

It offers TLS 1.2 with suites of all times, TLS compression and one rare group, and lacks everything that came later:
server name, signature algorithms, extended master secret, the signal of secure renegotiation.
"""

from __future__ import annotations

import asyncio
import logging
import secrets

log = logging.getLogger("refdevice.old_hello")

_ANSWER_S = 2.0

_SUITES = (
    0xC02F,  # ECDHE_RSA with AES_128_GCM: the one that is good
    0xC028,
    0x002F,
    0x0005,  # RC4
    0x000A,  # 3DES
    0x0009,  # DES
    0x0008,  # export
    0x0018,  # anonymous
    0x003B,  # NULL
)
_COMPRESSIONS = (1, 0)
_EXTENSIONS = (
    (10, bytes((0, 2, 0, 25))),  # secp521r1
    (11, bytes((1, 0))),
)


def old_client_hello() -> bytes:
    """The message in one record of TLS 1.0's number, as ever."""
    suites = b"".join(number.to_bytes(2, "big") for number in _SUITES)
    extensions = b"".join(
        number.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data for number, data in _EXTENSIONS
    )
    body = b"".join(
        (
            b"\x03\x03",
            secrets.token_bytes(32),
            b"\x00",
            len(suites).to_bytes(2, "big"),
            suites,
            bytes((len(_COMPRESSIONS), *_COMPRESSIONS)),
            len(extensions).to_bytes(2, "big"),
            extensions,
        )
    )
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message


async def try_old_hello(address: str, port: int, local_address: str) -> None:
    """Send it, see that an answer comes, and go away: the answer does not please it, whatever it is."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(address, port, local_addr=(local_address, 0))
            try:
                writer.write(old_client_hello())
                await reader.read(1)
            finally:
                writer.close()
                await writer.wait_closed()
    except OSError as error:  # TimeoutError is one
        log.info("%s port %s: the old ClientHello came to nothing: %s", address, port, error)
