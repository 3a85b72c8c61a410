"""The DNS client, against dnspython's idea of a message."""

from __future__ import annotations

import dataclasses
import socket
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.refdevice.behaviour import Behaviour
from certsuite.refdevice.dns import SRV, DnsError, Resolver, SrvRecord, in_order, parse_reply, query
from certsuite.refdevice.faults import behaviour_with

if TYPE_CHECKING:
    from tests.refdevice.conftest import Zone

_NAME = "_sips._tcp.hs17.lab.example"


def test_a_query_is_what_dnspython_writes() -> None:
    expected = dns.message.make_query(_NAME, "SRV", id=4711)
    assert query(4711, _NAME, SRV) == expected.to_wire()


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64 + ".example", "ä.example"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(DnsError, match="no host name"):
        query(1, name, SRV)


def _reply(*texts: str) -> tuple[bytes, bytes]:
    asked = dns.message.make_query(_NAME, "SRV", id=7)
    reply = dns.message.make_response(asked)
    reply.answer.append(dns.rrset.from_text(_NAME + ".", 30, "IN", "SRV", *texts))
    reply.additional.append(dns.rrset.from_text("a.hs17.lab.example.", 30, "IN", "A", "127.0.0.9"))
    return reply.to_wire(), asked.to_wire()


def test_a_reply_with_compressed_names() -> None:
    data, asked = _reply("5 100 8934 a.hs17.lab.example.", "10 0 8934 b.hs17.lab.example.")
    reply = parse_reply(data, asked)
    assert sorted(record.data for record in reply.answers if isinstance(record.data, tuple)) == [
        (5, 100, 8934, "a.hs17.lab.example"),
        (10, 0, 8934, "b.hs17.lab.example"),
    ]
    assert [(record.name, record.data) for record in reply.additional] == [("a.hs17.lab.example", "127.0.0.9")]


def test_an_answer_to_something_else() -> None:
    data, asked = _reply("5 100 8934 a.hs17.lab.example.")
    with pytest.raises(DnsError, match="not an answer"):
        parse_reply(data, b"\0\1" + asked[2:])
    with pytest.raises(DnsError, match="another question"):
        parse_reply(data, query(7, "other.example", SRV))


