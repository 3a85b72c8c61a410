"""What is said of a device that fetches its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certsuite.core.events import BenchChanged, DeviceStarted, DnsQuery, DriverAction, OutsideMessage
from certsuite.core.observations import IN
from tests.checks.good_provisioning import (
    DOOR,
    ELSEWHERE,
    NEW_PROXY,
    PATH,
    answers,
    applies,
    asks,
    comes,
    heeds_its_registrar,
    orders,
    presents,
    registers,
)

if TYPE_CHECKING:
    from tests.checks.conftest import Trace


# --- what it asks for


def test_silence_is_not_settled_until_patience_is_over(trace: Trace) -> None:
    trace.is_open("prov.fetches", "nothing-seen")
    trace.connects()
    trace.fails("prov.fetches", "prov-never-fetched", settled=False)
    trace.is_open("prov.asks-for-its-file", "never-fetched", path=PATH, mac="path")
    trace.is_open("prov.authenticates", "never-fetched", credentials="digest")


def test_a_request_without_tls_counts_whatever_else_was_asked(trace: Trace) -> None:
    asks(trace)
    asks(trace, secure=False, flow="f10")
    judged = trace.fails("prov.fetches", "prov-fetched-in-clear")
    assert judged.findings[0].observed == f"GET {PATH} without TLS"


@pytest.mark.parametrize("target", ["/dms/1/other.toml", "/02005e0000a1.toml", f"{PATH}/x"])
def test_another_file(trace: Trace, target: str) -> None:
    asks(trace, target=target)
    judged = trace.fails("prov.asks-for-its-file", "prov-other-file", settled=False, path=PATH, mac="path")
    assert judged.findings[0].observed == f"asked for {target}"


def test_a_query_behind_the_file_does_not_matter(trace: Trace) -> None:
    asks(trace, target=f"{PATH}?mac=1")
    trace.passes("prov.asks-for-its-file", path=PATH, mac="path")


@pytest.mark.parametrize(
    ("named", "place", "right"),
    [
        (("path",), "path", True),
        (("user-agent",), "path", False),
        (("path", "mac"), "header", True),
        (("path",), "header", False),
        ((), "none", True),
    ],
)
def test_where_the_mac_address_stands(trace: Trace, named: tuple[str, ...], place: str, right: bool) -> None:
    asks(trace, mac_in=named)
    if right:
        trace.passes("prov.asks-for-its-file", path=PATH, mac=place)
    else:
        trace.fails("prov.asks-for-its-file", "prov-mac-missing", settled=False, path=PATH, mac=place)


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"credentials": "none"}, "the last had no credentials"),
        ({"problem": "the response is wrong"}, "the last had digest credentials: the response is wrong"),
    ],
)
def test_credentials_that_are_missing_or_wrong(trace: Trace, about: dict[str, Any], words: str) -> None:
    asks(trace, accepted=False, **about)
    judged = trace.fails("prov.authenticates", "prov-not-authenticated", settled=False, credentials="digest")
    assert judged.findings[0].observed.endswith(words)


def test_what_was_accepted_without_tls_does_not_count(trace: Trace) -> None:
    asks(trace, secure=False)
    trace.is_open("prov.authenticates", "never-fetched", credentials="digest")


# --- whom it trusts


def test_credentials_for_a_stranger(trace: Trace) -> None:
    presents(trace, "unknown-root")
    asks(trace, credentials="basic")
    trace.fails("prov.keeps-credentials", "prov-credentials-to-untrusted", presentation="unknown-root", what="a chain")


def test_a_request_without_credentials_and_those_for_the_good_server(trace: Trace) -> None:
    presents(trace, "unknown-root")
    asks(trace, credentials="none", accepted=False)
    presents(trace, "good", flow="f10")
    asks(trace, flow="f10")
    trace.passes("prov.keeps-credentials", presentation="unknown-root", what="a chain")


def test_a_chain_that_was_never_shown(trace: Trace) -> None:
    presents(trace, "good")
    trace.is_open("prov.keeps-credentials", "never-connected", presentation="unknown-root", what="a chain")


def test_a_chain_that_it_takes(trace: Trace) -> None:
    presents(trace, "expired")
    asks(trace)
    judged = trace.fails(
        "tls.refuses",
        "prov-accepted-bad-certificate",
        edge="provisioning",
        presentation="expired",
        what="a chain",
        said="a request",
        finding="prov-accepted-bad-certificate",
        hint="h",
    )
    assert judged.findings[0].observed == "the device sent a request to an edge that presented a chain"


# --- redirections


def test_without_a_redirection_nothing_is_known(trace: Trace) -> None:
    asks(trace)
    answers(trace)
    trace.is_open("prov.stays-with-tls", "never-told")
    trace.is_open("prov.follows", "never-told", host=ELSEWHERE)


def test_a_redirection_to_http_that_is_followed(trace: Trace) -> None:
    asks(trace)
    answers(trace, 302, location="http://dms.lab.example/x")
    asks(trace, secure=False)
    trace.fails("prov.stays-with-tls", "prov-fetched-in-clear")


def test_a_redirection_that_is_not_followed(trace: Trace) -> None:
    asks(trace, host=ELSEWHERE)
    answers(trace, 302, location=f"https://{ELSEWHERE}/x")
    asks(trace)
    trace.fails("prov.follows", "prov-redirect-ignored", settled=False, host=ELSEWHERE)


# --- changes


def test_a_resync_that_brings_no_fetch(trace: Trace) -> None:
    registers(trace, 240)
    judged = trace.fails("prov.applies", "prov-no-resync", settled=False, expiry_s=300, by="NOTIFY check-sync")
    assert "NOTIFY check-sync" in judged.findings[0].observed


def test_an_answer_that_was_spoilt_is_no_new_configuration(trace: Trace) -> None:
    asks(trace)
    answers(trace, 200, fault="truncated")
    registers(trace, 300)
    trace.fails("prov.applies", "prov-no-resync", settled=False, expiry_s=300, by="x")


def test_a_change_that_is_not_used(trace: Trace) -> None:
    asks(trace)
    answers(trace)
    trace.fails("prov.applies", "prov-change-not-applied", settled=False, expiry_s=300, by="x")
    registers(trace, 240)
    trace.request("REGISTER", headers={"Expires": "0"})
    judged = trace.fails("prov.applies", "prov-change-not-applied", settled=False, expiry_s=300, by="x")
    assert "REGISTER asks for 240 s" in judged.findings[0].observed


def test_what_it_did_before_the_fetch_is_not_made_by_it(trace: Trace) -> None:
    about: dict[str, Any] = {"outbound_proxy": NEW_PROXY, "edge": "secondary", "by": "x"}
    trace.see(DnsQuery("udp", "127.9.0.9:1", f"_sips._tcp.{NEW_PROXY}.", "SRV", "NOERROR", ()))
    registers(trace, 300, edge="secondary")
    asks(trace)
    answers(trace)
    trace.fails("prov.applies", "prov-change-not-applied", settled=False, expiry_s=300, by="x")
    trace.fails("prov.moves", "prov-old-proxy", settled=False, **about)


def test_one_line_that_uses_it_does_not_speak_for_another(trace: Trace) -> None:
    applies(trace)
    trace.fails("prov.applies", "prov-change-not-applied", line=2, settled=False, expiry_s=300, by="x")


def test_an_outbound_proxy_that_is_not_gone_to(trace: Trace) -> None:
    asks(trace)
    answers(trace)
    # It registers there, and did not ask for the name: it failed over.
    registers(trace, 240, edge="secondary")
    about: dict[str, Any] = {"outbound_proxy": NEW_PROXY, "edge": "secondary", "by": "x"}
    judged = trace.fails("prov.moves", "prov-old-proxy", settled=False, **about)
    assert "went on as before" in judged.findings[0].observed


# --- failures


@pytest.mark.parametrize("check", ["prov.fails-so", "prov.keeps-working"])
def test_a_failure_that_was_not_met(trace: Trace, check: str) -> None:
    asks(trace)
    answers(trace)
    registers(trace, 240)
    trace.is_open(check, "never-fetched", fault="not found", expiry_s=240)


def test_a_device_that_stops_with_its_server(trace: Trace) -> None:
    registers(trace, 240)
    asks(trace)
    answers(trace, 500, fault="server error")
    registers(trace, 240, line=2)
    trace.fails("prov.keeps-working", "prov-stops-without-server", settled=False, fault="server error", expiry_s=240)


def test_half_a_configuration_that_is_used(trace: Trace) -> None:
    answers(trace, 200, fault="truncated")
    registers(trace, 360)
    trace.fails("prov.keeps-working", "prov-failed-fetch-applied", fault="truncated", expiry_s=240)


@pytest.mark.parametrize(("expiry_s", "lost"), [(300, False), (240, True)])
def test_a_start_without_the_server(trace: Trace, expiry_s: int, lost: bool) -> None:
    trace.see(DeviceStarted(1, "x"))
    registers(trace, 240)
    trace.see(BenchChanged("provisioning", "away"), edge="provisioning")
    trace.is_open("prov.keeps-working", "never-fetched", fault="away", expiry_s=300)
    trace.see(DeviceStarted(2, "x"))
    registers(trace, expiry_s)
    if lost:
        trace.fails("prov.keeps-working", "prov-last-lost", fault="away", expiry_s=300)
    else:
        trace.passes("prov.keeps-working", fault="away", expiry_s=300)


# --- secrets, and what is noted


@pytest.mark.parametrize(
    ("about", "where"),
    [
        ({"secrets_in": ("target",)}, "a password stands in target"),
        ({"secrets_in": ("user-agent", "x-auth")}, "a password stands in user-agent, x-auth"),
        ({"secure": False, "credentials": "basic"}, "a password stands in a request without TLS"),
    ],
)
def test_a_password_that_is_shown(trace: Trace, about: dict[str, Any], where: str) -> None:
    asks(trace)
    asks(trace, **about)
    assert trace.fails("prov.keeps-secrets", "prov-password-shown").findings[0].observed == where


def test_how_it_asks_again_is_a_figure(trace: Trace) -> None:
    asks(trace)
    answers(trace)
    trace.is_open("prov.conditional", "not-fetched-again")
    asks(trace)
    answers(trace)
    judged = trace.passes("prov.conditional")
    assert [(one.name, one.value) for one in judged.measurements] == [("asks_if_none_match", 0), ("not_modified", 0)]


# --- orders


@pytest.mark.parametrize("open_doors", [True, False])
def test_an_order_that_is_not_obeyed(trace: Trace, open_doors: bool) -> None:
    comes(trace)  # at the registrar's order before
    orders(trace, sent=open_doors)
    trace.is_open("prov.heeds-no-outsider", "order-not-given")
    if open_doors:
        trace.see(OutsideMessage(DOOR, b"SIP/2.0 401 Unauthorized\r\n\r\n"), direction=IN)
    heeds_its_registrar(trace)
    judged = trace.passes("prov.heeds-no-outsider")
    measured = {one.name: one.value for one in judged.measurements}
    assert measured == {"open_doors": float(open_doors), "answers_to_outsider": float(open_doors)}


def test_an_order_of_anyone_that_is_obeyed(trace: Trace) -> None:
    orders(trace)
    comes(trace)
    trace.is_open("prov.heeds-no-outsider", "order-not-given")
    heeds_its_registrar(trace)
    judged = trace.fails("prov.heeds-no-outsider", "prov-outsider-obeyed")
    assert DOOR in judged.findings[0].observed


def test_a_device_that_heeds_nobody_tells_nothing_of_strangers(trace: Trace) -> None:
    orders(trace)
    trace.see(DriverAction("resync", {"by": "NOTIFY check-sync"}, ok=True))
    trace.is_open("prov.heeds-no-outsider", "order-not-given")
