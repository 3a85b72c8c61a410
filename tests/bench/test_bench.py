"""The bench as a case sees it: edges by name, patience, and what a case states."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import os
import signal

import pytest

from certsuite.bench.bench import CannotJudge, NotApplicable
from certsuite.bench.edge_control import OLD_VERSIONS
from certsuite.bench.expecting import ExpectationNotMet
from certsuite.bench.media_terms import TERMS
from certsuite.checks.judge import scaled
from certsuite.core.cases import Case, State
from certsuite.core.events import (
    BenchChanged,
    BindingChanged,
    ClientHelloSeen,
    CredentialsAudited,
    DeviceStarted,
    Expectation,
    FlowClosed,
    Note,
    TlsPresented,
)
from certsuite.core.redaction import Secret
from tests.bench.conftest import Stage, Staging, reference

CASE = Case("WXC-TLS-020", "a title", ("TLS-MIN-1.2", "OTHER"), (), State.STOPPED, ())
PATIENT = reference(register_s=5.0)
BOUND = BindingChanged("a@b", "sip:a@127.0.0.1", 60)


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.asyncio
async def test_an_edge_misbehaves_by_name_and_is_good_again(stage: Staging) -> None:
    on: Stage = await stage()
    primary, edge = on.bench.primary, on.network.edges["primary"]
    await primary.presents("wrong-host")
    assert (edge.tls.presentation.name, edge.tls.versions) == ("wrong-host", on.network.good.versions)
    await primary.offers_only(*OLD_VERSIONS)
    assert (edge.tls.presentation.name, edge.tls.versions) == ("good", OLD_VERSIONS)
    await primary.refuses_connections()
    assert not edge.accepts
    await primary.comes_back()
    assert edge.accepts
    assert edge.tls == on.network.good
    names = ["wrong-host", "only TLSv1, TLSv1.1", "refused", "good"]
    assert [event.behaviour for event in on.events(BenchChanged)] == names
    assert on.network.edges["secondary"].tls == on.network.good


@pytest.mark.asyncio
async def test_an_edge_of_a_bench_on_loopback_cannot_be_cut_off(stage: Staging) -> None:
    on: Stage = await stage()
    for cut_off in (on.bench.primary.loses_its_address, on.bench.primary.falls_silent):
        with pytest.raises(NotApplicable) as absent:
            await cut_off()
        assert absent.value.event.reason == "this bench cannot lose addresses or packets: it needs --bench netns"
    await on.bench.primary.comes_back()
    assert [event.behaviour for event in on.events(BenchChanged)] == ["good"]


@pytest.mark.asyncio
async def test_patience_is_what_the_profile_says_and_never_short_of_the_limit(stage: Staging) -> None:
    limits = {"registration_s": 30.0, "response_s": 32.0}
    on: Stage = await stage(reference(boot_s=100.0, register_s=60.0, registration_retry_s=20.0))
    assert on.bench.patience_s("reg.registers") == 180.0, "its pause before it comes back by itself is a part of it"
    assert on.bench.patience_s("call.ends") == 1.5 * limits["response_s"]
    on.device.profile = reference(boot_s=0.1, register_s=1.0)
    assert on.bench.patience_s("reg.registers") == 1.5 * limits["registration_s"]
    on.device.profile = reference(patience_s={"response_s": 100.0})
    assert on.bench.patience_s("call.ends") == 100.0
    assert on.bench.patience_s("ua.as-profile") > 0


@pytest.mark.asyncio
async def test_an_expectation_is_about_the_cases_first_requirement_and_its_own_span(stage: Staging) -> None:
    on: Stage = await stage()
    on.journal.record(BOUND)
    begun = on.journal.next_seq
    on.bench.begin(CASE)
    stated = on.bench.stated("reg.registers", edge="primary")
    assert (stated.requirement, stated.since, stated.params) == ("TLS-MIN-1.2", begun, {"edge": "primary"})
    assert on.bench.stated("reg.registers", requirement="OTHER", since=0).requirement == "OTHER"
    assert (on.bench.case_start, on.bench.here) == (begun, begun)
    with pytest.raises(ExpectationNotMet):
        await on.bench.expect("reg.registers", deadline=now())
    on.journal.record(BOUND)
    await on.bench.control("reg.registers")
    assert [event.control for event in on.events(Expectation)] == [False, True]


@pytest.mark.asyncio
async def test_what_is_expected_of_an_attempt_counts_from_the_reason_to_connect(stage: Staging) -> None:
    on: Stage = await stage()
    on.journal.record(BOUND)
    on.device.attempt_seq, on.device.attempt_at = 0, now() - 3600
    on.bench.begin(CASE)
    await on.bench.expect_of_attempt("reg.registers")
    on.device.attempt_seq = on.journal.next_seq
    # Its patience is over long since, so it is not waited for.
    async with asyncio.timeout(10):
        with pytest.raises(ExpectationNotMet):
            await on.bench.expect_of_attempt("reg.registers")


@pytest.mark.asyncio
async def test_that_a_grant_is_over_is_put_into_the_record(stage: Staging) -> None:
    """Nothing need happen at the moment by which a refresh has to have come."""
    on: Stage = await stage()
    on.bench.begin(CASE)
    on.network.registrar.granted_expiry_s = 1
    begun = now()
    deferred = on.bench.until_refreshed()
    assert (deferred.stated.check, deferred.stated.params) == ("reg.refreshes", {"lines": 2})
    assert deferred.deadline == pytest.approx(begun + 1.5, abs=0.5)
    await on.until(lambda: bool(on.events(Note)))
    assert on.events(Note) == [Note("the 1 s that were granted first are over")]


@pytest.mark.asyncio
async def test_digits_that_no_device_could_know(stage: Staging) -> None:
    on: Stage = await stage()
    several = {on.bench.some_digits() for _ in range(100)}
    assert len(several) > 5
    assert all(a != b for digits in several for a, b in itertools.pairwise(digits))
    assert all(len(digits) == 4 and set(digits) <= set("0123456789*#") for digits in several)


@pytest.mark.asyncio
async def test_audio_is_not_judged_without_an_echo(stage: Staging) -> None:
    on: Stage = await stage()
    on.bench.needs_echo()
    on.device.profile = reference(audio="none")
    with pytest.raises(CannotJudge, match="not echo") as mute:
        on.bench.needs_echo()
    assert mute.value.event.reason_code == "no-echo"


@pytest.mark.asyncio
async def test_audio_is_not_judged_where_the_echo_is_not_the_devices(stage: Staging) -> None:
    on: Stage = await stage()
    on.bench.needs_silent_hold()
    on.device.profile = reference(echo_codec="PCMU", echo_while_held=True)
    on.bench.needs_echo()
    on.bench.needs_echo(TERMS["PCMU alone"])
    with pytest.raises(CannotJudge, match="in calls with PCMU"):
        on.bench.needs_echo(TERMS["PCMA alone"])
    with pytest.raises(CannotJudge, match="while it is held"):
        on.bench.needs_silent_hold()


@pytest.mark.asyncio
async def test_supplied_credentials_are_told_by_their_properties_alone(stage: Staging) -> None:
    on: Stage = await stage()
    with pytest.raises(NotApplicable, match="no SIP credentials were supplied"):
        await on.bench.supplied_credentials()
    on.bench.supplied = {2: Secret("abc"), 1: Secret("abc"), 3: Secret("Ab1-xyz9")}
    await on.bench.supplied_credentials()
    (audited,) = on.events(CredentialsAudited)
    assert audited.lines == (1, 2, 3)
    assert audited.lengths == (3, 3, 8)
    assert audited.missing == (("upper", "digit", "special"),) * 2 + ((),)
    assert audited.same_as == ((2,), (1,), ())
    assert '"abc"' not in on.journal.since(0)[-1].to_json()


@pytest.mark.asyncio
async def test_lines_of_one_user_have_one_password(stage: Staging) -> None:
    on: Stage = await stage()
    accounts = on.network.registrar.accounts
    accounts.replace(dataclasses.replace(accounts.of_line(2), auth_user=accounts.of_line(1).auth_user))
    on.bench.supplied = {1: Secret("Ab1-xyz9"), 2: Secret("Ab1-xyz9"), 3: Secret("Ab1-xyz9")}
    await on.bench.supplied_credentials()
    assert on.events(CredentialsAudited)[0].same_as == ((3,), (3,), (1, 2))


@pytest.mark.asyncio
async def test_an_edge_shakes_hands_in_unusual_ways_that_are_in_the_record(stage: Staging) -> None:
    on: Stage = await stage()
    primary = on.bench.primary
    await primary.answers_as_if("TLSv1.1")
    assert on.network.edges["primary"].tls.versions == ("TLSv1.1",)
    await primary.answers_as_if("TLSv1.2")
    assert on.network.edges["primary"].tls.versions == on.network.good.versions
    await primary.sends_records_of(16)
    await primary.answers_slowly()
    await primary.stalls()
    await primary.breaks_off_after(on.bench.middle_of_a_handshake[0])
    await primary.forgets_sessions()
    assert primary.manner == "has forgotten its sessions"
    await primary.comes_back()
    assert primary.manner == ""
    assert [event.behaviour for event in on.events(BenchChanged)] == [
        "answers as to a ClientHello for TLSv1.1 at most",
        "answers as to a ClientHello for TLSv1.2 at most",
        "records of 16 bytes",
        f"sent over {on.bench.limit('slow_handshake_s'):g} s",
        "stalls after the server-hello",
        "stops after the server-hello",
        "has forgotten its sessions",
        "good",
    ]


@pytest.mark.asyncio
async def test_what_a_device_does_not_offer_does_not_apply_to_it(stage: Staging) -> None:
    on: Stage = await stage()
    with pytest.raises(NotApplicable, match=r"does not offer TLSv1\.3"):
        on.bench.is_for_devices_that_offer("TLSv1.3")
    on.journal.record(ClientHelloSeen(b"", "TLSv1.2", ("TLSv1.3",), ()), flow="x1", edge="primary")
    with pytest.raises(NotApplicable):
        on.bench.is_for_devices_that_offer("TLSv1.3")
    on.journal.record(ClientHelloSeen(b"", "TLSv1.2", ("TLSv1.3",), ()), flow="f1", edge="primary")
    on.bench.is_for_devices_that_offer("TLSv1.3")


@pytest.mark.asyncio
async def test_a_device_that_was_given_one_root_cannot_be_asked_about_the_other(stage: Staging) -> None:
    on: Stage = await stage()
    with pytest.raises(CannotJudge, match="trusted_roots"):
        on.bench.needs_both_roots_given()
    await on.device.reach(State.REGISTERED)
    on.bench.needs_both_roots_given()


@pytest.mark.asyncio
async def test_a_device_that_loses_its_flows_comes_back_by_itself(stage: Staging) -> None:
    on: Stage = await stage()
    await on.device.reach(State.REGISTERED)
    on.bench.begin(CASE)
    await on.bench.edges_end_all_flows()
    assert not on.device.registered
    judgement = await on.bench.expect_after_its_own_retry("tls.resumption")
    assert judgement.measurements
    (stated,) = on.events(Expectation)
    assert stated.first_seq == on.device.attempt_seq
    assert on.device.starts == 1


async def meets_an_unknown_root(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device, registered before, comes to edges with a root that it does not know."""
    monkeypatch.setattr(on.bench, "patience_s", lambda check: 0.25)
    on.bench.begin(CASE)
    await on.device.reach(State.REGISTERED)
    for edge in (on.bench.primary, on.bench.secondary):
        await edge.presents("unknown-root")
    on.device.lose_flows()
    await on.until(lambda: any(one.presentation == "unknown-root" for one in on.events(TlsPresented)))


