"""The root probe on the bench, against the reference device as a real program."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest

from certsuite.bench.bench import Bench
from certsuite.bench.network import OUTBOUND_PROXY
from certsuite.bench.phone import Phone
from certsuite.bench.root_probing import HOST
from certsuite.core.cases import Case, Disturbance, State
from certsuite.core.events import DnsQuery, Expectation, FlowOpened, RootProbeAnswer, TargetsWalked
from certsuite.core.results import CaseResult
from certsuite.core.verdicts import Verdict
from certsuite.tls.probe_roots import KnownRoot, ProbedRoot, certificates_of_pem, known_root
from tests.bench.conftest import Stage, Staging, reference

CHAINS = Path(__file__).resolve().parents[1] / "data" / "chains"
CASE = Case("WXC-TLS-160", "a title", ("TLS-ROOT",), (), State.REGISTERED, (Disturbance.REGISTRATION,))
UNREGISTERED = replace(CASE, needs=State.STARTED)
"The same for devices that do not register at all."


async def probe(bench: Bench, phone: Phone) -> None:
    await bench.root_probing.ask()


async def result_of(on: Stage, case: Case = CASE) -> CaseResult:
    """What the case comes to on this stage."""
    await on.execution.run(case, probe)
    return on.result(case)


def walked(on: Stage) -> list[tuple[str, int]]:
    """How the device was led, and how many steps it came to, round by round."""
    return [(event.mode, len(event.contacted)) for event in on.events(TargetsWalked)]


@pytest.fixture(autouse=True)
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device on this machine is never slow for long."""
    monkeypatch.setattr("certsuite.bench.root_probing.PATIENCE_S", 0.0)


@pytest.mark.asyncio
async def test_a_device_with_the_root_passes_and_is_left_as_it_was(stage: Staging) -> None:
    on: Stage = await stage()
    on.bench.root_probing.begin_for([CASE])
    result = await result_of(on)
    assert (result.verdict, result.reason) == (Verdict.PASS, "")
    answers = on.events(RootProbeAnswer)
    assert len(answers) == 12
    assert {(one.version, one.role, one.alert) for one in answers} == {
        (version, role, alert)
        for version in ("TLSv1.2", "TLSv1.3")
        for role, alert in (("unknown", 48), ("trusted", 51), ("probed", 51))
    }
    assert walked(on) == [("one answer", 6), ("one answer", 6)]
    control, asked = on.events(Expectation)
    assert (control.check, control.control) == ("reg.registers", True)
    assert (asked.check, asked.params["store"], asked.params["chain"]) == ("trust.root", "shipped", "none")
    # Afterwards it is configured as before, and comes to the same edges by their own name.
    assert not on.device.driver.running
    assert on.network.settings().outbound_proxy == OUTBOUND_PROXY
    since = on.journal.next_seq
    await on.device.reach(State.REGISTERED)
    names = {seen.event.name for seen in on.journal.since(since) if isinstance(seen.event, DnsQuery)}
    assert f"_sips._tcp.{OUTBOUND_PROXY}" in names
    assert not any(HOST in name for name in names)


@pytest.mark.asyncio
async def test_a_device_without_the_root_fails_with_the_reasoning(stage: Staging) -> None:
    on: Stage = await stage(reference(), "lacks-identrust")
    result = await result_of(on)
    assert result.verdict is Verdict.FAIL
    (finding,) = result.findings
    assert (finding.id, finding.requirement) == ("tls-root-not-trusted", "TLS-ROOT")
    assert "spoof TLSv1.3: unknown root: alert 48 (unknown_ca); trusted root: alert 51" in finding.observed
    assert finding.evidence


@pytest.mark.asyncio
async def test_a_device_that_verifies_nothing_is_open(stage: Staging) -> None:
    on: Stage = await stage(reference(), "accepts-any-root")
    result = await result_of(on)
    assert (result.verdict, result.reason_code) == (Verdict.INCONCLUSIVE, "accepts-unknown-root")


@pytest.mark.asyncio
async def test_a_device_that_never_goes_to_the_next_target_is_asked_one_by_one(stage: Staging) -> None:
    on: Stage = await stage(reference(register_s=10.0, failover_s=10.0), "never-fails-over")
    on.device.time_scale = 0.2
    result = await result_of(on)
    assert result.verdict is Verdict.PASS, result.reason
    assert walked(on) == [("one by one", 6), ("one by one", 6)]


