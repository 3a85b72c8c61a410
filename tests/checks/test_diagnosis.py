"""Which step on the way to a registration broke."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from certsuite.checks.diagnosis import Diagnosis, diagnose
from certsuite.core.events import DeviceExited, DigestChecked, DnsQuery, FlowClosed, TlsAlert, TlsPresented
from certsuite.core.observations import IN, OUT

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

PROXY = "hs17.lab.example"


def found(trace: Trace) -> Diagnosis:
    return diagnose(trace.observations, trace.limits, PROXY, 8934)


def asks(trace: Trace, name: str = f"_sips._tcp.{PROXY}.") -> None:
    trace.see(DnsQuery("udp", "127.9.0.9:1", name, "SRV", "NOERROR", ()))


def trusts(trace: Trace) -> None:
    trace.connects()
    trace.see(TlsPresented("good", ("TLSv1.2",)), flow="f1", edge="primary", direction=OUT)
    trace.request("REGISTER")


def test_a_device_that_does_nothing_blames_no_step(trace: Trace) -> None:
    assert found(trace) == Diagnosis("the device asked the responder nothing")


def test_each_step_that_breaks_names_the_case_about_it(trace: Trace) -> None:
    asks(trace, f"_sip._udp.{PROXY}.")
    assert found(trace).case == "WXC-DNS-010"
    asks(trace)
    assert found(trace) == Diagnosis("the device connected to no port of any edge")
    trace.connects("f9", role="sip-tls-default", port=5061)
    assert found(trace).case == "WXC-DNS-020"


def test_a_chain_that_is_refused(trace: Trace) -> None:
    asks(trace)
    trace.connects()
    trace.see(TlsPresented("good", ("TLSv1.2",)), flow="f1", edge="primary", direction=OUT)
    trace.see(TlsAlert(2, 48, "unknown_ca"), flow="f1", direction=IN)
    trace.see(FlowClosed("device", "fin"), flow="f1")
    assert found(trace) == Diagnosis("the device ended the connection with alert 48 (unknown_ca)", "WXC-TLS-080")


@pytest.mark.parametrize(
    ("right", "case"), [((False, True), "WXC-REG-010"), ((True, False), "WXC-REG-020"), ((True, True), "")]
)
def test_credentials(trace: Trace, right: tuple[bool, bool], case: str) -> None:
    asks(trace)
    trusts(trace)
    assert found(trace) == Diagnosis("the device sent no REGISTER"), "none that was challenged"
    trace.see(DigestChecked("REGISTER", "a", "r", *right, True), flow="f1", line=1)
    assert found(trace).case == case
    assert found(trace).reason


def test_a_program_that_ended_explains_everything(trace: Trace) -> None:
    asks(trace, "wrong.example.")
    trace.see(DeviceExited(0, asked=True))
    assert found(trace).case == "WXC-DNS-010"
    trace.see(DeviceExited(-11, asked=False))
    assert found(trace) == Diagnosis("the device's program ended by itself (status -11)")
