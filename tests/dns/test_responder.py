from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.core.events import DnsGarbage, DnsQuery
from certsuite.dns.behaviour import GOOD, DnsBehaviour
from certsuite.dns.responder import UDP_LIMIT, Reaction, answer
from certsuite.dns.zone import Zone

SERVICE = "_sips._tcp.obp.lab.example"
ZONE = (
    Zone()
    .with_srv(SERVICE, priority=5, weight=100, port=18_934, target="edge1.lab.example", ttl=30)
    .with_srv(SERVICE, priority=10, weight=100, port=18_935, target="edge2.lab.example", ttl=20)
    .with_address("edge1.lab.example", "127.8.0.2")
    .with_address("edge2.lab.example", "127.8.0.3")
    .with_address("edge2.lab.example", "fd00::3")
    .with_cname("prov.lab.example", "edge1.lab.example")
)
MANY = Zone()
for _number in range(60):
    MANY = MANY.with_srv(SERVICE, priority=_number, weight=0, port=5061, target=f"edge{_number}.lab.example")
    MANY = MANY.with_address(f"edge{_number}.lab.example", f"127.8.0.{_number}")

ODD = (
    DnsBehaviour("a", truncates=True),
    DnsBehaviour("b", forged=MANY),
    DnsBehaviour("c", other_letter_case=True),
    DnsBehaviour("d", understands_edns=False),
    DnsBehaviour("e", names=frozenset({SERVICE}), rcode="SERVFAIL"),
)


def ask(
    name: str, type_name: str, zone: Zone = ZONE, *, transport: str = "udp", payload: int | None = None
) -> tuple[dns.message.Message, DnsQuery, int]:
    """The reply, what was recorded, and the reply's length."""
    query = dns.message.make_query(name, type_name, use_edns=payload is not None, payload=payload or 0)
    reaction = answer(query.to_wire(), zone, transport=transport, source="127.8.0.1:4000")
    (wire,), event = reaction.replies, reaction.event
    assert isinstance(event, DnsQuery)
    reply = dns.message.from_wire(wire)
    assert query.is_response(reply)
    assert reply.flags & dns.flags.RA
    assert reply.flags & dns.flags.RD
    return reply, event, len(wire)


def test_srv_with_the_addresses_of_its_targets() -> None:
    reply, event, _ = ask(SERVICE, "SRV")

    assert [rdata.to_text() for rdata in reply.answer[0]] == [
        "5 100 18934 edge1.lab.example.",
        "10 100 18935 edge2.lab.example.",
    ]
    assert reply.answer[0].ttl == 20
    assert [rrset.to_text().split(" ", 2)[0] for rrset in reply.additional] == [
        "edge1.lab.example.",
        "edge2.lab.example.",
        "edge2.lab.example.",
    ]
    assert event == DnsQuery(
        transport="udp",
        source="127.8.0.1:4000",
        name=SERVICE,
        type="SRV",
        rcode="NOERROR",
        answers=(
            f"{SERVICE}. 20 IN SRV 5 100 18934 edge1.lab.example.",
            f"{SERVICE}. 20 IN SRV 10 100 18935 edge2.lab.example.",
        ),
        id=reply.id,
        edns=False,
    )


def test_the_case_of_each_letter_comes_back() -> None:
    mixed = "_sIPs._TcP.oBp.lAb.ExAmPlE"
    reply, event, _ = ask(mixed, "SRV")
    assert reply.question[0].name.to_text() == reply.answer[0].name.to_text() == mixed + "."
    assert event.name == SERVICE


