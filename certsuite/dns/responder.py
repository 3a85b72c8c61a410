"""Answers to DNS questions, as bytes (RFC 1035): what a resolver of a closed lab says.

It knows its zone and nothing else: any other name does not exist. Every reply says that recursion is available, so
that stub resolvers are content, and negative ones forbid caching, so that a zone can change at any moment.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from certsuite.dns.behaviour import GOOD, DnsBehaviour
from certsuite.dns.zone import A, Aaaa, Cname, Record, Srv, Zone

UDP_LIMIT = 1232
"Bytes of a UDP reply, at most, whatever the asker can take: never fragmented (DNS flag day 2020)."
TCP_LIMIT = 65_535
"Bytes of a TCP reply."
_PLAIN_UDP_LIMIT = 512
"Bytes of a UDP reply to who does not speak EDNS (RFC 1035 section 4.2.1)."
_HEADER = 12
_TC = 0x02
"The TC bit in the third byte of a header."
_GARBAGE_KEPT = 512
_CNAMES_AT_MOST = 8
_NO_CACHING = "certsuite.invalid. hostmaster.certsuite.invalid. 1 3600 600 86400 0"


@dataclass(frozen=True, slots=True)
class Reaction:
    """What comes of one message."""

    event: DnsQuery | DnsGarbage
    "What is to be recorded."
    replies: tuple[bytes, ...] = ()
    "Messages to send, in their order."
    delay_s: float = 0.0
    "Seconds to wait before they are sent."


def answer(query: bytes, zone: Zone, behaviour: DnsBehaviour = GOOD, *, transport: str, source: str) -> Reaction:
    """The replies to ``query``, if there are any, and what is to be recorded.

    ``transport`` is ``udp`` or ``tcp`` and decides how long the reply may be; ``source`` is ``address:port`` of who
    asked. What is no question gets FORMERR or NOTIMP if it has a header, and nothing if it is itself a reply.
    """

    def garbage(problem: str, rcode: dns.rcode.Rcode | None) -> Reaction:
        replies = () if rcode is None else (_bare_reply(query, rcode),)
        return Reaction(DnsGarbage(source=source, data=query[:_GARBAGE_KEPT], problem=problem), replies)

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
    return _react(message, zone, behaviour, transport, source)


def _react(message: dns.message.Message, zone: Zone, behaviour: DnsBehaviour, transport: str, source: str) -> Reaction:
    """The reaction to one question."""
    question = message.question[0]
    name, wanted = _plain(question.name), dns.rdatatype.to_text(question.rdtype)
    met = _meets(behaviour, message, name, wanted, transport)
    reply = _misbehaved(message, behaviour) if met else None
    if reply is None:
        reply = _reply(message, zone)
    if transport == "tcp":
        limit = TCP_LIMIT
    else:
        limit = min(max(message.payload, _PLAIN_UDP_LIMIT), UDP_LIMIT) if message.edns >= 0 else _PLAIN_UDP_LIMIT
    if met and behaviour.other_letter_case:
        _swap_targets(reply)
    wire = _wire(reply, limit)
    if met and behaviour.other_letter_case and not _mixes_letters(question.name):
        wire = _with_swapped_question(wire)
    replies: tuple[bytes, ...] = (wire,)
    if met and behaviour.forged is not None:
        replies = (_with_other_id(_wire(_reply(message, behaviour.forged), limit)), wire)
    sent = behaviour.answers or not met
    event = DnsQuery(
        transport=transport,
        source=source,
        name=name,
        type=wanted,
        rcode=dns.rcode.to_text(reply.rcode()) if sent else "",
        answers=tuple(line for rrset in reply.answer for line in rrset.to_text().splitlines()) if sent else (),
        id=message.id,
        edns=message.edns >= 0,
        truncated=sent and bool(wire[2] & _TC),
        behaviour=behaviour.name if met else "",
    )
    return Reaction(event, replies if sent else (), behaviour.delay_s if met else 0.0)


def _meets(behaviour: DnsBehaviour, message: dns.message.Message, name: str, wanted: str, transport: str) -> bool:
    """Whether what is wrong with the server touches this question."""
    if behaviour is GOOD or not _is_about(behaviour, name, wanted):
        return False
    if not behaviour.understands_edns:
        return message.edns >= 0
    if behaviour.truncates or behaviour.forged is not None:
        return transport == "udp"
    return True


def _is_about(behaviour: DnsBehaviour, name: str, wanted: str) -> bool:
    try:
        return behaviour.is_about(name, wanted)
    except ValueError:  # the root, or a name that no zone can hold
        return not behaviour.names


def _misbehaved(message: dns.message.Message, behaviour: DnsBehaviour) -> dns.message.Message | None:
    """A reply without an answer, if that is what the server gives in place of one."""
    reply = dns.message.make_response(message, recursion_available=True, our_payload=UDP_LIMIT)
    if not behaviour.understands_edns:
        reply.use_edns(False)
        reply.set_rcode(dns.rcode.FORMERR)
    elif behaviour.truncates:
        reply.flags |= dns.flags.TC
    elif behaviour.rcode:
        reply.set_rcode(dns.rcode.from_text(behaviour.rcode))
    else:
        return None
    return reply


def _wire(reply: dns.message.Message, limit: int) -> bytes:
    return reply.to_wire(max_size=limit, prefer_truncation=True, want_shuffle=False)


def _with_other_id(wire: bytes) -> bytes:
    return bytes([wire[0] ^ 0x55, wire[1] ^ 0xAA]) + wire[2:]


def _with_swapped_question(wire: bytes) -> bytes:
    """The letters of the question in the other case, and with them every owner that is a pointer to it."""
    swapped = bytearray(wire)
    at = _HEADER
    while length := wire[at]:
        label = slice(at + 1, at + 1 + length)
        swapped[label] = wire[label].swapcase()
        at = label.stop
    return bytes(swapped)


def _mixes_letters(name: dns.name.Name) -> bool:
    """Whether the asker mixes letters of both cases, to take no answer that does not repeat them (draft 0x20)."""
    text = name.to_text()
    return text not in (text.lower(), text.upper())


def _swap_targets(reply: dns.message.Message) -> None:
    """The letters of SRV and CNAME targets in the other case; their addresses stand under the name as it was."""
    for rrset in reply.answer:
        for rdata in list(rrset):
            if rdata.rdtype in (dns.rdatatype.SRV, dns.rdatatype.CNAME):
                target = dns.name.Name(tuple(label.swapcase() for label in rdata.target.labels))
                rrset.items[rdata.replace(target=target)] = rrset.items.pop(rdata)


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
            return f"{priority} {weight} {port} {target.removesuffix('.')}."
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
