"""Answers to DNS questions, as bytes (RFC 1035): what a resolver of a closed lab says.

It knows its zone and nothing else: any other name does not exist. Every reply says that recursion is available, so
that stub resolvers are content, and negative ones forbid caching, so that a zone can change at any moment.
"""

from __future__ import annotations

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from certsuite.core.events import DnsGarbage, DnsQuery
from certsuite.dns.zone import A, Aaaa, Cname, Record, Srv, Zone

UDP_LIMIT = 1232
"Bytes of a UDP reply, at most, whatever the asker can take: never fragmented (DNS flag day 2020)."
TCP_LIMIT = 65_535
"Bytes of a TCP reply."
_PLAIN_UDP_LIMIT = 512
"Bytes of a UDP reply to who does not speak EDNS (RFC 1035 section 4.2.1)."
_HEADER = 12
_GARBAGE_KEPT = 512
_CNAMES_AT_MOST = 8
_NO_CACHING = "certsuite.invalid. hostmaster.certsuite.invalid. 1 3600 600 86400 0"


def answer(query: bytes, zone: Zone, *, transport: str, source: str) -> tuple[bytes | None, DnsQuery | DnsGarbage]:
    """The reply to ``query``, if there is one, and what is to be recorded.

    ``transport`` is ``udp`` or ``tcp`` and decides how long the reply may be; ``source`` is ``address:port`` of who
    asked. What is no question gets FORMERR or NOTIMP if it has a header, and nothing if it is itself a reply.
    """

    def garbage(problem: str, rcode: dns.rcode.Rcode | None) -> tuple[bytes | None, DnsGarbage]:
        reply = None if rcode is None else _bare_reply(query, rcode)
        return reply, DnsGarbage(source=source, data=query[:_GARBAGE_KEPT], problem=problem)

    if len(query) < _HEADER:
        return garbage(f"{len(query)} bytes are no DNS message", None)
    if query[2] & 0x80:
        return garbage("a reply, where a question is due", None)
    opcode = dns.opcode.Opcode.make(query[2] >> 3 & 0x0F)
    if opcode != dns.opcode.QUERY:
        return garbage(f"opcode {dns.opcode.to_text(opcode)}, where QUERY is due", dns.rcode.NOTIMP)
    try:
        message = dns.message.from_wire(query)
    except (dns.exception.DNSException, ValueError) as error:
        return garbage(f"{type(error).__name__}: {error}", dns.rcode.FORMERR)
    if len(message.question) != 1:
        return garbage(f"{len(message.question)} questions, where one is due", dns.rcode.FORMERR)

    reply = _reply(message, zone)
    question = message.question[0]
    event = DnsQuery(
        transport=transport,
        source=source,
        name=_plain(question.name),
        type=dns.rdatatype.to_text(question.rdtype),
        rcode=dns.rcode.to_text(reply.rcode()),
        answers=tuple(line for rrset in reply.answer for line in rrset.to_text().splitlines()),
        id=message.id,
        edns=message.edns >= 0,
    )
    if transport == "tcp":
        return reply.to_wire(max_size=TCP_LIMIT, prefer_truncation=True, want_shuffle=False), event
    limit = min(max(message.payload, _PLAIN_UDP_LIMIT), UDP_LIMIT) if message.edns >= 0 else _PLAIN_UDP_LIMIT
    return reply.to_wire(max_size=limit, prefer_truncation=True, want_shuffle=False), event


def _reply(message: dns.message.Message, zone: Zone) -> dns.message.Message:
    reply = dns.message.make_response(message, recursion_available=True, our_payload=UDP_LIMIT)
    question = message.question[0]
    if message.edns > 0:
        reply.set_rcode(dns.rcode.BADVERS)
        return reply
    if question.rdclass not in (dns.rdataclass.IN, dns.rdataclass.ANY):
        reply.set_rcode(dns.rcode.REFUSED)
        return reply
    # The owner is written as it was asked for: a resolver may check the case of each letter (draft 0x20).
    owner = question.name
    wanted = dns.rdatatype.to_text(question.rdtype)
    for _ in range(_CNAMES_AT_MOST):
        name = _plain(owner)
        records = _find(zone, name, wanted)
        aliases = () if records or wanted in ("CNAME", "ANY") else _find(zone, name, "CNAME")
        _add(reply.answer, owner, records or aliases)
        if not aliases or not isinstance(aliases[0].data, Cname):
            if not records:
                _deny(reply, exists=_exists(zone, name))
            break
        owner = dns.name.from_text(aliases[0].data.target)
    else:
        reply.set_rcode(dns.rcode.SERVFAIL)
    _add_addresses(reply, zone)
    return reply


def _add(section: list[dns.rrset.RRset], owner: dns.name.Name, records: tuple[Record, ...]) -> None:
    for type_name in dict.fromkeys(record.type for record in records):
        of_type = [record for record in records if record.type == type_name]
        data = [
            dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(type_name), _text(record))
            for record in of_type
        ]
        # One TTL for all records of a name and type (RFC 2181 section 5.2).
        section.append(dns.rrset.from_rdata_list(owner, min(record.ttl for record in of_type), data))


def _text(record: Record) -> str:
    """The record's data in presentation form."""
    match record.data:
        case Srv(priority, weight, port, target):
            return f"{priority} {weight} {port} {target}."
        case A(address) | Aaaa(address):
            return address
        case Cname(target):
            return f"{target}."


def _add_addresses(reply: dns.message.Message, zone: Zone) -> None:
    """The addresses of SRV targets go along (RFC 2782); they are left out first if the reply is too long."""
    targets = dict.fromkeys(
        rdata.target for rrset in reply.answer if rrset.rdtype == dns.rdatatype.SRV for rdata in rrset
    )
    for target in targets:
        for type_name in ("A", "AAAA"):
            _add(reply.additional, target, _find(zone, _plain(target), type_name))


def _deny(reply: dns.message.Message, *, exists: bool) -> None:
    """NODATA or NXDOMAIN, with a SOA that forbids to keep it (RFC 2308)."""
    reply.set_rcode(dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN)
    reply.authority.append(dns.rrset.from_text(dns.name.root, 0, dns.rdataclass.IN, dns.rdatatype.SOA, _NO_CACHING))


def _bare_reply(query: bytes, rcode: dns.rcode.Rcode) -> bytes:
    """A header alone: the question could not be read, so it cannot be repeated."""
    reply = dns.message.Message(id=int.from_bytes(query[:2], "big"))
    reply.flags = dns.flags.QR | dns.flags.RA | (dns.flags.RD if query[2] & 1 else 0)
    reply.set_opcode(dns.opcode.Opcode.make(query[2] >> 3 & 0x0F))
    reply.set_rcode(rcode)
    return reply.to_wire()


def _plain(name: dns.name.Name) -> str:
    """A name as zones hold it; characters that are none of a host name are escaped (RFC 1035 section 5.1)."""
    return name.to_text(omit_final_dot=True).lower()


def _find(zone: Zone, name: str, type_name: str) -> tuple[Record, ...]:
    try:
        return zone.find(name, type_name)
    except ValueError:  # the root, or a name with escapes that is longer in text than a zone's may be
        return ()


def _exists(zone: Zone, name: str) -> bool:
    try:
        return zone.exists(name)
    except ValueError:
        return name == "."