@pytest.mark.asyncio
async def test_a_connection_that_is_neither_used_nor_ended_is_ended_before_it_is_judged(
    stage: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    on: Stage = await stage(PATIENT, "rejects-by-silence", "never-fails-over")
    monkeypatch.setattr(on.expecting, "_limits", scaled(on.catalogue.limits, 0.001))
    await meets_an_unknown_root(on, monkeypatch)
    await on.bench.primary.is_refused(finding="f", what="w", hint="h")
    assert on.events(FlowClosed)[-1].by == "bench"


@pytest.mark.asyncio
async def test_a_device_whose_program_ends_on_a_bad_chain_has_not_refused_it(
    stage: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    on: Stage = await stage(PATIENT, "rejects-by-silence", "never-fails-over")
    await meets_an_unknown_root(on, monkeypatch)
    os.kill(on.events(DeviceStarted)[-1].pid, signal.SIGKILL)
    monkeypatch.setattr(on.bench, "patience_s", lambda check: 5.0)
    with pytest.raises(ExpectationNotMet) as unmet:
        await on.bench.primary.is_refused(finding="f", what="w", hint="h")
    assert unmet.value.judgement.reason_code == "refusal-not-seen"


@pytest.mark.asyncio
async def test_a_device_that_is_left_to_come_back_is_waited_for_as_long_as_its_own_pause_takes(
    stage: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    on: Stage = await stage(reference(register_s=5.0, registration_retry_s=10.0))
    monkeypatch.setattr(on.bench, "patience_s", lambda check: 0.0)
    on.bench.begin(CASE)
    await on.device.reach(State.REGISTERED)
    for edge in (on.bench.primary, on.bench.secondary):
        await edge.presents("unknown-root")
    on.device.lose_flows()
    await on.bench.primary.is_refused(finding="f", what="w", hint="h")
    for edge in (on.bench.primary, on.bench.secondary):
        await edge.comes_back()
    on.device.lose_flows()
    await on.bench.primary.completes(finding="f", what="w", hint="h")
