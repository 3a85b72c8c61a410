"""The registrar as a case moves it, with the reference device as a real program."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from certsuite.bench.bench import Bench
from certsuite.bench.expecting import Deferred
from certsuite.core.cases import Case, State
from certsuite.core.events import BenchChanged, BindingChanged, Expectation, SipMessageSeen
from certsuite.core.verdicts import Verdict
from certsuite.edge.registrar_behaviour import GOOD
from certsuite.sip.message import read
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-REG-012", "a title", ("REG-CHALLENGE",), (), State.REGISTERED, ())
Verb = Callable[[Bench], Awaitable[None]]


async def in_state(on: Stage) -> None:
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)


def asking(way: str) -> Verb:
    return lambda bench: bench.registrar.asks_with(way, finding="digest-unknown-qop", hint="h")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("verb", "behaviour", "check"),
    [
        (asking("several values of qop"), "several values of qop", "reg.takes-challenge"),
        (asking("no qop"), "no qop", "reg.takes-challenge"),
        (asking("unknown parameters"), "unknown parameters", "reg.takes-challenge"),
        (asking("MD5 before SHA-256"), "MD5 before SHA-256", "reg.takes-challenge"),
        (asking("SHA-256 alone"), "SHA-256 alone", "reg.takes-challenge"),
        (asking("a stale nonce"), "a stale nonce", "reg.takes-challenge"),
        (lambda bench: bench.registrar.wants_a_longer_expiry(), "a lowest expiry", "reg.heeds-min-expires"),
        (lambda bench: bench.registrar.sends_subscriber_data(), "subscriber data in the 200", "reg.takes-response"),
        (lambda bench: bench.registrar.sends_unknown_headers(), "unknown headers in the 200", "reg.takes-response"),
        (
            lambda bench: bench.registrar.asks_calls_in_its_domains_realm(),
            "the domain's realm",
            "reg.takes-invite-challenge",
        ),
    ],
)
async def test_what_the_registrar_does_is_recorded_judged_and_undone(
    stage: Staging, verb: Verb, behaviour: str, check: str
) -> None:
    on: Stage = await stage()
    await in_state(on)
    await verb(on.bench)
    assert on.network.registrar.behaviour.name == behaviour
    stated = [event for event in on.events(Expectation) if not event.control]
    assert stated[-1].check == check
    await on.network.restore()
    assert on.network.registrar.behaviour is GOOD
    changed = [event.behaviour for event in on.events(BenchChanged) if event.what == "registrar"]
    assert changed == [behaviour, "good"]


@pytest.mark.asyncio
@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_every_line_comes_back_when_its_connection_is_ended(stage: Staging, how: str) -> None:
    on: Stage = await stage()
    await in_state(on)
    await on.bench.registrar.ends_every_connection(how)
    assert [(event.check, event.params) for event in on.events(Expectation)] == [
        ("reg.comes-back", {"granted_s": 60})
    ] * 2
    assert on.device.registered


@pytest.mark.asyncio
async def test_options_is_asked_outside_of_a_call_and_within_one(stage: Staging) -> None:
    on: Stage = await stage()
    await in_state(on)
    await on.bench.registrar.asks_whether_it_is_there()
    call = await on.bench.colleague.calls(on.bench.phone.line(2))
    await call.rings()
    await on.bench.phone.answers()
    await call.is_answered()
    on.bench.colleague.current = call
    await on.bench.registrar.asks_within_the_call()
    first, last = on.events(Expectation)[0], on.events(Expectation)[-1]
    assert (first.check, last.check) == ("sip.answers-options", "sip.answers-options")
    assert last.call_id == call.leg.call_id != first.call_id


@pytest.mark.asyncio
@pytest.mark.parametrize(("fault", "verdict"), [((), Verdict.PASS), (("hammers-on-403",), Verdict.WARN)])
async def test_who_hammers_is_told_from_who_pauses(stage: Staging, fault: tuple[str, ...], verdict: Verdict) -> None:
    on: Stage = await stage(reference(), *fault)
    await in_state(on)
    await on.bench.registrar.refuses_every_password()
    stated, control = on.events(Expectation)
    judged = on.expecting.close(
        on.bench.stated("reg.backs-off", line=1, since=stated.first_seq, status=403), case=("", "")
    )
    assert (stated.check, judged.verdict) == ("reg.backs-off", verdict)
    assert (control.check, control.control) == ("reg.registers", True)
    assert on.network.registrar.behaviour is GOOD


@pytest.mark.asyncio
async def test_an_edge_that_asks_for_it_is_left_alone_while_the_other_serves(stage: Staging) -> None:
    on: Stage = await stage()
    await in_state(on)
    on.network.grant(6)
    await on.bench.registrar.asks_to_be_left_alone("primary")
    told = [read(event.raw) for event in on.events(SipMessageSeen)]
    refused = [message for message in told if message is not None and message.status == 503]
    assert {message.get("Retry-After") for message in refused} == {"2"}
    bound = [seen.edge for seen in on.journal.since(0) if isinstance(seen.event, BindingChanged) and seen.line == 2]
    assert "secondary" in bound
    assert [event.check for event in on.events(Expectation)] == ["reg.heeds-retry-after", "reg.registers"]


@pytest.mark.asyncio
async def test_grants_are_told_in_other_forms_one_line_each(stage: Staging) -> None:
    on: Stage = await stage(granted_expiry_s=5)
    await in_state(on)
    header = on.bench.registrar.grants_in_the_header_alone()
    both = on.bench.registrar.grants_with_a_longer_header()
    assert (header.stated.line, both.stated.line) == (1, 2)
    assert header.deadline == pytest.approx(both.deadline, abs=1)

    async def settled(deferred: Deferred) -> Verdict:
        return (await on.expecting.settles(deferred.stated, deferred.deadline)).verdict

    first, second = await asyncio.gather(settled(header), settled(both))
    assert (first, second) == (Verdict.PASS, Verdict.PASS)


@pytest.mark.asyncio
@pytest.mark.parametrize("lines", [20, 100])
async def test_many_lines_register_each_by_itself(stage: Staging, lines: int) -> None:
    """As many as a phone, and a gateway, has on Webex Calling."""
    on: Stage = await stage(reference(lines=lines, register_s=20.0))
    await in_state(on)
    assert len(on.network.registrar.bindings) == lines
    since = on.device.attempt_seq
    for line in on.bench.phone.lines:
        for check in ("reg.digest", "reg.auth-user"):
            judged = on.expecting.close(on.bench.stated(check, line=line, since=since), case=("", ""))
            assert judged.verdict is Verdict.PASS, (check, line)
    judged = on.expecting.close(on.bench.stated("reg.own-call-ids", since=since, lines=lines), case=("", ""))
    assert judged.verdict is Verdict.PASS
    assert {one.name: one.value for one in judged.measurements} == {"lines": lines, "call_ids": lines}