@pytest.mark.parametrize(
    ("name", "type_name", "rcode"),
    [
        ("edge1.lab.example", "AAAA", "NOERROR"),
        ("obp.lab.example", "NAPTR", "NOERROR"),
        ("obp.lab.example", "A", "NOERROR"),
        ("edge1.lab.example", "TYPE65280", "NOERROR"),
        ("nowhere.lab.example", "A", "NXDOMAIN"),
        ("example.org", "SRV", "NXDOMAIN"),
        ("2.0.8.127.in-addr.arpa", "PTR", "NXDOMAIN"),
        ("a\\.b\\000.example", "A", "NXDOMAIN"),
        (".", "NS", "NOERROR"),
    ],
)
def test_nodata_differs_from_nxdomain(name: str, type_name: str, rcode: str) -> None:
    reply, event, _ = ask(name, type_name)
    assert (dns.rcode.to_text(reply.rcode()), event.rcode, event.answers) == (rcode, rcode, ())
    assert not reply.answer
    (soa,) = reply.authority
    assert (soa.rdtype, soa.ttl) == (dns.rdatatype.SOA, 0)


def test_a_cname_is_followed() -> None:
    reply, event, _ = ask("prov.lab.example", "A")
    assert event.answers == (
        "prov.lab.example. 60 IN CNAME edge1.lab.example.",
        "edge1.lab.example. 60 IN A 127.8.0.2",
    )
    assert ask("prov.lab.example", "CNAME")[1].answers == event.answers[:1]
    missing, _, _ = ask("prov.lab.example", "AAAA")
    assert len(missing.answer) == len(missing.authority) == 1
    dangling = Zone().with_cname("a.example", "b.example")
    assert ask("a.example", "A", dangling)[1].rcode == "NXDOMAIN"
    circle = dangling.with_cname("b.example", "a.example")
    assert ask("a.example", "A", circle)[1].rcode == "SERVFAIL"
    assert reply.rcode() == dns.rcode.NOERROR


def test_all_types_of_a_name() -> None:
    reply, _, _ = ask("edge2.lab.example", "ANY")
    assert {rrset.rdtype for rrset in reply.answer} == {dns.rdatatype.A, dns.rdatatype.AAAA}


@pytest.mark.parametrize(
    ("payload", "limit"), [(None, 512), (100, 512), (600, 600), (1_232, 1_232), (4_096, UDP_LIMIT)]
)
def test_a_long_reply_is_truncated_over_udp(payload: int | None, limit: int) -> None:
    reply, event, length = ask(SERVICE, "SRV", MANY, payload=payload)
    assert reply.flags & dns.flags.TC
    assert length <= limit
    assert event.edns is (payload is not None)
    assert (reply.edns >= 0) is (payload is not None)


def test_additional_records_are_left_out_first() -> None:
    eight = Zone(MANY.records[:16])
    reply, _, length = ask(SERVICE, "SRV", eight)
    assert length <= 512
    assert len(reply.answer[0]) == 8
    assert not reply.flags & dns.flags.TC


def test_tcp_takes_it_whole() -> None:
    reply, event, length = ask(SERVICE, "SRV", MANY, transport="tcp")
    assert length > UDP_LIMIT
    assert not reply.flags & dns.flags.TC
    assert (len(reply.answer[0]), len(reply.additional), event.transport) == (60, 60, "tcp")


def test_another_version_of_edns_or_class() -> None:
    query = dns.message.make_query(SERVICE, "SRV", use_edns=1)
    reaction = answer(query.to_wire(), ZONE, transport="udp", source="")
    (wire,), event = reaction.replies, reaction.event
    assert isinstance(event, DnsQuery)
    assert event.rcode == "BADVERS"
    assert dns.message.from_wire(wire).rcode() == dns.rcode.BADVERS

    chaos = dns.message.make_query("version.bind", "TXT", rdclass="CH")
    refused = answer(chaos.to_wire(), ZONE, transport="udp", source="").event
    assert isinstance(refused, DnsQuery)
    assert refused.rcode == "REFUSED"


