"""What is concluded of a client, from connections as they are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from certsuite.checks.tls_client import CLIENTS_LIMIT, Ledger, Needs, Reaction, Ruled, Ruling, answer_to, rule
from certsuite.core.events import ClientHelloSeen, TlsAlert, TlsEstablished
from certsuite.tls.conversation import EndedBy, Told
from certsuite.tls.keys import KeyPool
from certsuite.tls.offers import Offer, make_offers
from certsuite.tls.pki import Names, Pki

ADDRESS = "192.0.2.9"
ESTABLISHED = TlsEstablished("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
PASS, FAIL, WARN = Ruling.PASS, Ruling.FAIL, Ruling.WARN
INCONCLUSIVE, RECORDED, NOT_JUDGED = Ruling.INCONCLUSIVE, Ruling.RECORDED, Ruling.NOT_JUDGED


def hello(*extensions: int, suites: bytes = b"\x00\x02\xc0\x2f") -> ClientHelloSeen:
    block = b"".join(number.to_bytes(2, "big") + b"\x00\x00" for number in extensions)
    body = b"\x03\x03" + bytes(32) + b"\x00" + suites + b"\x01\x00" + len(block).to_bytes(2, "big") + block
    raw = b"\x01" + len(body).to_bytes(3, "big") + body
    return ClientHelloSeen(raw, "TLSv1.2", ("TLSv1.2", "TLSv1.1", "TLSv1"), (0xC02F,), extensions=extensions)


@pytest.fixture(scope="module")
def offered() -> Iterator[dict[str, Offer]]:
    with KeyPool() as keys:
        pki = Pki.mint(datetime(2026, 3, 1, tzinfo=UTC), Names("obp.lab.example"), keys)
        yield {one.name: one for one in make_offers(pki).offered}


def left(offer: Offer, *, shown: bool = True, alert: int | None = None) -> Told:
    """A client that left within the handshake."""
    sent = TlsAlert(2, alert, "x") if alert is not None else None
    return Told(offer, received=300, hello=hello(), alert=sent, shown=shown, how="alert" if sent else "fin")


def completed(offer: Offer, *, by: EndedBy = EndedBy.CLIENT, after_s: float = 0.01) -> Told:
    """A client that completed the handshake, and no more."""
    return Told(
        offer,
        received=300,
        hello=hello(),
        established=ESTABLISHED,
        shown=True,
        ended_by=by,
        stayed_s=after_s,
        how="close_notify",
    )


def spoke(offer: Offer) -> Told:
    """A client that sent data."""
    return replace(completed(offer, by=EndedBy.LISTENER), data=b"REGISTER")


def ended_by_listener(offer: Offer, alert: int) -> Told:
    own = TlsAlert(2, alert, "x")
    return Told(
        offer, received=300, hello=hello(), own_alert=own, ended_by=EndedBy.LISTENER, problem="no common ground"
    )


def verdict(told: Told, *, control: bool = True, speaks: bool = False) -> Ruling:
    return rule(told, control=control, speaks=speaks).ruling


@pytest.mark.parametrize(
    ("name", "after_data", "after_leaving"),
    [
        ("expired", FAIL, PASS),
        ("unknown-root", FAIL, PASS),
        ("sha1-signature", WARN, PASS),
        ("rsa-3072", PASS, WARN),
        ("rsa-4096", PASS, WARN),
        ("good", PASS, FAIL),
        ("wildcard", RECORDED, RECORDED),
        ("tls-1.0", FAIL, PASS),
        ("tls-1.2", PASS, FAIL),
        ("tls-1.3", RECORDED, RECORDED),
        ("asks-for-certificate", PASS, WARN),
        ("fragmented", PASS, WARN),
    ],
)
def test_data_and_leaving(offered: dict[str, Offer], name: str, after_data: Ruling, after_leaving: Ruling) -> None:
    assert verdict(spoke(offered[name])) is after_data
    for alert in (None, 48, 80):
        assert verdict(left(offered[name], alert=alert)) is after_leaving


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("expired", INCONCLUSIVE),
        ("good", INCONCLUSIVE),
        ("rsa-3072", INCONCLUSIVE),
        ("tls-1.0", FAIL),
        ("tls-1.2", PASS),
        ("asks-for-certificate", PASS),
        ("fragmented", PASS),
    ],
)
def test_a_handshake_alone_decides_what_is_about_the_handshake(
    offered: dict[str, Offer], name: str, wanted: Ruling
) -> None:
    for by in (EndedBy.CLIENT, EndedBy.PATIENCE, EndedBy.STOP):
        assert verdict(completed(offered[name], by=by)) is wanted


def test_an_alert_alone_decides_nothing(offered: dict[str, Offer]) -> None:
    """A client may complain and go on: what counts is that it sent data."""
    complained = replace(spoke(offered["expired"]), alert=TlsAlert(1, 45, "certificate_expired"))
    assert verdict(complained) is FAIL
    early = replace(left(offered["expired"], alert=45, shown=False))
    assert verdict(early) is INCONCLUSIVE


@pytest.mark.parametrize(
    ("level", "alert", "wanted"),
    [(2, 42, PASS), (2, 80, PASS), (2, 90, INCONCLUSIVE), (1, 90, INCONCLUSIVE), (1, 100, INCONCLUSIVE)],
)
def test_an_alert_after_the_handshake(offered: dict[str, Offer], level: int, alert: int, wanted: Ruling) -> None:
    told = replace(completed(offered["expired"]), alert=TlsAlert(level, alert, "x"), alert_after_handshake=True)
    assert verdict(told) is wanted


def test_who_neither_goes_on_nor_leaves_has_decided_nothing(offered: dict[str, Offer]) -> None:
    assert verdict(replace(left(offered["expired"]), ended_by=EndedBy.PATIENCE)) is INCONCLUSIVE
    assert verdict(replace(left(offered["rsa-3072"]), ended_by=EndedBy.STOP)) is INCONCLUSIVE


@pytest.mark.parametrize(
    ("name", "alert", "wanted"),
    [
        ("tls-1.0", 70, PASS),
        ("tls-1.0", 40, PASS),
        ("tls-1.2", 70, FAIL),
        ("tls-1.2", 40, INCONCLUSIVE),
        ("expired", 70, INCONCLUSIVE),
        ("expired", 40, INCONCLUSIVE),
        ("fragmented", 70, INCONCLUSIVE),
    ],
)
def test_where_the_listener_ends_it_for_want_of_common_ground(
    offered: dict[str, Offer], name: str, alert: int, wanted: Ruling
) -> None:
    assert verdict(ended_by_listener(offered[name], alert)) is wanted


def test_a_stapled_answer_is_judged_only_of_who_asked_for_it(offered: dict[str, Offer]) -> None:
    offer = offered["revoked-stapled"]
    assert verdict(spoke(offer)) is RECORDED
    asked = replace(spoke(offer), hello=hello(5))
    assert verdict(asked) is WARN


def test_a_refusal_without_a_control_waits_for_it(offered: dict[str, Offer]) -> None:
    assert rule(left(offered["expired"]), control=False, speaks=False).needs is Needs.CONTROL
    assert rule(left(offered["expired"]), control=False, speaks=False).then is PASS
    assert rule(left(offered["rsa-3072"]), control=False, speaks=False).then is WARN
    # What was accepted needs none, and the good chain is the control.
    assert verdict(spoke(offered["expired"]), control=False) is FAIL
    assert verdict(left(offered["good"]), control=False) is FAIL


def test_what_is_no_tls_client_is_not_judged(offered: dict[str, Offer]) -> None:
    for told in (
        Told(offered["expired"]),
        Told(offered["expired"], received=10),
        Told(offered["expired"], received=10, cleartext=b"GET / HTTP/1.1"),
    ):
        assert answer_to(told).reaction is Reaction.NOTHING
        assert verdict(told) is NOT_JUDGED


# --- several connections


def rulings(ledger: Ledger, address: str = ADDRESS) -> dict[str, Ruling]:
    return {name: tally.ruling for name, tally in ledger.clients[address].tallies.items()}


def taken(*seen: Told) -> Ledger:
    ledger = Ledger()
    for one in seen:
        ledger.take(ADDRESS, one)
    return ledger


def test_a_control_that_comes_later_settles_what_was_before(offered: dict[str, Offer]) -> None:
    ledger = taken(left(offered["expired"], alert=45), left(offered["rsa-3072"]), spoke(offered["wrong-host"]))
    assert rulings(ledger) == {"expired": INCONCLUSIVE, "rsa-3072": INCONCLUSIVE, "wrong-host": FAIL}
    entry = ledger.take(ADDRESS, spoke(offered["good"]))
    assert [tally.offer.name for tally in entry.settled] == ["expired", "rsa-3072"]
    assert rulings(ledger) == {"expired": PASS, "rsa-3072": WARN, "wrong-host": FAIL, "good": PASS}
    assert ledger.clients[ADDRESS].tallies["expired"].why.endswith("; the control came later")
    assert ledger.take(ADDRESS, spoke(offered["good"])).settled == ()


def test_a_handshake_with_the_good_chain_is_a_control_and_a_refused_one_is_not(offered: dict[str, Offer]) -> None:
    assert rulings(taken(left(offered["expired"]), completed(offered["good"])))["expired"] is PASS
    assert rulings(taken(left(offered["expired"]), left(offered["good"])))["expired"] is INCONCLUSIVE
    angry = replace(completed(offered["good"]), alert=TlsAlert(2, 42, "x"), alert_after_handshake=True)
    assert rulings(taken(left(offered["expired"]), angry))["expired"] is INCONCLUSIVE
    assert rulings(taken(left(offered["expired"]), spoke(offered["tls-1.2"])))["expired"] is INCONCLUSIVE


def test_the_control_of_one_address_is_none_for_another(offered: dict[str, Offer]) -> None:
    ledger = taken(left(offered["expired"]))
    ledger.take("192.0.2.10", spoke(offered["good"]))
    assert rulings(ledger) == {"expired": INCONCLUSIVE}


def test_one_acceptance_is_one_too_many_and_one_of_the_good_is_enough(offered: dict[str, Offer]) -> None:
    good, expired = offered["good"], offered["expired"]
    assert rulings(taken(left(good), spoke(good), left(expired), spoke(expired), left(expired))) == {
        "good": PASS,
        "expired": FAIL,
    }
    assert rulings(taken(left(expired), completed(expired), spoke(good)))["expired"] is PASS


def test_a_silent_close_is_a_refusal_only_between_two_good_connections_with_data(offered: dict[str, Offer]) -> None:
    good, late = spoke(offered["good"]), completed(offered["wrong-host"])
    assert rulings(taken(late))["wrong-host"] is INCONCLUSIVE
    assert rulings(taken(late, good))["wrong-host"] is INCONCLUSIVE
    assert rulings(taken(good, late))["wrong-host"] is INCONCLUSIVE
    assert rulings(taken(good, late, good))["wrong-host"] is PASS
    refused_good_key = completed(offered["rsa-3072"])
    assert rulings(taken(good, refused_good_key, good))["rsa-3072"] is WARN


def test_a_client_that_is_sometimes_silent_over_the_good_chain_has_no_habit(offered: dict[str, Offer]) -> None:
    good, silent, late = spoke(offered["good"]), completed(offered["good"]), completed(offered["wrong-host"])
    assert rulings(taken(silent, good, late, good))["wrong-host"] is INCONCLUSIVE
    assert rulings(taken(good, late, silent, good))["wrong-host"] is INCONCLUSIVE
    ledger = taken(good, late, good)
    entry = ledger.take(ADDRESS, silent)
    assert [tally.offer.name for tally in entry.settled] == ["wrong-host"]
    assert rulings(ledger)["wrong-host"] is INCONCLUSIVE


@pytest.mark.parametrize("by", [EndedBy.PATIENCE, EndedBy.STOP])
def test_who_stays_has_not_refused(offered: dict[str, Offer], by: EndedBy) -> None:
    good = spoke(offered["good"])
    assert rulings(taken(good, completed(offered["expired"], by=by), good))["expired"] is INCONCLUSIVE


def test_a_person_who_ends_a_program_has_not_refused(offered: dict[str, Offer]) -> None:
    good = spoke(offered["good"])
    assert rulings(taken(good, completed(offered["expired"], after_s=1.5), good))["expired"] is INCONCLUSIVE


def test_alerts_are_counted_by_number(offered: dict[str, Offer]) -> None:
    ledger = taken(*(left(offered["expired"], alert=alert) for alert in (45, 45, 46)))
    assert dict(ledger.clients[ADDRESS].tallies["expired"].alerts) == {(45, "x"): 2, (46, "x"): 1}


def test_what_is_kept_is_bounded(offered: dict[str, Offer]) -> None:
    ledger = Ledger()
    for number in range(CLIENTS_LIMIT + 5):
        ledger.take(str(number), spoke(offered["good"]))
    assert (len(ledger.clients), ledger.beyond) == (CLIENTS_LIMIT, 5)
    assert ledger.take("one more", spoke(offered["expired"])).ruled == Ruled(
        NOT_JUDGED, "too many addresses: it is not judged"
    )
    for number in range(300):
        shaped = replace(left(offered["expired"], alert=number % 256), hello=hello(number + 100))
        ledger.take("0", shaped)
    client = ledger.clients["0"]
    assert len(client.shapes) <= 8
    assert len(client.tallies["expired"].alerts) <= 8
    assert client.connections == 301
