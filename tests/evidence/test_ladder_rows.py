"""What a ladder shows of each thing that can be seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from certsuite.core.events import (
    BenchChanged,
    Cleartext,
    ClientHelloSeen,
    ConnectionAttempt,
    DigestChecked,
    DriverAction,
    DtmfEvent,
    Event,
    Expectation,
    FlowClosed,
    FlowOpened,
    MediaOpened,
    MediaWindow,
    Note,
    RootProbeAnswer,
    RtcpSeen,
    SipGarbage,
    SipKeepAlive,
    SipMessageSeen,
    SubscriptionChanged,
    TlsAlert,
    TlsEstablished,
)
from certsuite.core.observations import Observation
from certsuite.evidence.ladder_rows import DEVICE, MEDIA, Row, is_worth_a_ladder, ladder_rows, participants

CALL = "c@h"


def at(number: int, event: Event, direction: str = "in", flow: str = "f1", edge: str | None = "primary") -> Observation:
    return Observation(number, 0, number * 1_000_000_000, "", event, flow=flow, edge=edge, direction=direction)


def one(event: Event, direction: str = "in") -> Row:
    (row,) = ladder_rows([at(0, event, direction)])
    return row


def window(*, tone: float = 0.0, packets: int = 50, auth_failures: int = 0, sent: int = 0) -> MediaWindow:
    return MediaWindow(CALL, 1.0, packets, 0, auth_failures, 0, "", 1, tone, -9.0, 0.9, 440.0, sent)


@pytest.mark.parametrize(
    ("event", "direction", "source", "target", "text", "tone"),
    [
        (
            SipMessageSeen(b"REGISTER sip:a SIP/2.0\r\nCSeq: 2 REGISTER\r\n\r\n"),
            "in",
            DEVICE,
            "primary",
            "REGISTER sip:a · CSeq 2",
            "plain",
        ),
        (
            SipMessageSeen(b"SIP/2.0 401 Unauthorized\r\nCSeq:2 REGISTER\r\n\r\n"),
            "out",
            "primary",
            DEVICE,
            "401 Unauthorized · 2 REGISTER",
            "plain",
        ),
        (
            SipMessageSeen(b"SIP/2.0 503 Busy\r\nCSeq:2 REGISTER\r\n\r\n"),
            "out",
            "primary",
            DEVICE,
            "503 Busy · 2 REGISTER",
            "bad",
        ),
        (SipMessageSeen(b"\x16\x03nothing"), "in", DEVICE, "primary", "\\x16\\x03nothing", "bad"),
        (TlsAlert(2, 48, "unknown_ca"), "in", DEVICE, "primary", "Alert 48 unknown_ca (fatal)", "bad"),
        (TlsAlert(1, 0, "close_notify"), "out", "primary", DEVICE, "Alert 0 close_notify (warning)", "quiet"),
        (
            RootProbeAnswer("AB", "spoof", "TLSv1.3", "unknown", 0, "alert", 48),
            "in",
            "",
            "",
            "answers spoof TLSv1.3, unknown root: alert 48",
            "mark",
        ),
        (TlsEstablished("TLSv1.2", "AES"), "in", "primary", DEVICE, "TLS established · TLSv1.2 · AES", "good"),
        (
            ClientHelloSeen(b"", "TLSv1.2", (), (1, 2)),
            "in",
            DEVICE,
            "primary",
            "ClientHello · TLSv1.2 · no server name · 2 cipher suites",
            "plain",
        ),
        (
            FlowOpened("a:1", "b:2", "device", "sip-tls-default"),
            "in",
            DEVICE,
            "primary",
            "TCP opens to a:1 from b:2, sip-tls-default",
            "quiet",
        ),
        (FlowClosed("bench", "fin"), "in", "primary", DEVICE, "TCP closes (fin)", "quiet"),
        (FlowClosed("network", "timeout"), "in", "", "", "connection with primary lost (timeout)", "bad"),
        (ConnectionAttempt("a:1", "b:2", "refused"), "in", DEVICE, "primary", "SYN to a:1 from b:2, refused", "bad"),
        (
            SubscriptionChanged("dialog", "a@x", 600, "s"),
            "in",
            "",
            "",
            "subscription to dialog of a@x granted 600 s",
            "action",
        ),
        (
            SubscriptionChanged("dialog", "a@x", 0, "s", "expired"),
            "in",
            "",
            "",
            "subscription to dialog of a@x gone (expired)",
            "bad",
        ),
        (Cleartext("udp", "b:2", b"abc"), "in", DEVICE, "primary", "3 bytes in the clear over udp from b:2", "bad"),
        (
            SipGarbage(b"x", 9, "no start line"),
            "in",
            DEVICE,
            "primary",
            "9 bytes that are no SIP: no start line",
            "bad",
        ),
        (DtmfEvent(CALL, "5", 160.0, 3, 11), "in", DEVICE, MEDIA, "DTMF 5 · 160 ms · 3 end packets", "media"),
        (BenchChanged("edge primary", "refuses"), "in", "", "", "bench: edge primary is now refuses", "action"),
        (
            DriverAction("dial", {"uri": "sip:a"}, False, "no answer"),
            "in",
            "",
            "",
            "device is told to dial uri=sip:a: no answer",
            "bad",
        ),
        (
            DigestChecked("REGISTER", "u", "r", False, True, True),
            "in",
            "",
            "",
            "credentials for REGISTER: wrong response",
            "bad",
        ),
        (Expectation("tls.refuses", "TLS", 0, 1), "in", "", "", "expects tls.refuses", "mark"),
    ],
)
def test_each_thing_has_its_row(event: Event, direction: str, source: str, target: str, text: str, tone: str) -> None:
    row = one(event, direction)
    assert (row.source, row.target, row.text, row.tone) == (source, target, text, tone)


def test_media_that_says_the_same_is_one_arrow() -> None:
    events = [window(), window(tone=1001), window(tone=998), window(tone=1003, sent=50), window(tone=1000, sent=50)]
    opened = MediaOpened(CALL, "", "", "PCMA/8000", "AES_CM_128_HMAC_SHA1_80", 8)
    rows = ladder_rows([at(number, event) for number, event in enumerate([opened, *events])])
    assert [row.text for row in rows[1:]] == [
        "SRTP PCMA/8000 · no tone · 50 packets",
        "SRTP PCMA/8000 · 1000 Hz heard · 200 packets",
        "SRTP PCMA/8000 · 440 Hz sent · 100 packets",
    ]
    assert [row.source for row in rows[1:]] == [DEVICE, DEVICE, MEDIA]


def test_media_that_fails_stands_out() -> None:
    opened = MediaOpened(CALL, "", "", "PCMA/8000", "none", 8)
    rows = ladder_rows([at(0, opened), at(1, window(packets=0)), at(2, window(packets=0, auth_failures=50))])
    assert [(row.text, row.tone) for row in rows[1:]] == [
        ("no RTP arrives", "bad"),
        ("RTP PCMA/8000 · no tone · not authentic", "bad"),
    ]


def test_media_on_either_side_of_a_message_is_two_arrows() -> None:
    bye = SipMessageSeen(b"BYE sip:a SIP/2.0\r\nCSeq: 1 BYE\r\n\r\n")
    rows = ladder_rows([at(0, window()), at(1, bye), at(2, window())])
    assert [row.packets for row in rows] == [50, 0, 50]


def test_keep_alives_are_counted() -> None:
    pings = [at(number, SipKeepAlive("ping")) for number in range(3)]
    (row,) = ladder_rows(pings)
    assert row.text == "CRLF ping · 3 times"


def test_the_second_of_two_calls_is_numbered() -> None:
    messages = [
        b"INVITE sip:a SIP/2.0\r\nCSeq: 1 INVITE\r\nCall-ID: one\r\n\r\n",
        b"INVITE sip:b SIP/2.0\r\nCSeq: 1 INVITE\r\nCall-ID: two\r\n\r\n",
        b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\nCall-ID: two\r\n\r\n",
        b"BYE sip:a SIP/2.0\r\nCSeq: 2 BYE\r\nCall-ID: one\r\n\r\n",
        b"REGISTER sip:a SIP/2.0\r\nCSeq: 3 REGISTER\r\nCall-ID: three\r\n\r\n",
    ]
    rows = ladder_rows([at(number, SipMessageSeen(raw)) for number, raw in enumerate(messages)])
    assert [row.text.rpartition(" \xb7 ")[2] for row in rows] == ["CSeq 1", "call 2", "call 2", "CSeq 2", "CSeq 3"]


def test_rtcp_in_the_clear_stands_out_beside_srtp() -> None:
    opened = MediaOpened(CALL, "", "", "PCMA/8000", "AES_CM_128_HMAC_SHA1_80", 8)
    bye = RtcpSeen(CALL, "", "none", False, 76, ("BYE", "SDES"))
    read = RtcpSeen(CALL, "", "srtcp", False, 76, ("SR", "SDES"))
    rows = ladder_rows([at(0, opened), at(1, read), at(2, bye), at(3, bye, "out")])
    assert [(row.text, row.tone) for row in rows[1:]] == [("RTCP BYE+SDES in the clear", "bad")]


def test_silence_of_an_instant_is_none() -> None:
    assert ladder_rows([at(0, replace(window(packets=0), duration_s=0.05))]) == []


def test_a_message_that_comes_again_is_marked() -> None:
    ok = SipMessageSeen(b"SIP/2.0 200 OK\r\nCSeq:2 INVITE\r\n\r\n")
    assert [row.text for row in ladder_rows([at(0, ok), at(1, ok)])] == [
        "200 OK · 2 INVITE",
        "200 OK · 2 INVITE · again",
    ]


def test_a_foreign_connection_is_named_and_not_drawn() -> None:
    rows = ladder_rows(
        [
            at(0, FlowOpened("a:1", "b:2", "foreign", "sip-tls"), flow="x9"),
            at(1, TlsEstablished("TLSv1.2", "AES"), flow="x9"),
            at(2, TlsEstablished("TLSv1.2", "AES"), flow="f1"),
        ]
    )
    assert [row.seq for row in rows] == [0, 2]


def test_an_edge_is_known_by_its_flow() -> None:
    rows = ladder_rows(
        [
            at(0, FlowOpened("a:1", "b:2", "device", "sip-tls"), edge="secondary"),
            at(1, SipMessageSeen(b"SIP/2.0 200 OK\r\n\r\n"), "out", edge=None),
        ]
    )
    assert rows[1].source == "secondary"
    assert participants(rows) == [DEVICE, "secondary"]


def test_times_start_again_with_a_resumed_segment() -> None:
    before = Observation(0, 0, 9_000_000_000, "", Note("a"))
    after = Observation(1, 1, 2_000_000_000, "", Note("b"))
    assert [(row.t, row.text.split()[0]) for row in ladder_rows([before, after])] == [(0, "a"), (0, "the"), (0, "b")]


def test_only_what_crossed_the_wire_is_worth_a_ladder() -> None:
    assert not is_worth_a_ladder([at(0, Note("x")), at(1, Expectation("a", "b", 0, 1))])
    assert is_worth_a_ladder([at(0, TlsAlert(2, 48, "unknown_ca"))])


def test_of_a_long_span_the_middle_is_passed_over_and_known_all_the_same() -> None:
    middle = [at(number, Note("between"), edge="primary", flow="f1") for number in range(1000, 1500)]
    notes = [at(number, Note(f"note {number}"), flow="f2") for number in (*range(1000), *range(1500, 2499))]
    last = at(2499, SipGarbage(b"?", 1, "no SIP"), edge=None)
    rows = ladder_rows([*notes[:1000], *middle, *notes[1000:], last])
    assert len(rows) == 2001
    assert [row.text for row in rows[999:1002]] == [
        "note 999",
        "… left out here: numbers 1000 to 1499 of record.jsonl …",
        "note 1500",
    ]
    # The flow's edge was told of in the middle alone.
    assert (rows[-1].seq, rows[-1].target) == (2499, "primary")