@pytest.mark.parametrize(
    ("query", "problem", "rcode"),
    [
        (b"", "0 bytes", None),
        (b"\x12\x34\x01\x00", "4 bytes", None),
        (b"\x12\x34\x81\x00" + bytes(8), "a reply", None),
        (b"\x12\x34\x29\x00" + bytes(8), "opcode UPDATE", dns.rcode.NOTIMP),
        (b"\x12\x34\x19\x00" + bytes(8), "opcode 3", dns.rcode.NOTIMP),
        (b"\x12\x34\x01\x00" + bytes(8), "0 questions", dns.rcode.FORMERR),
        (b"\x12\x34\x01\x00\x00\x01" + bytes(6), "ShortHeader|FormError|UnexpectedEnd", dns.rcode.FORMERR),
        (b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\xc0\x0c\x00\x01\x00\x01", "BadPointer", dns.rcode.FORMERR),
    ],
)
def test_what_is_no_question(query: bytes, problem: str, rcode: dns.rcode.Rcode | None) -> None:
    reaction = answer(query, ZONE, transport="udp", source="127.8.0.1:4000")
    event = reaction.event
    assert isinstance(event, DnsGarbage)
    assert any(word in event.problem for word in problem.split("|")), event.problem
    assert event.data == query
    if rcode is None:
        assert reaction.replies == ()
    else:
        (wire,) = reaction.replies
        reply = dns.message.from_wire(wire)
        assert (reply.id, reply.rcode(), reply.opcode()) == (0x1234, rcode, query[2] >> 3 & 0x0F)


@given(junk=st.binary(max_size=80), at=st.integers(0, 60))
def test_no_bytes_break_it(junk: bytes, at: int) -> None:
    query = dns.message.make_query(SERVICE, "SRV", use_edns=0).to_wire()
    for data in (junk, query[:at] + junk + query[at:], query[:at] + junk, query[:12] + junk):
        for transport in ("udp", "tcp"):
            for behaviour in (GOOD, *ODD):
                reaction = answer(data, ZONE, behaviour, transport=transport, source="")
                assert len(reaction.replies) <= 2
                assert all(len(wire) >= 12 for wire in reaction.replies)


def react(
    behaviour: DnsBehaviour, name: str = SERVICE, type_name: str = "SRV", *, transport: str = "udp", edns: bool = False
) -> tuple[dns.message.Message, Reaction, DnsQuery]:
    """The question, what came of it, and what was recorded."""
    query = dns.message.make_query(name, type_name, use_edns=edns)
    reaction = answer(query.to_wire(), ZONE, behaviour, transport=transport, source="")
    assert isinstance(reaction.event, DnsQuery)
    return query, reaction, reaction.event


def test_silence() -> None:
    for transport in ("udp", "tcp"):
        _, reaction, event = react(DnsBehaviour("silent", answers=False), transport=transport)
        assert reaction.replies == ()
        assert (event.rcode, event.answers, event.behaviour) == ("", (), "silent")


@pytest.mark.parametrize("rcode", ["SERVFAIL", "NXDOMAIN", "REFUSED", "NOERROR"])
def test_a_response_code_in_place_of_an_answer(rcode: str) -> None:
    query, reaction, event = react(DnsBehaviour(rcode, rcode=rcode))
    reply = dns.message.from_wire(reaction.replies[0])
    assert query.is_response(reply)
    assert dns.rcode.to_text(reply.rcode()) == event.rcode == rcode
    assert not reply.answer


def test_it_is_about_some_questions_and_no_others() -> None:
    only_srv = DnsBehaviour("x", types=frozenset({"SRV"}), rcode="SERVFAIL")
    assert react(only_srv)[2].rcode == "SERVFAIL"
    _, _, other = react(only_srv, "edge1.lab.example", "A")
    assert (other.rcode, other.behaviour) == ("NOERROR", "")
    only_one = DnsBehaviour("x", names=frozenset({"edge1.lab.example"}), answers=False)
    assert react(only_one, "EDGE1.lab.example", "A")[1].replies == ()
    assert react(only_one, "edge2.lab.example", "A")[1].replies
    assert react(only_one, ".", "NS")[1].replies


def test_what_is_truncated_over_udp_is_whole_over_tcp() -> None:
    cut = DnsBehaviour("truncated", truncates=True)
    _, reaction, event = react(cut)
    reply = dns.message.from_wire(reaction.replies[0])
    assert reply.flags & dns.flags.TC
    assert (reply.answer, event.truncated, event.answers) == ([], True, ())
    _, reaction, event = react(cut, transport="tcp")
    reply = dns.message.from_wire(reaction.replies[0])
    assert not reply.flags & dns.flags.TC
    assert (len(reply.answer[0]), event.truncated, event.behaviour) == (2, False, "")


def test_a_reply_that_is_too_long_is_recorded_as_truncated() -> None:
    assert ask(SERVICE, "SRV", MANY)[1].truncated
    assert not ask(SERVICE, "SRV", MANY, transport="tcp")[1].truncated


def test_an_answer_with_another_id_goes_ahead() -> None:
    forged = Zone().with_srv(SERVICE, priority=1, weight=0, port=1, target="edge2.lab.example")
    query, reaction, event = react(DnsBehaviour("forged", forged=forged))
    first, second = (dns.message.from_wire(wire) for wire in reaction.replies)
    assert first.id != query.id
    assert first.answer[0][0].to_text() == "1 0 1 edge2.lab.example."
    assert query.is_response(second)
    assert len(event.answers) == 2
    assert len(react(DnsBehaviour("forged", forged=forged), transport="tcp")[1].replies) == 1


def test_letters_in_the_other_case_are_the_same_names() -> None:
    query, reaction, _ = react(DnsBehaviour("letters", other_letter_case=True))
    reply = dns.message.from_wire(reaction.replies[0])
    assert query.is_response(reply)
    assert reply.question[0].name.to_text() == SERVICE.upper() + "."
    assert [rdata.target.to_text() for rdata in reply.answer[0]] == ["EDGE1.LAB.EXAMPLE.", "EDGE2.LAB.EXAMPLE."]
    assert {rrset.name for rrset in reply.additional} >= {dns.name.from_text("edge1.lab.example")}


def test_who_checks_each_letter_gets_them_back_and_the_targets_in_other_ones() -> None:
    """A resolver that mixes letters takes an answer that does not repeat them for a forged one, and is right."""
    mixed = "_sIPs._TcP.oBp.lAb.ExAmPlE"
    query, reaction, _ = react(DnsBehaviour("letters", other_letter_case=True), mixed)
    reply = dns.message.from_wire(reaction.replies[0])
    assert query.is_response(reply)
    assert reply.question[0].name.to_text() == reply.answer[0].name.to_text() == mixed + "."
    assert [rdata.target.to_text() for rdata in reply.answer[0]] == ["EDGE1.LAB.EXAMPLE.", "EDGE2.LAB.EXAMPLE."]


def test_a_server_older_than_edns() -> None:
    old = DnsBehaviour("no EDNS", understands_edns=False)
    _, reaction, event = react(old, edns=True)
    reply = dns.message.from_wire(reaction.replies[0])
    assert (reply.rcode(), reply.edns, event.rcode) == (dns.rcode.FORMERR, -1, "FORMERR")
    assert react(old)[2].rcode == "NOERROR"


def test_a_delay_is_told_and_not_waited_for() -> None:
    late = DnsBehaviour("late", types=frozenset({"SRV"}), delay_s=2.5)
    assert react(late)[1].delay_s == 2.5
    assert react(late, "edge1.lab.example", "A")[1].delay_s == 0.0


def test_a_target_that_says_there_is_no_service() -> None:
    zone = Zone().with_srv(SERVICE, priority=0, weight=0, port=0, target=".")
    reply, event, _ = ask(SERVICE, "SRV", zone)
    assert event.answers == (f"{SERVICE}. 60 IN SRV 0 0 0 .",)
    assert not reply.additional
