"""DNS as a case sees it: what a resolver gets to hear, and the reference device on the other side of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from certsuite.bench.dns_control import SERVICE, DnsControl
from certsuite.bench.expecting import ExpectationNotMet
from certsuite.bench.network import OUTBOUND_PROXY, TARGETS
from certsuite.core.cases import Case, State
from certsuite.core.events import BenchChanged, DeviceStarted, DnsQuery, Expectation, FlowOpened
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-DNS-060", "a title", ("DNS-ADDRESSES",), (), State.REGISTERED, ())


async def asked(on: Stage, name: str = SERVICE, kind: str = "SRV", *, tcp: bool = False) -> dns.message.Message:
    """The bench's answer to a question of the test's own."""
    host, port = on.network.settings().resolver
    ask: Callable[..., dns.message.Message] = dns.query.tcp if tcp else dns.query.udp
    return await asyncio.to_thread(ask, dns.message.make_query(name, kind, use_edns=False), host, timeout=1, port=port)


def texts(answer: dns.message.Message) -> list[str]:
    return [rdata.to_text() for rrset in answer.answer for rdata in rrset]


async def begun(on: Stage) -> DnsControl:
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)
    return on.bench.dns


@pytest.mark.asyncio
async def test_it_fails_in_whole_or_for_one_type(stage: Staging) -> None:
    on: Stage = await stage()
    control = on.bench.dns
    control.fails("SERVFAIL", type="SRV")
    assert (await asked(on)).rcode() == dns.rcode.SERVFAIL
    assert (await asked(on, TARGETS["primary"], "A")).rcode() == dns.rcode.NOERROR
    control.answers_nothing(type="SRV")
    answer = await asked(on)
    assert (answer.rcode(), answer.answer) == (dns.rcode.NOERROR, [])
    control.is_silent(type="A")
    assert texts(await asked(on))
    with pytest.raises(dns.exception.Timeout):
        await asked(on, TARGETS["primary"], "A")
    names = [event.behaviour for event in on.events(BenchChanged)]
    assert names == ["SERVFAIL for SRV", "empty answers for SRV", "silent for A"]
    assert [event.behaviour for event in on.events(DnsQuery)] == [names[0], "", names[1], "", names[2]]


@pytest.mark.asyncio
async def test_it_is_cut_off_over_udp_alone(stage: Staging) -> None:
    on: Stage = await stage()
    on.bench.dns.truncates()
    assert (await asked(on)).flags & dns.flags.TC
    assert len(texts(await asked(on, tcp=True))) == 2


@pytest.mark.asyncio
async def test_what_a_case_changes_is_good_again_after_it(stage: Staging) -> None:
    on: Stage = await stage()
    good = sorted(texts(await asked(on)))
    on.bench.dns.moves_to_the_secondary()
    assert [text.split()[3] for text in texts(await asked(on))] == [TARGETS["secondary"] + "."]
    await on.network.restore()
    answer = await asked(on)
    assert (sorted(texts(answer)), answer.answer[0].ttl) == (good, 60)
    on.bench.dns.is_silent()
    await on.network.restore()
    assert sorted(texts(await asked(on))) == good
    assert [event.behaviour for event in on.events(BenchChanged)] == ["secondary alone", "good", "silent", "good"]
    await on.network.restore()
    assert len(on.events(BenchChanged)) == 4


@pytest.mark.asyncio
async def test_what_a_case_changes_may_not_be_kept(stage: Staging) -> None:
    on: Stage = await stage()
    for change in (on.bench.dns.shortens_ttl, on.bench.dns.truncates, on.bench.dns.comes_back):
        change()
        assert (await asked(on, tcp=True)).answer[0].ttl == 1


@pytest.mark.asyncio
async def test_records_that_are_odd(stage: Staging) -> None:
    on: Stage = await stage()
    control = on.bench.dns
    control.gives_all_weight_to("secondary")
    fields = [text.split() for text in texts(await asked(on))]
    assert [(one[0], one[1], one[3][:-1]) for one in fields] == [
        ("5", "0", TARGETS["primary"]),
        ("5", "100", TARGETS["secondary"]),
    ]
    control.has_dead_addresses_beside_the_primary()
    addresses = texts(await asked(on, TARGETS["primary"], "A"))
    assert (len(addresses), addresses[2]) == (5, on.network.edges["primary"].address)
    assert len(texts(await asked(on))) == 1
    control.has_dead_ipv6_addresses()
    assert texts(await asked(on, TARGETS["secondary"], "AAAA")) == ["::1"]
    control.is_behind_a_cname()
    assert (await asked(on)).answer[0].rdtype == dns.rdatatype.CNAME
    assert len(texts(await asked(on))) == 3
    control.has_aliases_as_targets()
    assert len(texts(await asked(on, TARGETS["primary"], "A"))) == 2
    control.denies_the_service()
    assert texts(await asked(on)) == ["0 0 0 ."]


@pytest.mark.asyncio
async def test_a_long_answer_takes_tcp_and_has_the_edges_last(stage: Staging) -> None:
    on: Stage = await stage()
    on.bench.dns.answers_at_length()
    assert (await asked(on)).flags & dns.flags.TC
    records = texts(await asked(on, tcp=True))
    assert len(records) == 8
    assert [record.split()[3][:-1] for record in records[-2:]] == [TARGETS["secondary"], TARGETS["primary"]]


@pytest.mark.asyncio
async def test_a_forged_answer_leads_elsewhere(stage: Staging) -> None:
    on: Stage = await stage()
    on.bench.dns.forges_answers()
    server = on.network.dns
    assert server is not None
    assert server.behaviour.forged is not None
    (forged,) = server.behaviour.forged.find(SERVICE, "SRV")
    (right,) = server.zone.find(SERVICE, "SRV")
    assert getattr(forged.data, "target", "") == TARGETS["secondary"]
    assert getattr(right.data, "target", "") == TARGETS["primary"]


@pytest.mark.asyncio
async def test_the_device_reconnects_without_a_restart_and_is_led(stage: Staging) -> None:
    on: Stage = await stage()
    control = await begun(on)
    control.moves_to_the_secondary()
    await on.bench.phone.reconnects()
    await control.leads_to("secondary", finding="x", hint="h")
    (stated,) = on.events(Expectation)
    assert (stated.check, stated.control, stated.first_seq) == ("dns.leads-to", False, on.device.attempt_seq)
    assert len(on.events(DeviceStarted)) == 1
    await on.device.until(lambda: on.device.registered_at("secondary"), 10)


@pytest.mark.asyncio
async def test_what_fails_is_followed_by_a_control_with_good_dns(stage: Staging) -> None:
    on: Stage = await stage(reference(), "takes-first-address-only")
    control = await begun(on)
    control.has_dead_addresses_beside_the_primary()
    await on.bench.phone.reconnects()
    on.bench.patience_s = lambda check: 2.0  # type: ignore[method-assign]
    with pytest.raises(ExpectationNotMet, match="connected nowhere"):
        await control.leads_to("primary", finding="x", hint="h")
    assert [event.control for event in on.events(Expectation)] == [False, True]
    assert on.events(BenchChanged)[-1].behaviour == "good"
    assert on.events(FlowOpened)


@pytest.mark.asyncio
async def test_an_outage_lasts_until_the_device_asks_no_more(stage: Staging) -> None:
    on: Stage = await stage()
    control = await begun(on)
    control.fails("NXDOMAIN")
    await on.device.restart()
    await control.is_waited_for()
    asked_first, recovered = on.events(Expectation)
    assert (asked_first.check, asked_first.control) == ("dns.is-asked", True)
    assert (recovered.check, recovered.params) == ("dns.recovers", {"behaviour": "NXDOMAIN", "lines": 2})
    questions = [event for event in on.events(DnsQuery) if event.behaviour == "NXDOMAIN"]
    assert {event.name for event in questions} >= {SERVICE, OUTBOUND_PROXY}


@pytest.mark.asyncio
async def test_a_registration_is_refreshed_while_dns_is_silent(stage: Staging) -> None:
    on: Stage = await stage()
    control = await begun(on)
    control.is_silent()
    await control.does_not_end_the_registration(on.bench.phone)
    assert on.events(Expectation)[-1].check == "dns.keeps-registration"


@pytest.mark.asyncio
async def test_weight_is_tried_a_few_times(stage: Staging) -> None:
    on: Stage = await stage()
    control = await begun(on)
    control.gives_all_weight_to("secondary")
    await control.spreads_by_weight("secondary")
    (stated,) = on.events(Expectation)
    assert 1 <= stated.params["attempts"] <= 3
