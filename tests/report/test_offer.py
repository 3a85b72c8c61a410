"""What the device offered, as the report tells it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from certsuite.core.events import ClientHelloSeen, TlsAlert, TlsPresented
from certsuite.core.findings import Evidence
from certsuite.core.journal import Journal
from certsuite.core.observations import IN, OUT
from certsuite.report.html import index_html
from certsuite.report.offer import LIST_SHOWN, SHAPES_SHOWN, gather_offer
from certsuite.tls.client_hello import parse_client_hello
from certsuite.tls.suite_judgement import Grade

if TYPE_CHECKING:
    from tests.report.conftest import Run

BODY = b"".join(
    (
        b"\x03\x03" + bytes(32) + b"\x00",
        b"\x00\x06\xc0\x2f\x00\x05\x00\xff",
        b"\x01\x00",
        b"\x00\x08\x00\x0a\x00\x04\x00\x02\x00\x1d",
    )
)
HELLO = parse_client_hello(b"\x01" + len(BODY).to_bytes(3, "big") + BODY)


def test_alike_hellos_are_one_kind_and_the_most_frequent_is_first(run: Run) -> None:
    journal = Journal(StandingClock())
    for flow, hello in (
        ("f1", replace(HELLO, versions=("TLSv1.3", "TLSv1.2"), extensions=(10, 43))),
        ("f2", HELLO),
        ("f3", replace(HELLO, extensions=(10, 23, 41), server_name="edge.lab.example")),
        ("x4", replace(HELLO, versions=("SSLv3",))),
    ):
        journal.record(hello, flow=flow, edge="primary", direction=IN)
    offer = gather_offer(journal.since(0))
    assert offer is not None
    assert (offer.hellos, [shape.count for shape in offer.shapes], offer.more_shapes) == (3, [2, 1], 0)
    shape = offer.shapes[0]
    assert (shape.versions, shape.groups, shape.server_names) == (
        ("up to TLSv1.2",),
        ("x25519",),
        ("edge.lab.example",),
    )
    assert shape.grades == [(Grade.WEAK, 1), (Grade.SIGNAL, 1), (Grade.GOOD, 1)]
    assert [bool(re.fullmatch("[0-9a-f]{32}", one)) for one in shape.fingerprints] == [True, True]
    assert shape.extensions == (("supported_groups", 2), ("extended_master_secret", 1), ("pre_shared_key", 1))
    assert not shape.shuffles
    assert shape.differs == ()
    assert [str(change) for change in offer.shapes[1].differs] == [
        "Versions: added TLSv1.3, TLSv1.2; gone up to TLSv1.2",
        "Extensions: added supported_versions; gone extended_master_secret, pre_shared_key",
        f"Fingerprint: added {offer.shapes[1].fingerprints[0]}; gone {', '.join(shape.fingerprints)}",
    ]


def test_a_client_that_shuffles_and_puts_grease_is_one_kind() -> None:
    journal = Journal(StandingClock())
    for number, extensions in ((0x0A0A, (10, 23)), (0x1A1A, (23, 10)), (0x2A2A, (10, 23))):
        hello = replace(HELLO, cipher_suites=(number, 0xC02F), groups=(number, 29), extensions=(number, *extensions))
        journal.record(hello, flow=f"f{number}", edge="primary", direction=IN)
    offer = gather_offer(journal.since(0))
    assert offer is not None
    (shape,) = offer.shapes
    assert (shape.count, shape.shuffles, offer.shuffles) == (3, True, True)
    assert offer.offered["suites"] == ("0xc02f TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",)
    assert offer.offered["groups"] == ("0x001d x25519",)
    assert offer.offered["extensions"] == ("0x000a supported_groups", "0x0017 extended_master_secret")


def test_a_known_stack_is_named_and_an_unknown_one_is_not(run: Run) -> None:
    # The five lists of the fingerprint, as Python on OpenSSL 3.0 sends them without a server's name.
    suites, extensions, groups = (
        tuple(int(number) for number in numbers.split("-"))
        for numbers in (
            "4866-4867-4865-49196-49200-49195-49199-52393-52392-49188-49192-49187-49191-159-158-107-103-255",
            "11-10-35-22-23-13-43-45-51-21",
            "29-23-30-25-24-256-257-258-259-260",
        )
    )
    formats = b"\x00\x08\x00\x0b\x00\x04\x03\x00\x01\x02"
    body = b"\x03\x03" + bytes(32) + b"\x00\x00\x02\xc0\x2f\x01\x00" + formats
    raw = b"\x01" + len(body).to_bytes(3, "big") + body
    python = replace(HELLO, raw=raw, cipher_suites=suites, extensions=extensions, groups=groups)
    journal = Journal(StandingClock())
    for flow, hello in (("f1", python), ("f2", python), ("f3", HELLO)):
        journal.record(hello, flow=flow, edge="primary", direction=IN)
    offer = gather_offer(journal.since(0))
    assert offer is not None
    assert [shape.likenesses for shape in offer.shapes] == [
        ("like OpenSSL 3.0 as Python configures it (as of 3.0.22)",),
        (),
    ]
    page = index_html(run.result, {}, {}, offer).decode("utf-8")
    assert page.count("like OpenSSL 3.0 as Python configures it (as of 3.0.22)") == 1


def test_every_property_of_a_hello_makes_a_kind_of_its_own() -> None:
    journal = Journal(StandingClock())
    for flow, hello in (
        ("f1", HELLO),
        ("f2", HELLO),
        ("f3", replace(HELLO, legacy_version="TLSv1")),
        ("f4", replace(HELLO, alpn=("sip",))),
        ("f5", replace(HELLO, compression_methods=(1, 0))),
    ):
        journal.record(hello, flow=flow, edge="primary", direction=IN)
    offer = gather_offer(journal.since(0))
    assert offer is not None
    assert [[str(one) for one in shape.differs] for shape in offer.shapes] == [
        [],
        ["Legacy version: added TLSv1; gone TLSv1.2", "Versions: added up to TLSv1; gone up to TLSv1.2"],
        ["ALPN: added sip"],
        ["Compression: added offered"],
    ]


def test_alerts_are_told_with_what_they_answered(run: Run) -> None:
    journal = Journal(StandingClock())
    for frame, (flow, presentation) in enumerate(
        (("f1", "unknown-root"), ("f2", "unknown-root"), ("f3", "wrong-host")), start=17
    ):
        journal.record(HELLO, flow=flow, edge="primary", direction=IN)
        journal.record(TlsPresented(presentation, ("TLSv1.2",)), flow=flow, edge="primary", direction=OUT)
        journal.record(TlsAlert(2, 48, "a name of its own"), flow=flow, edge="primary", direction=IN, frame=frame)
        journal.record(TlsAlert(1, 0, "close_notify"), flow=flow, edge="primary", direction=IN)
        journal.record(TlsAlert(2, 40, "handshake_failure"), flow=flow, edge="primary", direction=OUT)
    journal.record(TlsPresented("good", ("TLSv1.2",)), flow="f4", edge="primary", direction=OUT)
    offer = gather_offer(journal.since(0))
    assert offer is not None
    (alert,) = offer.alerts
    assert (alert.number, alert.name, alert.fatal, alert.count) == (48, "unknown_ca", True, 3)
    assert [(one.what, one.count, one.first) for one in alert.answered] == [
        ("unknown-root: TLSv1.2", 2, Evidence(2, 17)),
        ("wrong-host: TLSv1.2", 1, Evidence(12, 19)),
    ]
    assert offer.answers == {
        "good: TLSv1.2": (),
        "unknown-root: TLSv1.2": ("48 unknown_ca",),
        "wrong-host: TLSv1.2": ("48 unknown_ca",),
    }
    page = index_html(run.result, {}, run.titles, offer).decode()
    assert "48 unknown_ca</strong>" in page
    assert "2 times, first" in page
    assert "#2 (frame 17)" in page


def test_no_hello_no_offer(run: Run) -> None:
    assert gather_offer(()) is None
    page = index_html(run.result, {}, run.titles).decode()
    assert "What the device offered" not in page


def test_a_flood_of_different_hellos_is_bounded() -> None:
    journal = Journal(StandingClock())
    for number in range(SHAPES_SHOWN + 3):
        suites = (number, *range(30_000))
        journal.record(replace(HELLO, cipher_suites=suites), flow=f"f{number}", edge="primary", direction=IN)
    offer = gather_offer(journal.since(0))
    assert offer is not None
    assert (len(offer.shapes), offer.more_shapes) == (SHAPES_SHOWN, 3)
    assert all(len(shape.suites) == LIST_SHOWN for shape in offer.shapes)


def test_the_page_shows_it_and_nothing_of_it_is_live(run: Run) -> None:
    live = "<script>alert(1)</script>\x1b[31m\u202e"
    journal = Journal(StandingClock())
    hello = ClientHelloSeen(b"\x01", live, (live,), (0xC02F, 0x0005), live, (live,), (29,), (0x0201,), (0, 65281))
    journal.record(hello, flow="f1", edge="primary", direction=IN)
    journal.record(TlsPresented(live, (live,), live), flow="f1", edge="primary", direction=OUT)
    journal.record(TlsAlert(2, 48, live), flow="f1", edge="primary", direction=IN)
    page = index_html(run.result, {}, run.titles, gather_offer(journal.since(0))).decode()
    assert "What the device offered" in page
    assert "TLS_RSA_WITH_RC4_128_SHA" in page
    assert "rsa_pkcs1_sha1" in page
    assert "renegotiation_info" in page
    assert "<script" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page)


class StandingClock:
    """A clock that stands."""

    def monotonic_ns(self) -> int:
        return 5_000_000_000

    def utc(self) -> float:
        return 1_795_292_100.0
