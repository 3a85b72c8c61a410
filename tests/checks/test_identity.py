"""What the User-Agent says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import ProvisioningRequest
from certsuite.core.observations import OUT
from certsuite.core.verdicts import Verdict

if TYPE_CHECKING:
    from tests.checks.conftest import Trace

ACME: dict[str, Any] = {"make": "Acme", "model": "Phone", "methods": ["REGISTER", "INVITE"]}


def test_make_and_model_in_both(trace: Trace) -> None:
    trace.is_open("ua.names-make-and-model", "nothing-seen", **ACME)
    trace.request("REGISTER")
    assert trace.is_open("ua.names-make-and-model", "nothing-seen", **ACME).reason == "the device sent no INVITE"
    trace.request("INVITE", headers={"User-Agent": "ACME phone/2"})
    assert [one.seq for one in trace.passes("ua.names-make-and-model", **ACME).evidence] == [0, 1]


@pytest.mark.parametrize(
    ("agent", "observed"),
    [
        ("Acme/1.0", "INVITE with User-Agent 'Acme/1.0'"),
        ("", "INVITE without User-Agent"),
        ("\x1b[31mAcme", "INVITE with User-Agent '\\\\x1b[31mAcme'"),
    ],
)
def test_one_message_without_them_fails(trace: Trace, agent: str, observed: str) -> None:
    trace.request("REGISTER")
    trace.request("INVITE")
    trace.request("INVITE", headers={"User-Agent": agent})
    assert trace.fails("ua.names-make-and-model", "user-agent-incomplete", **ACME).findings[0].observed == observed


def test_the_bench_s_own_messages_are_not_the_device_s(trace: Trace) -> None:
    trace.request("REGISTER")
    trace.request("INVITE", OUT, headers={"User-Agent": "SSE"})
    trace.is_open("ua.names-make-and-model", "nothing-seen", **ACME)


def test_the_announced_one(trace: Trace) -> None:
    about: dict[str, Any] = {"user_agent": r"^Acme Phone/1\.\d+$"}
    trace.is_open("ua.as-profile", "nothing-seen", **about)
    trace.request("REGISTER")
    trace.passes("ua.as-profile", **about)
    trace.request("OPTIONS", headers={"User-Agent": ""})
    trace.passes("ua.as-profile", **about)
    trace.request("BYE", headers={"User-Agent": "Acme Phone/2.0"})
    trace.fails("ua.as-profile", "user-agent-not-as-profile", **about)


def test_a_device_without_any_is_not_the_announced_one(trace: Trace) -> None:
    trace.request("REGISTER", headers={"User-Agent": ""})
    trace.fails("ua.as-profile", "user-agent-not-as-profile", user_agent="^Acme")


READ: dict[str, Any] = {"make": "Acme", "model": "Phone X", "kind": "phone"}


@pytest.mark.parametrize("agent", ["Acme Phone_X/1.0", "ACME phone-x 1.2", "Acme PhoneX/1.0 805ec0112233"])
def test_make_and_model_are_read(trace: Trace, agent: str) -> None:
    trace.is_open("ua.readable", "nothing-seen", **READ)
    trace.request("REGISTER", headers={"User-Agent": agent})
    trace.request("INVITE", headers={"User-Agent": "other"})
    trace.passes("ua.readable", **READ)


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Acme/1.0", "'Partner Managed Phone'"),
        ("", "'Partner Managed Phone'"),
        ("Acme Other/1.0", "'Partner Managed Phone - Acme Other'"),
        ("Phone Acme/1.0", "'Partner Managed Phone - Phone Acme'"),
        ("Acme \x1b[31m/1.0", "'Partner Managed Phone - Acme \\\\x1b[31m'"),
    ],
)
def test_what_control_hub_cannot_tell(trace: Trace, agent: str, shown: str) -> None:
    trace.request("REGISTER", headers={"User-Agent": agent})
    judged = trace.fails("ua.readable", "control-hub-cannot-tell", verdict=Verdict.WARN, **READ)
    assert judged.findings[0].observed.endswith(f"is likely to show {shown}")
    assert judged.findings[0].expected == "'Partner Managed Phone - Acme Phone X'"


def test_one_user_agent_everywhere(trace: Trace) -> None:
    trace.is_open("ua.constant", "nothing-seen")
    trace.request("INVITE")
    trace.is_open("ua.constant", "nothing-seen")
    trace.request("REGISTER")
    trace.request("ACK", headers={"User-Agent": ""})
    trace.answer(200, method="OPTIONS")
    trace.passes("ua.constant")
    trace.request("REGISTER", edge="secondary", headers={"User-Agent": "Acme Phone/1.1"})
    judged = trace.fails("ua.constant", "user-agent-varies", verdict=Verdict.WARN)
    assert judged.findings[0].observed == "INVITE with 'Acme Phone/1.0' and REGISTER with 'Acme Phone/1.1'"


@pytest.mark.parametrize(
    ("agent", "finding"),
    [
        ("Acme\tPhone", "user-agent-not-ascii"),
        ("Acme Ph\u00f6ne", "user-agent-not-ascii"),
        ("Acme " + "x" * 250, "user-agent-too-long"),
    ],
)
def test_odd_user_agents(trace: Trace, agent: str, finding: str) -> None:
    trace.request("REGISTER", headers={"User-Agent": agent[:254]})
    if finding == "user-agent-too-long":
        trace.passes("ua.constant")
        trace.request("REGISTER", headers={"User-Agent": agent})
    trace.fails("ua.constant", finding, verdict=Verdict.WARN)


def test_cisco_s_are_none_of_these(trace: Trace) -> None:
    trace.is_open("ua.not-cisco", "nothing-seen")
    trace.request("REGISTER")
    trace.passes("ua.not-cisco")
    trace.request("OPTIONS", headers={"User-Agent": "Cisco-CP-8841-3PCC/11.0 (00562b043615)"})
    trace.fails("ua.not-cisco", "user-agent-names-cisco")


@pytest.mark.parametrize(
    ("mac", "fails"), [("", False), ("805ec0112233", True), ("00:15:65:11:22:33", True), ("0800273d1234", False)]
)
def test_the_mac_address_is_the_maker_s(trace: Trace, mac: str, fails: bool) -> None:
    trace.is_open("ua.agrees", "nothing-seen", make="Acme")
    trace.request("REGISTER", headers={"User-Agent": f"Acme Phone/1.0 {mac}".strip()})
    if fails:
        judged = trace.fails("ua.agrees", "identity-disagrees", verdict=Verdict.WARN, make="Acme")
        assert "which is Yealink's, and not Acme's" in judged.findings[0].observed
    else:
        trace.passes("ua.agrees", make="Acme")
    trace.passes("ua.agrees", make="Yealink")


@pytest.mark.parametrize(
    ("agent", "observed"),
    [
        ("Acme Phone/1.1 HTTP", ""),
        ("curl/8.1", ""),
        ("", ""),
        ("Acme Other/1.0", "Acme Other over HTTP, Acme Phone in SIP"),
        ("Yealink SIP-T46U 108.86.0.20", "Yealink SIP-T46U over HTTP, Acme Phone in SIP"),
        (
            "Acme Phone/1.0 805ec0112233",
            "in the User-Agent of HTTP the MAC address 805ec0112233, which is Yealink's, and",
        ),
    ],
)
def test_provisioning_names_the_same_device(trace: Trace, agent: str, observed: str) -> None:
    trace.request("REGISTER")
    request = ProvisioningRequest(True, "GET", "h", "/x", agent, (), "none", True)
    trace.see(request, flow="f2", edge="provisioning")
    if observed:
        judged = trace.fails("ua.agrees", "identity-disagrees", verdict=Verdict.WARN, make="Acme")
        assert judged.findings[0].observed.startswith(observed)
    else:
        trace.passes("ua.agrees", make="Acme")
