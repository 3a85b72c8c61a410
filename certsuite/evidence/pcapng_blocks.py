"""The blocks of a pcapng file, as bytes (draft-ietf-opsawg-pcapng), in little-endian order."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import BinaryIO

from certsuite.core.capture import Endpoint

SECTION_HEADER = 0x0A0D0D0A
"Block type."
INTERFACE = 1
"Block type."
ENHANCED_PACKET = 6
"Block type."
DECRYPTION_SECRETS = 10
"Block type."

LINKTYPE_RAW = 101
"Frames are IP packets, of either version."
LINKTYPE_UPPER_PDU = 252
"Frames are PDUs of an upper protocol, named by tags in front of them."

_BYTE_ORDER = 0x1A2B3C4D
_TLS_KEY_LOG = 0x544C534B
_OPTION_END = 0
_OPTION_COMMENT = 1
_SECTION_APPLICATION = 4
_INTERFACE_NAME = 2
_INTERFACE_DESCRIPTION = 3
_INTERFACE_RESOLUTION = 9
_NANOSECONDS = b"\x09"
_UNKNOWN_LENGTH = -1
_OPTION_LIMIT = 65_535

# Tags of an exported PDU (Wireshark, epan/exported_pdu.h); unlike everything else here they are big-endian.
_TAG_END = 0
_TAG_DISSECTOR = 12
_TAG_IPV4 = (20, 21)
_TAG_IPV6 = (22, 23)
_TAG_PORT_TYPE = 24
_TAG_PORT = (25, 26)
_PORT_TYPE_TCP = 2


def section_header(*, application: str, comment: str) -> bytes:
    """Begins a section whose length is not known."""
    options = _option(_SECTION_APPLICATION, application.encode()) + _option(_OPTION_COMMENT, comment.encode())
    return _block(SECTION_HEADER, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, _UNKNOWN_LENGTH) + _options(options))


def interface(link_type: int, name: str, description: str) -> bytes:
    """An interface whose times are in nanoseconds; interfaces are numbered from 0 in their order."""
    options = (
        _option(_INTERFACE_NAME, name.encode())
        + _option(_INTERFACE_DESCRIPTION, description.encode())
        + _option(_INTERFACE_RESOLUTION, _NANOSECONDS)
    )
    return _block(INTERFACE, struct.pack("<HHI", link_type, 0, 0) + _options(options))


def enhanced_packet(interface_number: int, t_ns: int, packet: bytes) -> bytes:
    """A frame. ``t_ns`` is nanoseconds since 1970 UTC."""
    header = struct.pack("<IIIII", interface_number, t_ns >> 32, t_ns & 0xFFFFFFFF, len(packet), len(packet))
    return _block(ENHANCED_PACKET, header + _padded(packet))


def tls_key_log(line: str) -> bytes:
    """A line of an NSS key log."""
    secrets = line.rstrip("\n").encode("ascii") + b"\n"
    return _block(DECRYPTION_SECRETS, struct.pack("<II", _TLS_KEY_LOG, len(secrets)) + _padded(secrets))


def exported_pdu(dissector: str, source: Endpoint, destination: Endpoint, data: bytes) -> bytes:
    """A PDU for Wireshark's dissector of that name, as if it had gone over TCP between the endpoints."""
    tags = [_tag(_TAG_DISSECTOR, dissector.encode("ascii"))]
    for number, (host, _) in enumerate((source, destination)):
        address = ipaddress.ip_address(host.partition("%")[0])
        tags.append(_tag((_TAG_IPV4 if address.version == 4 else _TAG_IPV6)[number], address.packed))
    tags.append(_tag(_TAG_PORT_TYPE, struct.pack(">I", _PORT_TYPE_TCP)))
    for number, (_, port) in enumerate((source, destination)):
        tags.append(_tag(_TAG_PORT[number], struct.pack(">I", port)))
    tags.append(_tag(_TAG_END, b""))
    return b"".join(tags) + data


def scan(stream: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Complete blocks of a file of ``size`` bytes, from its beginning: (type, where it ends).

    It stops at what is torn or no block of ours.
    """
    start = 0
    while size - start >= 12:
        stream.seek(start)
        kind, length = struct.unpack("<II", stream.read(8))
        if length < 12 or length % 4 or start + length > size or (start == 0 and kind != SECTION_HEADER):
            return
        stream.seek(start + length - 4)
        if struct.unpack("<I", stream.read(4)) != (length,):
            return
        start += length
        yield kind, start


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _option(code: int, value: bytes) -> bytes:
    value = value[:_OPTION_LIMIT]
    return struct.pack("<HH", code, len(value)) + _padded(value) if value else b""


def _options(options: bytes) -> bytes:
    return options + struct.pack("<HH", _OPTION_END, 0) if options else b""


def _tag(code: int, value: bytes) -> bytes:
    value = value + bytes(-len(value) % 4)
    return struct.pack(">HH", code, len(value)) + value


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
