"""The device registers, refreshes, fails over and fails back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from certsuite.sip.message import SipMessage

if TYPE_CHECKING:
    from tests.refdevice.conftest import Lab

pytestmark = pytest.mark.asyncio
_A, _B = "sip-a.lab.example", "sip-b.lab.example"


async def test_registers_with_its_auth_user(
    lab: Lab, authorization_is_right: Callable[[SipMessage, str, str], bool]
) -> None:
    _, registrar = await lab.registered()
    first, second = (await registrar.next("REGISTER")).message, (await registrar.next("REGISTER")).message
    assert first.get("Authorization") is None
    assert first.uri == second.uri == "sip:98079822.lab.invalid"
    assert second.cseq[0] == first.cseq[0] + 1
    assert second.contact_uri.startswith("sip:line1@127.0.0.1:")
    assert second.contact_uri.endswith(";transport=tls")
    assert second.user_agent == "Certsuite ReferencePhone/1.0"
    assert authorization_is_right(second, "2055550101", 'S3cret!%&"')


async def test_asks_srv_first_and_over_tcp_if_the_answer_is_truncated(lab: Lab) -> None:
    lab.zone.truncates = True
    await lab.registered()
    assert [(transport, type_) for transport, _, type_ in lab.zone.asked] == [
        ("udp", "SRV"),
        ("tcp", "SRV"),
        ("udp", "A"),
        ("tcp", "A"),
    ]
    assert lab.zone.asked[0][1] == "_sips._tcp.hs17.lab.example."


async def test_every_line_has_its_own_identity_over_one_flow(lab: Lab) -> None:
    lab.configure(lines=3)
    device, registrar = await lab.registered()
    await device.line("event registered 2")
    await device.line("event registered 3")
    messages = [heard.message for heard in registrar.heard]
    assert len(registrar.connections) == 1
    assert len({message.call_id for message in messages}) == 3
    assert len({message.get("To") for message in messages}) == 3


async def test_refreshes_before_a_short_expiry_under_the_same_nonce(lab: Lab) -> None:
    _, registrar = await lab.registered(expires=1)
    counts: list[str] = []
    while len(counts) < 3:
        message = (await registrar.next("REGISTER")).message
        if value := message.get("Authorization"):
            counts.append(value.partition("nc=")[2][:8])
    assert counts == ["00000001", "00000002", "00000003"]


@pytest.mark.parametrize("kind", ["refuses", "answers 503", "has another name"])
async def test_fails_over_to_the_secondary(lab: Lab, kind: str) -> None:
    primary = await (lab.registrar("other.lab.example") if kind == "has another name" else lab.registrar())
    primary.status = 503
    secondary = await lab.registrar()
    if kind == "refuses":
        await primary.close()
    lab.zone.srv((5, _A, primary.port), (10, _B, secondary.port))
    device = await lab.start()
    assert await device.line("event registered") == f"event registered 1 {_B}:{secondary.port}"
    assert kind == "answers 503" or not primary.heard


@pytest.mark.parametrize("how", ["FIN", "RST"])
async def test_a_flow_that_is_closed_on_register_leads_to_the_next_target_in_the_same_walk(lab: Lab, how: str) -> None:
    lab.configure(retry_s=3600)  # a second walk would come too late for this test
    closing = [await lab.registrar(hangs_up=how) for _ in range(3)]
    last = await lab.registrar()
    ports = [registrar.port for registrar in (*closing, last)]
    lab.zone.srv(*((number, f"sip-{number}.lab.example", port) for number, port in enumerate(ports)))
    device = await lab.start()
    assert await device.line("event") == f"event registered 1 sip-3.lab.example:{last.port}"
    assert [len(registrar.connections) for registrar in (*closing, last)] == [1, 1, 1, 1]
    assert [len(registrar.heard) for registrar in closing] == [1, 1, 1]
    assert await lab.zone.asked_srv(1)
    assert len([type_ for _, _, type_ in lab.zone.asked if type_ == "SRV"]) == 1


def _twenty(lab: Lab, serves: int, port: int) -> None:
    """Twenty targets of which that one serves and the others refuse connections."""
    hosts = [f"target-{number:02}.some.where.example" for number in range(1, 21)]
    lab.zone.srv(*((number, host, port) for number, host in enumerate(hosts, 1)))
    for number, host in enumerate(hosts, 1):
        lab.zone.records[f"{host}.", "A"] = ["127.0.0.1" if number == serves else "127.0.0.254"]


async def test_a_long_answer_is_walked_to_its_last_target(lab: Lab) -> None:
    registrar = await lab.registrar()
    _twenty(lab, 20, registrar.port)
    device = await lab.start()
    await device.line("event registered 1 target-20")
    assert [transport for transport, _, type_ in lab.zone.asked if type_ == "SRV"] == ["udp", "tcp"]


@pytest.mark.parametrize(
    ("fault", "last", "srv_queries"),
    [("takes-eight-targets", 8, 2), ("walks-two-targets", 2, 2), ("ignores-long-answers", 0, 1)],
)
async def test_who_walks_less_than_the_list(lab: Lab, fault: str, last: int, srv_queries: int) -> None:
    registrar = await lab.registrar()
    _twenty(lab, last + 1, registrar.port)
    device = await lab.start(fault)
    await lab.zone.asked_srv(3 * srv_queries)
    assert not registrar.connections
    if last:
        _twenty(lab, last, registrar.port)
        await device.line("event registered 1")


async def test_who_ignores_long_answers_takes_short_ones(lab: Lab) -> None:
    await lab.registered("ignores-long-answers")


async def test_returns_to_the_primary_at_a_refresh(lab: Lab) -> None:
    primary, secondary = await lab.registrar(), await lab.registrar()
    await primary.close()
    lab.zone.srv((5, _A, primary.port), (10, _B, secondary.port))
    device = await lab.start()
    await device.line(f"event registered 1 {_B}")
    await primary.open(lab.authority.server_context("hs17.lab.example"), primary.port)
    assert await device.command("reregister") == "ok reregister"
    await device.line(f"event registered 1 {_A}")
    await secondary.until(lambda: secondary.connections[0].is_closing())


async def test_looks_back_before_its_refresh(lab: Lab) -> None:
    lab.configure(looks_back_s=0.1)
    primary, secondary = await lab.registrar(status=503), await lab.registrar()
    lab.zone.srv((5, _A, primary.port), (10, _B, secondary.port))
    device = await lab.start()
    await device.line(f"event registered 1 {_B}")
    # One look, and then at a refresh, which here is far away.
    await primary.until(lambda: len(primary.connections) == 2)
    primary.status = 200
    await device.command("reregister")
    await device.line(f"event registered 1 {_A}")
    assert len(primary.connections) == 3


async def test_an_order_is_obeyed_when_it_would_not_come_back_yet(lab: Lab) -> None:
    lab.configure(retry_s=3600)
    device, registrar = await lab.registered()
    for number in (2, 3):
        registrar.connections[-1].transport.abort()
        await device.line("event unregistered 1")
        # The second time it would wait for an hour.
        await device.command("reregister")
        await device.line("event registered 1")
        assert len(registrar.connections) == number


async def test_never_fails_back_if_so_faulty(lab: Lab) -> None:
    primary, secondary = await lab.registrar(), await lab.registrar()
    await primary.close()
    lab.zone.srv((5, _A, primary.port), (10, _B, secondary.port))
    device = await lab.start("never-fails-back")
    await device.line(f"event registered 1 {_B}")
    await primary.open(lab.authority.server_context("hs17.lab.example"), primary.port)
    await device.command("reregister")
    await device.line(f"event registered 1 {_B}")


async def test_reconnects_when_the_flow_is_lost(lab: Lab) -> None:
    device, registrar = await lab.registered()
    registrar.connections[0].transport.abort()
    await device.line("event unregistered 1")
    await device.line("event registered 1")
    assert len(registrar.connections) == 2


async def test_tries_again_when_every_target_failed(lab: Lab) -> None:
    registrar = await lab.registrar()
    await registrar.close()
    lab.zone.srv((5, _A, registrar.port))
    device = await lab.start()
    await lab.zone.asked_srv(3)
    await registrar.open(lab.authority.server_context("hs17.lab.example"), registrar.port)
    await device.line("event registered 1")


async def test_takes_new_credentials_from_its_configuration(
    lab: Lab, authorization_is_right: Callable[[SipMessage, str, str], bool]
) -> None:
    device, registrar = await lab.registered()
    lab.configure(password="N3w!pass")
    assert await device.command("resync") == "ok resync"
    await device.line("event registered 1")
    assert len(registrar.connections) == 1
    last = registrar.heard[-1].message
    assert authorization_is_right(last, "2055550101", "N3w!pass")


async def test_check_sync_reads_the_configuration(lab: Lab) -> None:
    device, registrar = await lab.registered()
    registrar.ask("NOTIFY", ("Event", "check-sync"))
    assert (await registrar.next("200")).message.cseq[1] == "NOTIFY"
    await device.line("event registered 1")


async def test_deregisters_when_stopped(lab: Lab) -> None:
    device, registrar = await lab.registered()
    assert await device.command("stop") == "ok stop"
    assert await device.end() == 0
    assert registrar.heard[-1].message.get("Expires") == "0"


@pytest.mark.parametrize(("fault", "service"), [("asks-sip-tls", "_sip._tls"), ("dns-only", "_sips._tcp")])
async def test_does_not_connect(lab: Lab, fault: str, service: str) -> None:
    registrar = await lab.registrar()
    lab.zone.srv((5, _A, registrar.port))
    await lab.start(fault)
    assert await lab.zone.asked_srv(3) == {f"{service}.hs17.lab.example."}
    assert not registrar.connections


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        ("accepts-any-root", ("hs17.lab.example",)),
        ("ignores-host-name", ("other.lab.example",)),
    ],
)
async def test_registers_where_it_must_not(lab: Lab, fault: str, names: tuple[str, ...]) -> None:
    if fault == "accepts-any-root":
        lab.configure()
        lab.authority = type(lab.authority)(lab.directory)  # another root than the one that it trusts
    registrar = await lab.registrar(*names)
    lab.zone.srv((5, _A, registrar.port))
    device = await lab.start(fault)
    await device.line("event registered 1")


async def test_any_root_is_not_any_name(lab: Lab) -> None:
    wrong, right = await lab.registrar("other.lab.example"), await lab.registrar()
    lab.zone.srv((5, _A, wrong.port), (10, _B, right.port))
    device = await lab.start("accepts-any-root")
    await device.line(f"event registered 1 {_B}")
    assert not wrong.heard


async def test_speaks_before_it_verifies_and_goes_on_to_a_good_target(lab: Lab) -> None:
    wrong, right = await lab.registrar("other.lab.example"), await lab.registrar()
    lab.zone.srv((5, _A, wrong.port), (10, _B, right.port))
    device = await lab.start("speaks-before-verifying")
    assert await device.line("event") == f"event registered 1 {_B}:{right.port}"
    assert [heard.message.method for heard in wrong.heard] == ["REGISTER"]
    await wrong.until(lambda: wrong.connections[0].is_closing())


@pytest.mark.parametrize("fault", ["rejects-without-alert", "rejects-by-silence", "closes-after-handshake"])
async def test_goes_on_in_its_own_way_and_says_nothing(lab: Lab, fault: str) -> None:
    wrong, right = await lab.registrar("other.lab.example"), await lab.registrar()
    lab.zone.srv((5, _A, wrong.port), (10, _B, right.port))
    device = await lab.start(fault)
    assert await device.line("event") == f"event registered 1 {_B}:{right.port}"
    assert not wrong.bytes_heard
    assert len(wrong.connections) == (1 if fault == "closes-after-handshake" else 0)


async def test_falls_back_to_cleartext(lab: Lab) -> None:
    tls = await lab.registrar("other.lab.example")
    address = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(256)}.1"  # one of its own: the port is fixed
    clear = type(tls)()
    lab.registrars.append(clear)
    await clear.open(None, 5060, address)
    await tls.close()
    await tls.open(lab.authority.server_context("other.lab.example"), 0, address)
    lab.zone.srv((5, _A, tls.port))
    lab.zone.records[f"{_A}.", "A"] = [address]
    device = await lab.start("falls-back-to-cleartext")
    await device.line(f"event registered 1 {_A}:5060")
    assert (clear.heard[0].message.get("Via") or "").startswith("SIP/2.0/TCP")


async def test_wrong_digest_is_never_right(
    lab: Lab, authorization_is_right: Callable[[SipMessage, str, str], bool]
) -> None:
    _, registrar = await lab.registered("wrong-digest")
    assert not authorization_is_right(registrar.heard[-1].message, "2055550101", 'S3cret!%&"')


async def test_mangled_password(lab: Lab, authorization_is_right: Callable[[SipMessage, str, str], bool]) -> None:
    _, registrar = await lab.registered("mangles-password")
    assert authorization_is_right(registrar.heard[-1].message, "2055550101", "S3cret!")


async def test_auth_user_is_aor_user(lab: Lab, authorization_is_right: Callable[[SipMessage, str, str], bool]) -> None:
    _, registrar = await lab.registered("auth-user-is-aor-user")
    assert authorization_is_right(registrar.heard[-1].message, "line1", 'S3cret!%&"')


async def test_priority_is_turned_round(lab: Lab) -> None:
    primary, secondary = await lab.registrar(), await lab.registrar()
    lab.zone.srv((5, _A, primary.port), (10, _B, secondary.port))
    device = await lab.start("ignores-srv-priority")
    await device.line(f"event registered 1 {_B}")


async def test_floods_garbage(lab: Lab) -> None:
    registrar = await lab.registrar()
    lab.zone.srv((5, _A, registrar.port))
    await lab.start("floods-garbage")
    await registrar.until(lambda: registrar.bytes_heard >= 300_000)


@pytest.mark.parametrize(
    ("fault", "part"),
    [
        ("hostile-user-agent", "<script>"),
        ("huge-user-agent", "A" * 60_000),
        ("nul-user-agent", "\0"),
        ("user-agent-of-other-model", "OtherPhone"),
    ],
)
async def test_user_agents(lab: Lab, fault: str, part: str) -> None:
    _, registrar = await lab.registered(fault)
    assert part in registrar.heard[0].message.user_agent


async def test_sips_contact(lab: Lab) -> None:
    _, registrar = await lab.registered("uses-sips-uri")
    assert registrar.heard[0].message.contact_uri.startswith("sips:")


async def test_ignored_grant_and_no_refresh_leave_it_alone(lab: Lab) -> None:
    device, registrar = await lab.registered("never-refreshes", expires=1)
    heard = len(registrar.heard)
    assert (await device.command("status")).startswith("ok status registered=1/1")
    assert len(registrar.heard) == heard


async def test_a_refresh_that_meets_503_goes_to_the_secondary_and_stays(lab: Lab) -> None:
    primary, secondary = await lab.registrar(), await lab.registrar()
    lab.zone.srv((5, _A, primary.port), (10, _B, secondary.port))
    device = await lab.start()
    await device.line(f"event registered 1 {_A}")
    primary.status = 503
    await device.command("reregister")
    await device.line("event unregistered 1")
    await device.line(f"event registered 1 {_B}")
    for status in (503, 403):
        primary.status = status
        await device.command("reregister")
        assert await device.line("event") == f"event registered 1 {_B}:{secondary.port}"


async def test_a_rejected_line_is_tried_again_over_the_same_flow(lab: Lab) -> None:
    lab.configure(lines=2)
    registrar = await lab.registrar(status=403)
    lab.zone.srv((5, _A, registrar.port))
    device = await lab.start()
    for _ in range(4):
        await registrar.next("REGISTER")
    registrar.status = 200
    async with asyncio.timeout(20):
        while not (await device.command("status")).startswith("ok status registered=2/2"):
            await registrar.next("REGISTER")
    assert len(registrar.connections) == 1


async def test_another_line_makes_it_start_over(lab: Lab) -> None:
    device, registrar = await lab.registered()
    lab.configure(lines=2)
    await device.command("resync")
    await device.line("event registered 2")
    assert len(registrar.connections) == 2


async def test_a_target_that_asks_to_be_left_alone_is(lab: Lab) -> None:
    primary, secondary = await lab.registrar(status=503, retry_after="3600"), await lab.registrar()
    lab.zone.srv((5, _A, primary.port), (10, _B, secondary.port))
    device = await lab.start()
    await device.line(f"event registered 1 {_B}")
    primary.status = 200
    await device.command("reregister")
    await device.line(f"event registered 1 {_B}")
    assert len(primary.connections) == 1


async def test_asks_for_what_min_expires_names_and_its_faults_do_not(lab: Lab) -> None:
    for fault, asks in ((None, ["240", "300"]), ("gives-up-on-423", ["240"]), ("ignores-min-expires", ["240", "240"])):
        registrar = await lab.registrar(status=423, challenges=False, min_expires="300")
        lab.zone.srv((5, _A, registrar.port))
        device = await lab.start(*([fault] if fault else []))
        heard = [(await registrar.next("REGISTER")).message.get("Expires") for _ in asks]
        assert heard == asks
        assert (await device.command("status")).startswith("ok status registered=0/1")
        device.process.terminate()
        await device.end()


async def test_hammers_where_a_good_device_pauses(lab: Lab) -> None:
    lab.configure(retry_s=3600)
    registrar = await lab.registrar(status=403)
    lab.zone.srv((5, _A, registrar.port))
    await lab.start("hammers-on-403")
    for _ in range(8):
        await registrar.next("REGISTER")


async def test_asks_a_target_again_that_asked_to_be_left_alone(lab: Lab) -> None:
    primary, secondary = await lab.registrar(status=503, retry_after="3600"), await lab.registrar()
    lab.zone.srv((5, _A, primary.port), (10, _B, secondary.port))
    device = await lab.start("ignores-retry-after")
    await device.line(f"event registered 1 {_B}")
    assert len(primary.connections) == 2


async def test_stays_away_when_its_flow_is_lost_until_it_is_told_to_come(lab: Lab) -> None:
    lab.configure(retry_s=0.0)
    device, registrar = await lab.registered("never-reconnects")
    registrar.connections[0].close()
    await device.line("event unregistered 1")
    assert (await device.command("status")).startswith("ok status registered=0/1")
    assert len(registrar.connections) == 1
    await device.command("reregister")
    await device.line("event registered 1")


@pytest.mark.parametrize(("faults", "ids"), [([], 2), (["one-call-id-for-all-lines"], 1)])
async def test_how_many_call_ids_two_lines_have(lab: Lab, faults: list[str], ids: int) -> None:
    lab.configure(lines=2)
    device, registrar = await lab.registered(*faults)
    await device.line("event registered 2")
    assert len({heard.message.call_id for heard in registrar.heard}) == ids


@pytest.mark.parametrize(("faults", "last"), [([], "0"), (["never-deregisters"], "240")])
async def test_takes_its_binding_back_when_it_ends(lab: Lab, faults: list[str], last: str) -> None:
    device, registrar = await lab.registered(*faults)
    device.process.terminate()
    assert await device.end() == 0
    await registrar.until(lambda: registrar.connections[0].is_closing())
    assert registrar.heard[-1].message.get("Expires") == last


async def test_chokes_on_headers_that_it_does_not_know(lab: Lab) -> None:
    registrar = await lab.registrar(retry_after="1")
    lab.zone.srv((5, _A, registrar.port))
    await lab.start("chokes-on-unknown-headers")
    await registrar.until(lambda: bool(registrar.connections) and registrar.connections[0].is_closing())
    assert registrar.heard[-1].message.get("Authorization")


async def test_connects_to_the_next_target_as_well_and_uses_the_first(lab: Lab) -> None:
    first, second = await lab.registrar(), await lab.registrar()
    lab.zone.srv((5, _A, first.port), (10, _B, second.port))
    device = await lab.start("connects-to-two")
    await device.line(f"event registered 1 {_A}")
    assert (len(first.connections), len(second.connections), len(second.heard)) == (1, 1, 0)


async def test_goes_to_the_names_own_address_without_having_asked_for_srv(lab: Lab) -> None:
    await lab.start("goes-to-proxys-address")
    assert await lab.zone.asked_for("A", 2) == {"hs17.lab.example."}
    assert {type_ for _, _, type_ in lab.zone.asked} == {"A"}


async def test_asks_in_letters_of_both_cases(lab: Lab) -> None:
    registrar = await lab.registrar()
    lab.zone.srv((5, _A, registrar.port))
    device = await lab.start("mixes-letters")
    await device.line("event registered 1")
    assert any(name not in (name.lower(), name.upper()) for _, name, _ in lab.zone.asked)