def test_a_name_that_points_to_itself() -> None:
    asked = query(7, _NAME, SRV)
    looped = asked[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + asked[12:] + b"\xc0" + bytes([len(asked)]) + b"\0" * 10
    with pytest.raises(DnsError, match="malformed"):
        parse_reply(looped, asked)


@given(st.data())
def test_no_bytes_make_it_fail_otherwise(data: st.DataObject) -> None:
    good, asked = _reply("5 100 8934 a.hs17.lab.example.")
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse_reply(bytes(changed[: data.draw(st.integers(0, len(good)))]), asked)
    except DnsError:
        return


def test_priority_comes_before_weight() -> None:
    records = [SrvRecord(10, 100, 1, "c"), SrvRecord(5, 0, 1, "a"), SrvRecord(5, 0, 1, "b")]
    assert [record.priority for record in in_order(records, lambda n: 0)] == [5, 5, 10]


def test_weights_are_shares() -> None:
    records = [SrvRecord(5, 0, 1, "none"), SrvRecord(5, 25, 1, "quarter"), SrvRecord(5, 75, 1, "most")]
    chance = Random(1).randrange
    firsts = Counter(in_order(records, chance)[0].target for _ in range(4000))
    assert firsts["most"] / 4000 == pytest.approx(0.75, abs=0.03)
    assert firsts["quarter"] / 4000 == pytest.approx(0.25, abs=0.03)
    assert firsts["none"] / 4000 < 0.03


@pytest.mark.asyncio
async def test_asks_a_server(zone: Zone) -> None:
    zone.srv((5, "a.example", 8934))
    resolver = Resolver(("127.0.0.1", zone.port), "127.0.0.1")
    assert await resolver.srv(_NAME) == ([SrvRecord(5, 0, 8934, "a.example", 30)], {})
    assert await resolver.addresses("a.example") == ["127.0.0.1"]
    assert await resolver.addresses("nobody.example") == []


@pytest.mark.asyncio
async def test_a_service_that_is_not_there(zone: Zone) -> None:
    zone.records[_NAME + ".", "SRV"] = ["0 0 0 ."]
    assert await Resolver(("127.0.0.1", zone.port), "127.0.0.1").srv(_NAME) == ([SrvRecord(0, 0, 0, "", 30)], {})


@pytest.mark.asyncio
async def test_an_answer_of_twenty_records_comes_over_tcp_and_whole(zone: Zone) -> None:
    targets = [(number, f"target-{number:02}.some.where.example", 8934) for number in range(1, 21)]
    zone.srv(*targets)
    records, _ = await Resolver(("127.0.0.1", zone.port), "127.0.0.1").srv(_NAME)
    assert [(record.priority, record.target, record.port) for record in in_order(records)] == targets
    assert [transport for transport, _, _ in zone.asked] == ["udp", "tcp"]


@pytest.mark.asyncio
async def test_an_answer_that_is_too_long_is_none_if_so_faulty(zone: Zone) -> None:
    resolver = Resolver(("127.0.0.1", zone.port), "127.0.0.1", behaviour_with(["ignores-long-answers"]))
    zone.srv((5, "a.example", 8934))
    assert len((await resolver.srv(_NAME))[0]) == 1
    zone.truncates = True
    with pytest.raises(DnsError, match="too long"):
        await resolver.srv(_NAME)
    assert [transport for transport, _, _ in zone.asked] == ["udp", "udp"]


@pytest.mark.asyncio
async def test_nobody_answers() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(DnsError, match="refused"):
        await Resolver(("127.0.0.1", port), "127.0.0.1").srv(_NAME)


@pytest.mark.asyncio
async def test_an_alias_is_followed_within_an_answer_and_to_the_next(zone: Zone) -> None:
    zone.records["a.example.", "A"] = []
    asked = dns.message.make_query("a.example", "A", id=7)
    reply = dns.message.make_response(asked)
    reply.answer.append(dns.rrset.from_text("a.example.", 30, "IN", "CNAME", "B.example."))
    reply.answer.append(dns.rrset.from_text("b.example.", 30, "IN", "A", "127.0.0.9"))
    parsed = parse_reply(reply.to_wire(), asked.to_wire())
    resolver = Resolver(("127.0.0.1", zone.port), "127.0.0.1")
    assert resolver._without_aliases("a.example", parsed) == "b.example"
    unfollowing = Resolver(("127.0.0.1", zone.port), "127.0.0.1", behaviour_with(["ignores-cname"]))
    assert unfollowing._without_aliases("a.example", parsed) == "a.example"


@pytest.mark.asyncio
async def test_what_kind_of_failure_it_was(zone: Zone) -> None:
    zone.rcode = dns.rcode.SERVFAIL
    resolver = Resolver(("127.0.0.1", zone.port), "127.0.0.1")
    with pytest.raises(DnsError, match="code 2") as failed:
        await resolver.srv(_NAME)
    assert failed.value.kind == "SERVFAIL"
    zone.rcode = dns.rcode.NXDOMAIN
    assert (await resolver.srv(_NAME))[0] == []
    with pytest.raises(DnsError, match="no such name") as failed:
        await resolver.addresses("a.example")
    assert failed.value.kind == "NXDOMAIN"


def test_faults_of_the_reader() -> None:
    data, asked = _reply("5 100 8934 a.hs17.lab.example.", "10 0 8934 b.hs17.lab.example.")
    assert len(parse_reply(data, asked, behaviour_with(["reads-four-records"])).answers) == 2
    one = dataclasses.replace(Behaviour(), records_per_answer=1)
    assert len(parse_reply(data, asked, one).answers) == 1
    assert parse_reply(data, b"\0\1" + asked[2:], behaviour_with(["accepts-wrong-id"])).answers
    capital = asked.replace(b"sips", b"SIPS")
    assert parse_reply(data, capital).answers
    with pytest.raises(DnsError, match="another question"):
        parse_reply(data, capital, behaviour_with(["heeds-letter-case"]))


def test_edns_is_what_dnspython_writes() -> None:
    expected = dns.message.make_query(_NAME, "SRV", id=4711, use_edns=0, payload=1232)
    assert query(4711, _NAME, SRV, edns=True) == expected.to_wire()


@pytest.mark.asyncio
async def test_ipv6_is_asked_for_by_who_is_made_to(zone: Zone) -> None:
    zone.records["a.example.", "A"] = ["127.0.0.1"]
    zone.records["a.example.", "AAAA"] = ["::1"]
    found = {}
    for fault in ("waits-for-aaaa", "takes-ipv6-alone"):
        resolver = Resolver(("127.0.0.1", zone.port), "127.0.0.1", behaviour_with([fault]))
        found[fault] = await resolver.addresses("a.example")
    assert found == {"waits-for-aaaa": ["127.0.0.1"], "takes-ipv6-alone": ["::1"]}