@pytest.mark.asyncio
async def test_a_device_that_does_not_register_under_the_name_proves_nothing(stage: Staging) -> None:
    on: Stage = await stage(reference(failover_s=3.0), "wrong-digest")
    result = await result_of(on, UNREGISTERED)
    assert (result.verdict, result.reason_code) == (Verdict.INCONCLUSIVE, "control-failed")
    assert on.network.settings().outbound_proxy == OUTBOUND_PROXY
    assert on.network.dns is not None
    assert on.network.dns.zone == on.network.zone()


@pytest.mark.asyncio
async def test_a_device_that_never_comes_is_given_up_soon(stage: Staging) -> None:
    on: Stage = await stage(reference(), "dns-only")
    on.device.time_scale = 0.2
    result = await result_of(on, UNREGISTERED)
    assert (result.verdict, result.reason_code) == (Verdict.INCONCLUSIVE, "control-failed")
    assert [contacted for _, contacted in walked(on)] == [0, 0]
    assert [seen for seen in on.events(FlowOpened) if seen.port_role != "https"] == []


@pytest.mark.asyncio
async def test_an_expired_chain_is_served_at_its_own_time(stage: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    if not which("faketime"):
        pytest.skip("faketime is not there: apt-get install faketime")
    # A device that is slow because its machine is busy must neither be taken for silent nor take the bench for it: of
    # 42 connections, eight are silence.
    monkeypatch.setattr("certsuite.bench.root_probing.PATIENCE_S", 1.0)
    on: Stage = await stage(reference(register_s=10.0, failover_s=10.0, gives_up_s=10.0))
    genuine = certificates_of_pem((CHAINS / "identrust.com-expired-2020.pem").read_bytes())
    on.bench.root_probing.asked = ProbedRoot.by(known_root("identrust"), genuine)
    assert on.bench.root_probing.host in on.bench.edge_names
    result = await result_of(on)
    assert result.verdict is Verdict.PASS, result.reason
    assert [one.value for one in result.measurements] == [6], "all but static RSA, which it does not offer"
    assert on.events(Expectation)[-1].params["chain"] == "valid"
    assert {event.answer for event in on.events(RootProbeAnswer)} == {"alert", "not-offered", "silence"}
    # Once it is over, the device has the machine's own time again.
    await on.device.reach(State.REGISTERED)


@pytest.mark.asyncio
async def test_where_the_clock_cannot_be_set_the_chain_is_served_as_it_is(stage: Staging) -> None:
    profile = reference()
    on: Stage = await stage(
        profile.model_copy(update={"control": profile.control.model_copy(update={"clock": None})}), "lacks-identrust"
    )
    genuine = certificates_of_pem((CHAINS / "identrust.com-expired-2020.pem").read_bytes())
    on.bench.root_probing.asked = ProbedRoot.by(known_root("identrust"), genuine)
    result = await result_of(on)
    assert result.verdict is Verdict.FAIL, result.reason
    assert on.events(Expectation)[-1].params["chain"] == "expired"
    trusted = {event.alert for event in on.events(RootProbeAnswer) if event.role == "trusted"}
    assert 45 in trusted, "the chain that it would trust has expired for it"


@pytest.mark.asyncio
async def test_another_root_says_nothing_about_that_of_webex(stage: Staging) -> None:
    on: Stage = await stage()
    root = KnownRoot.of_pem((CHAINS / "globalsign-root-r3.pem").read_bytes(), "globalsign-root-r3.pem")
    on.bench.root_probing.asked = ProbedRoot.by(root)
    result = await result_of(on)
    assert result.verdict in (Verdict.PASS, Verdict.FAIL), "as this machine's bundle has it"
    assert [(one.id, one.verdict) for one in result.requirements] == [("TLS-ROOT", Verdict.INCONCLUSIVE)]


@pytest.mark.asyncio
async def test_nothing_is_made_for_a_run_that_does_not_ask(stage: Staging) -> None:
    on: Stage = await stage()
    on.bench.root_probing.begin_for([])
    assert on.bench.root_probing._making is None
