"""The network side of one bench: what listens, what a device is told, and how faults are cleared."""

from __future__ import annotations

import asyncio
import ssl
import stat
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import pytest

from certsuite.bench.network import (
    OUTBOUND_PROXY,
    REGISTRAR_DOMAIN,
    SIP_PORT,
    mint_accounts,
    mint_password,
)
from certsuite.core.events import BenchChanged, FlowClosed, FlowOpened
from certsuite.core.redaction import Secret
from certsuite.sip.passwords import audit
from tests.bench.conftest import Stage, Staging
from tests.clients.wire import Wire, client_context


def test_minted_passwords_meet_the_policy_and_differ() -> None:
    passwords = [mint_password().reveal() for _ in range(50)]
    assert len(set(passwords)) == 50
    assert all(audit(password).missing == () and audit(password).length >= 16 for password in passwords)


def test_accounts_have_the_shape_of_webex_calling_and_the_users_own_passwords() -> None:
    first, second = mint_accounts(2, {2: Secret("own")})
    assert (first.line, second.line) == (1, 2)
    assert first.user != second.user
    assert first.auth_user not in (first.user, second.auth_user)
    assert second.password == Secret("own")
    assert first.domain == REGISTRAR_DOMAIN


@pytest.mark.asyncio
async def test_dns_leads_to_both_edges_in_order(stage: Staging) -> None:
    on: Stage = await stage()
    host, port = on.network.settings().resolver

    def ask(name: str, kind: str) -> list[str]:
        answer = dns.query.udp(dns.message.make_query(name, kind), host, port=port, timeout=10)
        return [rdata.to_text() for rrset in answer.answer for rdata in rrset]

    records = await asyncio.to_thread(ask, f"_sips._tcp.{OUTBOUND_PROXY}", "SRV")
    by_priority = sorted((record.split() for record in records), key=lambda fields: int(fields[0]))
    assert [fields[2] for fields in by_priority] == [str(SIP_PORT)] * 2
    addresses = [(await asyncio.to_thread(ask, fields[3], "A"))[0] for fields in by_priority]
    assert addresses == [on.network.edges[name].address for name in ("primary", "secondary")]
    assert await asyncio.to_thread(ask, REGISTRAR_DOMAIN, "A") == []


@pytest.mark.asyncio
async def test_clearing_a_fault_ends_what_was_connected_under_it_and_nothing_else(stage: Staging) -> None:
    on: Stage = await stage()
    network = on.network
    context = client_context(network.pki.root_pem)
    primary, secondary = network.edges["primary"], network.edges["secondary"]
    await primary.behave("unknown-root", tls=type(network.good)(network.pki.presentation("unknown-root")))
    loose = ssl.create_default_context()
    loose.check_hostname, loose.verify_mode = False, ssl.CERT_NONE
    faulty = await Wire.connect((primary.address, SIP_PORT), loose, OUTBOUND_PROXY)
    good = await Wire.connect((secondary.address, SIP_PORT), context, OUTBOUND_PROXY)
    await on.until(lambda: len(on.events(FlowOpened)) == 2)
    await network.restore()
    assert await faulty.ended() == "fin"
    await on.until(lambda: [(one.by, one.how) for one in on.events(FlowClosed)] == [("bench", "fin")])
    assert len(secondary.flows) == 1
    again = await Wire.connect((primary.address, SIP_PORT), context, OUTBOUND_PROXY)
    for wire in (good, again, faulty):
        wire.close()
    changed = [(event.what, event.behaviour) for event in on.events(BenchChanged)]
    assert changed == [("primary edge", "unknown-root"), ("primary edge", "good")]
    await network.restore()
    assert len(on.events(BenchChanged)) == 2


@pytest.mark.asyncio
async def test_a_connection_of_the_tests_own_process_is_foreign(stage: Staging) -> None:
    on: Stage = await stage()
    primary = on.network.edges["primary"]
    wire = await Wire.connect((primary.address, SIP_PORT), client_context(on.network.pki.root_pem), OUTBOUND_PROXY)
    await on.until(lambda: bool(on.events(FlowOpened)))
    assert [event.owner for event in on.events(FlowOpened)] == ["foreign"]
    wire.close()


@pytest.mark.asyncio
async def test_what_is_granted_and_what_the_device_is_told(stage: Staging, tmp_path: Path) -> None:
    on: Stage = await stage()
    on.network.grant(17)
    assert on.network.registrar.granted_expiry_s == 17
    assert on.events(BenchChanged)[-1].detail == {"expiry_s": 17}
    on.network.set_password(2, Secret("other"))
    settings = on.network.settings()
    assert settings.line(2).password == Secret("other")
    assert settings.outbound_proxy == OUTBOUND_PROXY
    assert settings.lab_root.read_bytes() == on.network.pki.root_pem
    assert settings.trusted_roots.read_bytes().endswith(on.network.pki.root_pem)
    assert stat.S_ISREG(settings.lab_root.stat().st_mode)
